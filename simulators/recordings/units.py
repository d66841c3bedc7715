"""Units of the three channels of a recording, and the one error that all readers raise."""

from __future__ import annotations

from typing import Final


class RecordingError(ValueError):
    """A recording cannot be used; the message is one sentence: what was found, what is needed, what to do."""


# Case counts (mV is not MV). Everything is kept in the unit of factor 1; NWB writes units as words.
UNITS: Final = {
    "time": {"us": 1e-3, "ms": 1.0, "s": 1e3, "sec": 1e3, "second": 1e3, "seconds": 1e3},
    "voltage": {"uV": 1e-3, "mV": 1.0, "V": 1e3, "volt": 1e3, "volts": 1e3, "Volt": 1e3, "Volts": 1e3},
    "current": {"pA": 1e-6, "nA": 1e-3, "uA": 1.0, "mA": 1e3, "A": 1e6}
    | dict.fromkeys(("amp", "amps", "Amp", "Amps", "amperes", "Amperes"), 1e6),
}
CHANNELS: Final = tuple(UNITS)


def unit_factor(channel: str, unit: str | None, *, of: str = "") -> float:
    """The number that turns ``channel`` ("time", "voltage", "current") from ``unit`` into ms, mV or uA.

    ``of`` is what to call the channel in a message, where its own name does not do.

    Raises:
        RecordingError: the unit is missing or not one of the channel.
    """
    known, channel = UNITS[channel], of or channel
    accepted = ", ".join(name for name in known if len(name) <= 2)
    if not unit:
        raise RecordingError(f"the {channel} has no unit; give one of {accepted}.")
    spelled = unit.strip().replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    if spelled not in known:
        raise RecordingError(f"the unit of the {channel} is '{unit}', but one of {accepted} is needed.")
    return known[spelled]
