"""Whether a model can be simulated as a run had it: with the recording that drove it, if one did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from dashboard.views.groups import group
from inference.observations import files_of
from inference.pictures import stimulus_variables
from inference.requests import Request, resolve
from simulators import RecordingAxes, Simulator

NOT_AT_HAND = (
    "The recording that drove this run is not at hand here, because examples and shared results come without "
    "it. Make a new run with that recording; or, in a notebook, call explore(result, simulator=model) with "
    "the model driven by it."
)


def of_request(request: Request, folder: Path) -> Simulator:
    """The simulator of a run, driven by the recording in its folder.

    Raises:
        ValueError: the recording is not there, or cannot be used; or the model is unknown here.
    """
    if not all((Path(folder) / file).is_file() for file in files_of(request.observation)):
        raise ValueError(NOT_AT_HAND)
    return resolve(request, folder).simulator


def of_catalogue(tree: xr.DataTree, simulator: Simulator) -> Simulator:
    """The simulator as the catalogue has it, if it is what made the simulations of a result.

    Raises:
        ValueError: those have another course of time or another stimulus: a recording drove them.
    """
    axes = simulator.axes
    if simulator.drive is None or not isinstance(axes, RecordingAxes):
        return simulator
    known, own = group(tree, "posterior_predictive"), stimulus_variables(axes)
    pairs = [(known.get("trace_time"), own.get("trace_time"))]
    pairs += [(group(tree, "constant_data").get("stimulus"), own.get("stimulus"))]
    if not all(_are_close(*pair) for pair in pairs):
        raise ValueError(NOT_AT_HAND)
    return simulator


def _are_close(one: xr.DataArray | None, other: xr.DataArray | None) -> bool:
    """Or one of them is not known."""
    if one is None or other is None:
        return True
    return one.shape == other.shape and bool(np.allclose(one.values, other.values, rtol=1e-4))
