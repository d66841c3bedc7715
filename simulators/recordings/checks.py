"""What a recording must be, each rule with the sentence that is said when it is broken.

The limits are wide enough for any patch-clamp recording of a neuron and narrow enough to notice a wrong unit.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simulators.recordings.units import RecordingError

MIN_SAMPLES: Final = 100
MAX_SAMPLES: Final = 20_000_000
MAX_VOLTAGE: Final = 500.0  # mV
MIN_VOLTAGE: Final = 1.5  # mV; no neuron stays this close to 0 mV, but any neuron's volts do
MAX_CURRENT: Final = 0.1  # uA: what amplifiers inject at most
MIN_CURRENT: Final = 1e-6  # uA, that is 1 pA: less than the noise
SAMPLING: Final = (1e-3, 1.0)  # ms, shortest and longest interval: 1 MHz to 1 kHz
MIN_DURATION: Final = 5.0  # ms
# A sample that is missing or doubled shifts the others by at least half an interval.
MAX_JITTER: Final = 0.2


def check_size(name: str, num_samples: int) -> None:
    """Raise RecordingError for a channel that would fill the memory when it is unpacked."""
    if num_samples > MAX_SAMPLES:
        raise RecordingError(
            f"the {name} has {num_samples} samples, more than {MAX_SAMPLES}; cut the recording."
        )


def check_channels(time: np.ndarray, voltage: np.ndarray, current: np.ndarray) -> None:
    """Raise RecordingError unless the three are equally long, complete and of plausible size (ms, mV, uA)."""
    channels = {"time": time, "voltage": voltage, "current": current}
    for name, samples in channels.items():
        if np.ndim(samples) != 1:
            raise RecordingError(f"the {name} has shape {np.shape(samples)}, but one row is needed.")
    lengths = {name: len(samples) for name, samples in channels.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise RecordingError(f"the channels differ in length ({found}), but they must agree.")
    if len(time) < MIN_SAMPLES:
        raise RecordingError(f"there are {len(time)} samples, but at least {MIN_SAMPLES} are needed.")
    for name, samples in channels.items():
        check_finite(name, samples)
    check_voltage(voltage)
    _check_current(current)


def check_finite(name: str, samples: np.ndarray) -> None:
    """Raise RecordingError for NaN or infinite samples."""
    bad = np.flatnonzero(~np.isfinite(samples))
    if len(bad):
        share = f"{len(bad)} of {len(samples)} samples"
        raise RecordingError(
            f"the {name} is NaN or infinite in {share} (first at index {bad[0]}); "
            "repair the recording or cut it there."
        )


def check_voltage(voltage: np.ndarray, name: str = "voltage") -> None:
    """Raise RecordingError for voltages (mV) that no cell has."""
    peak = float(np.max(np.abs(voltage)))
    if peak > MAX_VOLTAGE:
        raise RecordingError(
            f"the {name} reaches {peak:g} mV, more than {MAX_VOLTAGE:g} mV; its unit is probably wrong."
        )
    if peak < MIN_VOLTAGE:
        raise RecordingError(
            f"the {name} stays within {peak:g} mV of zero, which looks like volts; correct its unit."
        )


def _check_current(current: np.ndarray) -> None:
    peak = float(np.max(np.abs(current)))
    if peak > MAX_CURRENT:
        raise RecordingError(
            f"the current reaches {peak:g} uA, more than {MAX_CURRENT:g} uA; its unit is probably wrong "
            "(the total current is needed, not a density)."
        )
    if 0 < peak < MIN_CURRENT:
        raise RecordingError(
            f"the current is at most {peak:g} uA, less than 1 pA; its unit is probably wrong."
        )


def sampling_interval(time: np.ndarray) -> float:
    """The sampling interval in ms of uniform times, shape (T,), in ms.

    Raises:
        RecordingError: the times are not uniform, or their interval or range says that the unit is wrong.
    """
    first, last = float(time[0]), float(time[-1])
    dt = (last - first) / (len(time) - 1)
    if dt <= 0:
        raise RecordingError(f"the time runs from {first:g} to {last:g} ms, but it must increase.")
    shortest, longest = SAMPLING
    found = f"the time runs from {first:g} to {last:g} ms in steps of {dt:g} ms"
    if dt < shortest or last - first < MIN_DURATION:
        raise RecordingError(
            f"{found}, which looks like seconds that are called ms; correct the unit of the time (s or ms)."
        )
    if dt > longest:
        raise RecordingError(
            f"{found}, but spikes need steps of at most {longest:g} ms; check the unit of the time (s or ms) "
            "or sample faster."
        )
    check_uniform(time, dt)
    # Times are often stored as multiples of a short decimal; take the float noise of the division away.
    return round(dt, 9)


def check_uniform(time: np.ndarray, dt: float) -> None:
    """Raise RecordingError unless times (ms) are ``dt`` apart."""
    shift = np.abs(time - (time[0] + dt * np.arange(len(time))))
    if np.max(shift) <= MAX_JITTER * dt:
        return
    steps = np.diff(time)
    usual = float(np.median(steps))
    worst = int(np.argmax(np.abs(steps - usual)))
    raise RecordingError(
        f"the sampling is not uniform (a step of {steps[worst]:g} ms at index {worst}, of {usual:g} ms "
        "elsewhere); resample to equal steps."
    )


def check_stimulus(time: np.ndarray, stimulus_on: float, stimulus_off: float) -> None:
    """Raise RecordingError unless the stimulus times (ms) lie in the recording, in order."""
    first, last = float(time[0]), float(time[-1])
    # Half a sample of room: offsets are sometimes given as the end of the last sample.
    if not first <= stimulus_on < stimulus_off <= last + 1.5 * (time[1] - time[0]):
        raise RecordingError(
            f"the stimulus times are {stimulus_on:g} and {stimulus_off:g} ms, but they must be in this order "
            f"and lie within the recording from {first:g} to {last:g} ms."
        )


def check_cell(area: float | None, junction_potential: float) -> None:
    """Raise RecordingError unless the area (cm2) and the junction potential (mV) are those of a cell."""
    if area is not None and not 1e-8 <= area <= 1e-1:
        raise RecordingError(
            f"the membrane area is {area:g} cm2, but 1e-8 to 0.1 is plausible; check its unit."
        )
    if not abs(junction_potential) <= 50:
        raise RecordingError(
            f"the junction potential is {junction_potential:g} mV, but -50 to 50 is plausible."
        )
