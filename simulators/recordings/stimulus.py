"""The main current step of a sweep, and the window around it that is kept."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from simulators.recordings.units import RecordingError

# The window in which the reference recordings of the Allen Cell Types Database are cut: their long square
# lasts from 1020 to 2020 ms of the sweep and 815 to 2265 ms are kept.
KEEP_BEFORE = 205.0  # ms
KEEP_AFTER = 245.0  # ms


def find_step(current: Float[np.ndarray, " time"], *, skip: int = 0) -> tuple[int, int]:
    """Indices of the first and last sample of the longest stretch that leaves the initial current.

    The initial current is the median of the first 1 % after ``skip`` samples (a holding current does not
    matter); a stretch leaves it by more than 6 of its standard deviations and by more than 5 % of the largest
    deviation. Test pulses are short, so the longest stretch is the stimulus.

    Args:
        current: shape (T,), any unit.
        skip: samples at the beginning to ignore.

    Raises:
        RecordingError: the current never leaves its initial value.
    """
    searched = current[skip:]
    if not len(searched):
        raise RecordingError("there is no current step: the sweep ends within its test pulse.")
    initial = searched[: max(10, len(searched) // 100)]
    deviation = np.abs(searched - np.median(initial))
    largest, noise = float(deviation.max()), float(initial.std())
    if largest <= 6 * noise or largest == 0:
        raise RecordingError(
            "there is no current step to be found in the recording; a step is needed, or the attributes "
            "stimulus_onset_ms and stimulus_offset_ms."
        )
    is_on = deviation > max(6 * noise, 0.05 * largest)
    edges = np.flatnonzero(np.diff(is_on, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    longest = int(np.argmax(stops - starts))
    return skip + int(starts[longest]), skip + int(stops[longest]) - 1


def stimulus_window(first: int, last: int, num_samples: int, dt: float) -> slice:
    """The samples to keep of a whole sweep: 205 ms before the step's onset to 245 ms after its end."""
    start = max(0, first - round(KEEP_BEFORE / dt))
    return slice(start, min(num_samples, last + 1 + round(KEEP_AFTER / dt)))
