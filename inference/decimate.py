"""Long recordings made short enough to draw and store, with every spike still in sight."""

import numpy as np
from jaxtyping import Float

MAX_POINTS = 2000
MAX_ALL_ROWS = 6000  # points of all rows of a recording together
FEWEST_POINTS = 200  # of a row


def points_per_row(num_rows: int) -> int:
    """As many points as each of the rows of a recording may have, so that all of them are drawn quickly."""
    return max(FEWEST_POINTS, min(MAX_POINTS, MAX_ALL_ROWS // max(num_rows, 1)))


def decimated_time(time: Float[np.ndarray, " T"], *, max_points: int = MAX_POINTS) -> Float[np.ndarray, " t"]:
    """The time axis that belongs to `decimated` series of the same length, t <= max_points."""
    size = _bin_size(len(time), max_points)
    if size == 1:
        return time
    first, last = _edges(len(time), size)
    quarter = (time[last] - time[first]) / 4
    return np.stack([time[first] + quarter, time[last] - quarter], axis=1).ravel()


def decimated(
    series: Float[np.ndarray, "*batch T"], *, max_points: int = MAX_POINTS
) -> Float[np.ndarray, "*batch t"]:
    """The lowest and the highest point of each of `max_points / 2` time bins, in the order they occur in.

    A spike of one sample survives, where taking every n-th point would lose it. A bin with a NaN gives NaN.
    """
    length = series.shape[-1]
    size = _bin_size(length, max_points)
    if size == 1:
        return series
    first, last = _edges(length, size)
    index = np.minimum(first[:, None] + np.arange(size), last[:, None])  # the last bin repeats its last point
    bins = series[..., index]
    low, high = bins.argmin(-1), bins.argmax(-1)
    ends = np.stack([np.minimum(low, high), np.maximum(low, high)], axis=-1)
    return np.take_along_axis(bins, ends, axis=-1).reshape(*series.shape[:-1], -1)


def _bin_size(length: int, max_points: int) -> int:
    return 1 if length <= max_points else -(-2 * length // max_points)


def _edges(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    first = np.arange(0, length, size)
    return first, np.minimum(first + size, length) - 1
