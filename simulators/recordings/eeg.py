"""EEG as epochs of 8 s at 128 Hz in microvolts, from FIF, EDF, BDF, BrainVision or CSV files.

A file of continuous EEG is cut into epochs: back to back within each condition that its annotations, markers
or trigger channels tell (what is left over is shared by both ends), or throughout where they tell none. Files
that are cut already keep the middle 8 s of each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float

from simulators.features.band_pass import Band
from simulators.recordings.units import RecordingError

SAMPLING_RATE: Final = 128.0  # Hz
SECONDS: Final = 8
NUM_SAMPLES: Final = round(SAMPLING_RATE * SECONDS)
MICROVOLTS: Final = {"uV": 1.0, "mV": 1e3, "V": 1e6}
# uV, of the median sd within a second. Wide enough for any scalp EEG, narrow enough to notice a wrong unit.
PLAUSIBLE: Final = (0.1, 1000.0)


@dataclass(frozen=True)
class EegOptions:
    """How an EEG file is read.

    Attributes:
        channel: by name; None: Oz where there is one, or the only one.
        low, high: of the band-pass, Hz; None: none. A model that is driven by the epochs filters its own
            simulations in the same way.
        markers: what markers mean, as "1 = closed"; words such as "eyes closed" are understood as they are.
        condition_seconds: how long a condition lasts after its marker; None: as long as the file says, else
            until the next marker.
        unit: of the file's own numbers where it tells none or a wrong one.

    Raises:
        RecordingError: an unknown unit.
    """

    channel: str | None = field(
        default=None, metadata={"label": "Channel", "help": "By name; empty: Oz, or the only one."}
    )
    low: float | None = field(
        default=3.0, metadata={"label": "Band from", "unit": "Hz", "help": "Empty: no high-pass."}
    )
    high: float | None = field(
        default=40.0, metadata={"label": "Band to", "unit": "Hz", "help": "Empty: no low-pass."}
    )
    markers: tuple[str, ...] = field(
        default=(), metadata={"label": "Markers", "help": "What they mean, such as 1 = closed, 2 = open."}
    )
    condition_seconds: float | None = field(
        default=None,
        metadata={
            "label": "Condition lasts",
            "unit": "s",
            "bounds": (SECONDS, None),
            "help": "After its marker; empty: until the next one.",
        },
    )
    unit: Literal["as told", "uV", "mV", "V"] = field(
        default="as told", metadata={"label": "Unit", "help": "Of its numbers, where the file is wrong."}
    )

    def __post_init__(self) -> None:
        if self.unit not in ("as told", *MICROVOLTS):
            raise RecordingError(f"the unit is {' or '.join(MICROVOLTS)}; got '{self.unit}'.")

    @property
    def band(self) -> Band:
        """Of the band-pass, Hz."""
        return self.low, self.high

    def meanings(self) -> dict[str, str]:
        """Marker -> condition, as ``markers`` says.

        Raises:
            RecordingError: an entry has no "=".
        """
        pairs = [entry.partition("=") for entry in self.markers]
        for entry, (marker, sign, condition) in zip(self.markers, pairs, strict=True):
            if not (sign and marker.strip() and condition.strip()):
                raise RecordingError(f"what a marker means is written '1 = closed'; got '{entry}'.")
        return {marker.strip(): condition.strip() for marker, _, condition in pairs}


@dataclass(frozen=True, eq=False)
class EegEpochs:
    """Epochs of one channel, checked when they are made.

    Attributes:
        epochs: shape (n, 1024), in ``unit``, 128 samples per second.
        labels: condition of each, "closed", "open" or another; "" where it is unknown.
        channel: name of the electrode.
        unit: "uV".
        attrs: "file" (its name), "number" (of each epoch in the file), "start" (of each, in s; None where the
            file has cut them), "band" (of the band-pass, Hz), "channels" (all of the file), "found" (one
            sentence for people).

    Raises:
        RecordingError: no epochs, NaN, a flat channel, or amplitudes that no EEG has.
    """

    epochs: Float[np.ndarray, "n 1024"]
    labels: tuple[str, ...]
    channel: str
    unit: str = "uV"
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = np.shape(self.epochs)
        if len(shape) != 2 or shape[1] != NUM_SAMPLES or shape[0] != len(self.labels) or not shape[0]:
            raise RecordingError(
                f"epochs have the shape (n, {NUM_SAMPLES}) and n labels; got shape {shape} and "
                f"{len(self.labels)} labels."
            )
        check_amplitude(self.epochs, self.channel)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each: "epoch 3"."""
        return tuple(f"epoch {number}" for number in self.attrs.get("number", range(len(self))))

    @property
    def band(self) -> Band:
        """Of the band-pass that they went through, Hz."""
        return self.attrs.get("band", (None, None))

    @property
    def channels(self) -> tuple[str, ...]:
        """All channels of the file."""
        return self.attrs.get("channels", (self.channel,))

    @property
    def told(self) -> str:
        """What was found, for people."""
        return self.attrs.get("found", "")

    def only(self, number: int | None) -> EegEpochs:
        """The epoch of that number; None: the only one.

        Raises:
            RecordingError: there is none, or several to choose from.
        """
        if number is None and len(self) > 1:
            raise RecordingError(f"there are {len(self)} epochs; choose one of 0 to {len(self) - 1}.")
        at = number or 0
        if not 0 <= at < len(self):
            raise RecordingError(f"there is no epoch {at}; the file has 0 to {len(self) - 1}.")
        each = {name: (self.attrs[name][at],) for name in ("number", "start") if name in self.attrs}
        return EegEpochs(
            self.epochs[at : at + 1],
            self.labels[at : at + 1],
            self.channel,
            self.unit,
            {**self.attrs, **each},
        )


def check_amplitude(series: Float[np.ndarray, "n time"], channel: str, hint: str = "") -> None:
    """Raise RecordingError for EEG (uV) with gaps, of a flat channel, or of an amplitude that no head has.

    Args:
        series: 128 samples per second.
        channel: its name.
        hint: what to do about a wrong unit.
    """
    bad = int(np.sum(~np.isfinite(series)))
    if bad:
        raise RecordingError(
            f"{channel} is NaN or infinite in {bad} of {series.size} samples; repair it or cut it there."
        )
    amplitude = typical_amplitude(series)
    if amplitude == 0:
        raise RecordingError(f"{channel} is flat; choose another channel.")
    least, most = PLAUSIBLE
    if not least <= amplitude <= most:
        guess = "microvolts that are called volts or millivolts"
        if amplitude < least:
            guess = "volts or millivolts that are called microvolts"
        raise RecordingError(
            f"{channel} has an amplitude of {amplitude:.3g} uV (sd within a second), but an EEG has "
            f"{least:g} to {most:g} uV; these look like {guess}{hint}."
        )


def typical_amplitude(series: Float[np.ndarray, "n time"]) -> float:
    """The median sd within a second: drifts and single artefacts do not count."""
    second = round(SAMPLING_RATE)
    windows = series[:, : series.shape[1] // second * second].reshape(-1, second)
    return float(np.median(windows.std(axis=1)))
