"""Cells: several cells recorded together, each by its spikes or each by its voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from simulators.recordings.checks import check_finite, check_voltage
from simulators.recordings.units import RecordingError

MAX_SPIKES: Final = 100_000  # of one cell
INTERVAL: Final = (1.0, 1000.0)  # ms; between which the median interval of a neuron that fires in bursts lies
DURATION: Final = (3.0, 300.0)  # s of voltage


@dataclass(frozen=True, eq=False)
class SpikeTrains:
    """The spikes of some cells, checked when they are made.

    Attributes:
        names: of the cells, in the order in which a model wants them.
        times: of the spikes of each, in ms, in order.
        label: what to call the recording in titles.

    Raises:
        RecordingError: a cell without spikes, times that are not in order or not finite, or intervals that no
            neuron has (most often a wrong unit).
    """

    names: tuple[str, ...]
    times: tuple[Float[np.ndarray, " _"], ...]
    label: str = ""

    def __post_init__(self) -> None:
        for name, times in zip(self.names, self.times, strict=True):
            _check_train(name, times)

    @property
    def summary(self) -> str:
        """What was recorded, in a few words."""
        last, first = max(train[-1] for train in self.times), min(train[0] for train in self.times)
        return f"spikes of {(last - first) / 1e3:.3g} s"


@dataclass(frozen=True, eq=False)
class VoltageTraces:
    """The membrane potentials of some cells, checked when they are made.

    Attributes:
        names: of the cells, in the order in which a model wants them.
        voltage: of each, in mV, shape (len(names), T).
        dt: sampling interval in ms.
        label: what to call the recording in titles.

    Raises:
        RecordingError: NaN, a recording that is too short or too long, or voltages that no cell has.
    """

    names: tuple[str, ...]
    voltage: Float[np.ndarray, "cells time"]
    dt: float
    label: str = ""

    def __post_init__(self) -> None:
        for name, voltage in zip(self.names, self.voltage, strict=True):
            check_finite(f"voltage of {name}", voltage)
            check_voltage(voltage, f"voltage of {name}")
        least, most = DURATION
        if not least <= self.seconds <= most:
            raise RecordingError(
                f"the voltages last {self.seconds:.3g} s, but {least:g} to {most:g} s are needed; check the "
                "unit of the time, or cut the recording."
            )

    @property
    def seconds(self) -> float:
        """How long the recording is."""
        return self.voltage.shape[1] * self.dt / 1e3

    @property
    def summary(self) -> str:
        """What was recorded, in a few words."""
        return f"voltages of {self.seconds:.3g} s"


Cells = SpikeTrains | VoltageTraces


def _check_train(name: str, times: np.ndarray) -> None:
    if len(times) < 2:
        raise RecordingError(f"{name} has {len(times)} spikes, but bursts of them are needed.")
    if len(times) > MAX_SPIKES:
        raise RecordingError(
            f"{name} has {len(times)} spikes, more than {MAX_SPIKES}; cut the recording (a voltage needs a "
            "column time beside it)."
        )
    check_finite(f"spikes of {name}", times)
    intervals = np.diff(times)
    wrong = np.flatnonzero(intervals < 0)
    if len(wrong):
        first = wrong[0]
        raise RecordingError(
            f"the spikes of {name} are not in order ({times[first + 1]:g} ms after {times[first]:g} ms); "
            "sort them, and keep each cell in a column of its own."
        )
    shortest, longest = INTERVAL
    usual = float(np.median(intervals))
    if not shortest <= usual <= longest:
        likely = "seconds that are called ms" if usual < shortest else "milliseconds that are called s"
        raise RecordingError(
            f"the spikes of {name} are {usual:.3g} ms apart (median), but a neuron that bursts has "
            f"{shortest:g} to {longest:g} ms; these look like {likely}."
        )
