"""Recordings of a result and of simulations of its draws, as the tree holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from dashboard.views.groups import group


@dataclass(frozen=True, eq=False)
class Traces:
    """Recordings on one time axis.

    Attributes:
        time: shape (T,), in `time_unit`.
        predicted: simulations of the first posterior draws, shape (k, R, T), in `channel_unit`.
        observed: what was recorded, shape (R, T), or None when it is not at hand.
        stimulus: shape (T,), in `stimulus_unit`, or None.
        rows: names of the R rows; empty where a recording is a single one.
        is_overlaid: whether rows are sweeps in one frame rather than cells below each other.
        numbers: of the draws that were simulated, (k,), ascending; None: the first k.
    """

    time: Float[np.ndarray, " T"]
    predicted: Float[np.ndarray, "k R T"]
    observed: Float[np.ndarray, "R T"] | None = None
    stimulus: Float[np.ndarray, " T"] | None = None
    channel: str = "recording"
    channel_unit: str = ""
    time_unit: str = ""
    stimulus_name: str = "stimulus"
    stimulus_unit: str = ""
    rows: tuple[str, ...] = ()
    is_overlaid: bool = False
    numbers: Int[np.ndarray, " k"] | None = None

    @property
    def of_draws(self) -> Int[np.ndarray, " k"]:
        """The number of the draw of each simulation."""
        return np.arange(len(self.predicted)) if self.numbers is None else self.numbers

    def places(self, draws: Sequence[int] | np.ndarray) -> Int[np.ndarray, " m"]:
        """Where the simulations of these draws are in `predicted`."""
        return np.searchsorted(self.of_draws, np.asarray(draws, int))

    def with_more(self, numbers: Sequence[int], predicted: Float[np.ndarray, "m R T"]) -> Traces:
        """With simulations of other draws as well."""
        both = np.concatenate([self.of_draws, np.asarray(numbers, int)])
        order = np.argsort(both)
        return replace(
            self, numbers=both[order], predicted=np.concatenate([self.predicted, predicted])[order]
        )

    @property
    def lanes(self) -> tuple[str, ...]:
        """What stands beside each figure: the rows, or the channel where there is one figure."""
        return self.rows if self.rows and not self.is_overlaid else (self.channel,)


def read_traces(tree: xr.DataTree) -> Traces | None:
    """The traces in a result's tree; None when it has none."""
    trace = group(tree, "posterior_predictive").get("trace")
    if trace is None:
        return None
    stimulus = group(tree, "constant_data").get("stimulus")
    observed = group(tree, "observed_data").get("trace")
    described = {} if stimulus is None else stimulus.attrs
    rows = tuple(map(str, trace["trace_row"].values)) if "trace_row" in trace.dims else ()
    predicted = trace.values if rows else trace.values[:, None]
    return Traces(
        trace["trace_time"].values, predicted,
        None if observed is None else np.atleast_2d(observed.values),
        None if stimulus is None else stimulus.values,
        channel=trace.attrs.get("long_name", "recording"), channel_unit=trace.attrs.get("units", ""),
        time_unit=trace["trace_time"].attrs.get("units", ""),
        stimulus_name=described.get("long_name", "stimulus"), stimulus_unit=described.get("units", ""),
        rows=rows, is_overlaid=bool(trace.attrs.get("overlaid", 0)),
    )  # fmt: skip
