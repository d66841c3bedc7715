"""Features by the arrays that they form: some are images or curves, some too many to be listed one by one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from dashboard.views.groups import group
from inference.tree import CURVES, SHAPES
from simulators import Simulator
from simulators.base import FeatureAxis, ImageAxes

LEAST_IMAGE = 5  # pixels along each side
MOST_LISTED = 24  # values of an array that are listed one by one


class FeatureGroup(NamedTuple):
    """Features that come as one array: the values x[start : start + size]; drawn as a curve on `axis`."""

    name: str
    start: int
    shape: tuple[int, ...] = ()
    axis: FeatureAxis | None = None

    @property
    def size(self) -> int:
        """How many values."""
        return int(np.prod(self.shape))

    @property
    def stop(self) -> int:
        """One beyond the last value."""
        return self.start + self.size

    @property
    def is_image(self) -> bool:
        """Whether it is best looked at."""
        return len(self.shape) == 2 and min(self.shape) >= LEAST_IMAGE

    @property
    def is_curve(self) -> bool:
        """Whether the model says what its values lie along."""
        return self.axis is not None

    @property
    def is_long(self) -> bool:
        """Whether its values are too many for a list."""
        return self.size > MOST_LISTED

    def of(self, x: np.ndarray) -> np.ndarray:
        """Its values in their shape."""
        return np.asarray(x)[..., self.start : self.stop].reshape(*np.shape(x)[:-1], *self.shape)


def groups_of(simulator: Simulator) -> list[FeatureGroup]:
    """The arrays of a model's features; one as long as the model's image has pixels is an image too."""
    axes = simulator.axes
    pixels = (len(axes.y), len(axes.x)) if isinstance(axes, ImageAxes) else None
    return _groups(simulator.feature_shapes, pixels, simulator.feature_axes)


def groups_in(tree: xr.DataTree, names: Sequence[str]) -> list[FeatureGroup]:
    """The arrays of a result's features; by their names where an older result does not tell shapes."""
    image = group(tree, "posterior_predictive").get("image")
    pixels = None if image is None else (image.sizes["image_row"], image.sizes["image_column"])
    told = json.loads(tree.attrs.get(SHAPES, "null"))
    shapes = _by_name(names) if told is None else [(n, tuple(shape)) for n, shape in told]
    curves = json.loads(tree.attrs.get(CURVES, "{}"))
    axes = {name: FeatureAxis(np.array(places), *words) for name, (places, *words) in curves.items()}
    return _groups(shapes, pixels, axes)


def image_axes(found: FeatureGroup, axes: object = None) -> ImageAxes:
    """Axes of an image of features: the model's own if they fit, else pixels."""
    if isinstance(axes, ImageAxes) and found.shape == (len(axes.y), len(axes.x)):
        return ImageAxes(axes.x, axes.y, found.name.replace("_", " "), "", axes.place_unit)
    rows, columns = found.shape
    return ImageAxes(np.arange(columns), np.arange(rows), found.name.replace("_", " "), "", "pixel")


def _groups(
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    pixels: tuple[int, int] | None,
    axes: Mapping[str, FeatureAxis],
) -> list[FeatureGroup]:
    found, start = [], 0
    for name, shape in shapes:
        is_flat_image = pixels is not None and len(shape) == 1 and shape[0] == np.prod(pixels)
        whole = pixels if is_flat_image and pixels else tuple(shape)
        found.append(FeatureGroup(name, start, whole, axes.get(name) if len(whole) == 1 else None))
        start = found[-1].stop
    return found


def _by_name(names: Sequence[str]) -> list[tuple[str, tuple[int, ...]]]:
    """Runs of ``name[0], name[1], ...`` as arrays."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for name in names:
        array = re.fullmatch(r"(.*)\[(\d+)\]", name)
        if array is None:
            found.append((name, ()))
        elif int(array[2]) and found and found[-1][0] == array[1]:
            found[-1] = (array[1], (found[-1][1][0] + 1,))
        else:
            found.append((array[1], (1,)))
    return found
