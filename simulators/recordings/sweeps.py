"""What the two generations of NWB files share: choosing a sweep and cutting it around its stimulus."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from simulators.recordings.checks import check_channels
from simulators.recordings.recording import Recording, recording_from
from simulators.recordings.stimulus import find_step, stimulus_window
from simulators.recordings.units import RecordingError

# Whole sweeps begin with a test pulse; where the file does not say when it is over, 100 ms are taken.
TEST_PULSE = 100.0  # ms


class Channel(NamedTuple):
    """One channel of a sweep: samples, shape (T,), in mV or uA, and the sampling rate in Hz."""

    samples: np.ndarray
    rate: float


def choose_sweep(available: Collection[int], sweep: int | None) -> int:
    """The sweep to read: the one asked for, or the only one there is.

    Raises:
        RecordingError: there is no such sweep, none at all, or several and none was asked for.
    """
    if not available:
        raise RecordingError("the file holds no current-clamp sweep with both a response and a stimulus.")
    numbers = sorted(available)
    more = f", ... ({len(numbers)} in all)" if len(numbers) > 10 else ""
    shown = ", ".join(map(str, numbers[:10])) + more
    if sweep is None:
        if len(numbers) > 1:
            raise RecordingError(f"the file holds several sweeps ({shown}); choose one by its number.")
        return numbers[0]
    if sweep not in available:
        raise RecordingError(f"the file has no current-clamp sweep {sweep}; it has {shown}.")
    return sweep


def cut_sweep(
    voltage: Channel, current: Channel, attrs: dict[str, Any], *, skip: float = TEST_PULSE
) -> Recording:
    """The part of a whole sweep around its current step, from 205 ms before to 245 ms after it.

    Args:
        voltage: in mV.
        current: in uA.
        attrs: named as in our netCDF files.
        skip: ms at the beginning in which no stimulus is looked for (the test pulse).

    Raises:
        RecordingError: the channels do not fit together, or there is no step.
    """
    if not abs(voltage.rate - current.rate) <= 1e-6 * abs(current.rate) or not current.rate > 0:
        raise RecordingError(
            f"the voltage is sampled at {voltage.rate:g} Hz and the current at {current.rate:g} Hz, "
            "but one positive rate is needed."
        )
    dt = 1e3 / current.rate
    time = dt * np.arange(len(current.samples))
    check_channels(time[: len(voltage.samples)], voltage.samples, current.samples)
    first, last = find_step(current.samples, skip=round(skip / dt))
    kept = stimulus_window(first, last, len(time), dt)
    attrs = attrs | {
        "stimulus_onset_ms": round(dt * (first - kept.start), 9),
        "stimulus_offset_ms": round(dt * (last - kept.start), 9),
        "window_start_in_sweep_ms": round(dt * kept.start, 9),
    }
    return recording_from(time[: kept.stop - kept.start], voltage.samples[kept], current.samples[kept], attrs)
