"""Recordings and images as variables of a result's tree: named, in their units, short enough to be drawn."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from jaxtyping import Float

from inference.decimate import decimated, decimated_time, points_per_row
from simulators import RecordingAxes
from simulators.base import ImageAxes

Axes = RecordingAxes | ImageAxes


def shape_on(axes: Axes) -> tuple[int, ...]:
    """The shape of one recording or image on these axes: (T,), (rows, T) or (H, W)."""
    if isinstance(axes, ImageAxes):
        return (len(axes.y), len(axes.x))
    return (len(axes.rows), len(axes.time)) if axes.rows else (len(axes.time),)


def picture_variables(axes: Axes | None, values: Float[np.ndarray, "..."] | None) -> xr.Dataset:
    """One picture, or several along a first dimension "trace_draw"; empty if they are not on these axes.

    trace: ([trace_draw,] [trace_row,] trace_time), thinned so that every spike stays in sight; its attribute
    "overlaid" is 1 where the rows belong into one frame. image: ([trace_draw,] image_row, image_column).
    """
    if axes is None or values is None:
        return xr.Dataset()
    shape, given = shape_on(axes), np.shape(values)
    if given[-len(shape) :] != shape or len(given) > len(shape) + 1:
        return xr.Dataset()
    is_many = len(given) > len(shape)
    found = _image(axes, values) if isinstance(axes, ImageAxes) else _trace(axes, values)
    return found.assign_coords(trace_draw=np.arange(len(values))) if is_many else found


def stimulus_variables(axes: Axes | None) -> xr.Dataset:
    """The stimulus on the times of the traces; empty where there is none."""
    if not isinstance(axes, RecordingAxes) or axes.stimulus is None:
        return xr.Dataset()
    attrs = {"units": axes.stimulus_unit, "long_name": axes.stimulus_name}
    few = decimated(np.asarray(axes.stimulus, np.float32), max_points=points_per_row(len(axes.rows)))
    return xr.Dataset({"stimulus": (("trace_time",), few, attrs)}, _time(axes))


def _trace(axes: RecordingAxes, values: np.ndarray) -> xr.Dataset:
    few = decimated(np.asarray(values, np.float32), max_points=points_per_row(len(axes.rows)))
    rows = ("trace_row",) if axes.rows else ()
    attrs = {"units": axes.unit, "long_name": axes.channel, "overlaid": int(axes.overlaid)}
    labels = {"trace_row": _text(axes.rows)} if axes.rows else {}
    dims = _dims(few, (*rows, "trace_time"))
    return xr.Dataset({"trace": (dims, few, attrs)}, {**_time(axes), **labels})


def _image(axes: ImageAxes, values: np.ndarray) -> xr.Dataset:
    attrs = {"units": axes.unit, "long_name": axes.name}
    place = {"units": axes.place_unit}
    coords = {"image_row": np.asarray(axes.y, float), "image_column": np.asarray(axes.x, float)}
    image = np.asarray(values, np.float32)
    return xr.Dataset(
        {"image": (_dims(image, ("image_row", "image_column")), image, attrs)},
        {name: ((name,), at, place) for name, at in coords.items()},
    )


def _dims(values: np.ndarray, last: tuple[str, ...]) -> tuple[str, ...]:
    return last if values.ndim == len(last) else ("trace_draw", *last)


def _time(axes: RecordingAxes) -> dict:
    time = decimated_time(np.asarray(axes.time, float), max_points=points_per_row(len(axes.rows)))
    return {"trace_time": ("trace_time", time, {"units": axes.time_unit, "long_name": "time"})}


def _text(names: Sequence[str]) -> np.ndarray:
    """Text of variable length: the only kind of text that Zarr v3 has specified."""
    return np.array(list(names), dtype=object)
