"""What the checks of a result found, as the views draw it; read from the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from dashboard.views.draws import labels_of
from dashboard.views.groups import group
from inference.diagnostics import Band, Coverage
from inference.diagnostics.bands import binomial_band


@dataclass(frozen=True, eq=False)
class Calibration:
    """Ranks and coverage over `num` held-out simulations.

    Attributes:
        names, labels: of the parameters.
        histogram: rows in each bin of ranks, shape (dim, num_bins).
        p_value, shift, spread: shape (dim,), see `inference.diagnostics.Ranks`.
        level, coverage: nominal and actual, shape (k,).
        overconfidence: mean nominal less actual coverage.
        curves: ECDF of the ranks less that of a calibrated posterior, shape (dim, m), with the band in which
            the curves of all parameters stay with 95 %; None in results of older versions.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    histogram: Int[np.ndarray, "dim num_bins"]
    p_value: Float[np.ndarray, " dim"]
    shift: Float[np.ndarray, " dim"]
    spread: Float[np.ndarray, " dim"]
    level: Float[np.ndarray, " k"]
    coverage: Float[np.ndarray, " k"]
    overconfidence: float
    num: int
    curves: Float[np.ndarray, "dim m"] | None = None
    band: Band | None = None

    @property
    def rank_band(self) -> tuple[float, float]:
        """Where a bin of a calibrated posterior lies with 95 %, in rows."""
        low, high = binomial_band(self.num, np.array([1 / self.histogram.shape[1]]))
        return float(low[0]), float(high[0])

    @property
    def coverage_band(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the whole curve of a calibrated posterior's coverage lies with 95 %."""
        return Coverage(self.level, self.coverage, self.num).joint_band()


def read_calibration(tree: xr.DataTree) -> Calibration | None:
    """The calibration in a result's tree, or None."""
    found = group(tree, "diagnostics")
    needed = {"rank_histogram", "rank_p_value", "rank_shift", "rank_spread", "coverage", "coverage_level"}
    if not needed <= set(found.data_vars):
        return None
    names = tuple(map(str, found["parameter"].values))
    values = {
        name: np.asarray(found[f"rank_{name}"].values, float) for name in ("p_value", "shift", "spread")
    }
    return Calibration(
        names, labels_of(tree, names), np.asarray(found["rank_histogram"].values, int), **values,
        level=np.asarray(found["coverage_level"].values, float),
        coverage=np.asarray(found["coverage"].values, float),
        overconfidence=float(found["overconfidence"]), num=int(found["num_calibrated"]), **_curves(found),
    )  # fmt: skip


def _curves(found: xr.Dataset) -> dict[str, Any]:
    if "rank_difference" not in found:
        return {}
    band = (np.asarray(found[f"rank_{name}"].values, float) for name in ("position", "low", "high"))
    return {"curves": np.asarray(found["rank_difference"].values, float), "band": Band(*band, mass=0.95)}


@dataclass(frozen=True, eq=False)
class Place:
    """How unusual the observation is among simulations.

    Attributes:
        names, units: of the features.
        observed: shape (num_features,), NaN where undefined.
        middle: median of the simulations; low, high: of their central 95 %; same shape, NaN where unknown.
        tail: two-sided tail probability, same shape.
        p_value: of all features together.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    observed: Float[np.ndarray, " num_features"]
    low: Float[np.ndarray, " num_features"]
    middle: Float[np.ndarray, " num_features"]
    high: Float[np.ndarray, " num_features"]
    tail: Float[np.ndarray, " num_features"]
    p_value: float


def read_place(tree: xr.DataTree) -> Place | None:
    """The place of the observation in a result's tree, or None."""
    found, observed = group(tree, "diagnostics"), group(tree, "observed_data")
    if not {"x_o_tail", "x_o_p_value"} <= set(found.data_vars) or "x" not in observed:
        return None
    names = tuple(map(str, found["feature"].values))
    units = observed.get("feature_units", xr.DataArray([""] * len(names)))
    prior = group(tree, "prior_predictive").get("x")
    low, middle, high = np.full((3, len(names)), np.nan)
    if prior is not None:
        for k, column in enumerate(np.asarray(prior.values, float).T):
            finite = column[np.isfinite(column)]
            if finite.size:
                low[k], middle[k], high[k] = np.quantile(finite, [0.025, 0.5, 0.975])
    return Place(
        names, tuple(map(str, units.values)), np.asarray(observed["x"].values, float),
        low, middle, high, np.asarray(found["x_o_tail"].values, float), float(found["x_o_p_value"]),
    )  # fmt: skip
