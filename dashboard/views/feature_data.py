"""Features of simulations and of the observation, as a result's tree holds them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Float

from dashboard.views.feature_groups import FeatureGroup, groups_in
from dashboard.views.groups import group
from inference.diagnostics.judge_answer import MISSED, MISSED_BY_MEDIAN


@dataclass(frozen=True, eq=False)
class Features:
    """Features of simulations, and of the observation.

    Attributes:
        names, units: one per feature.
        observed: shape (num_features,); NaN where undefined.
        posterior, prior: predictive simulations, shapes (n, num_features) and (m, num_features), or None.
        distance: of the observation from the nearest 1 % of the posterior's predictions, in prior-predictive
            sds, or from their median, shape (num_features,).
        far: the distance from which it is pointed out.
        is_to_nearest: whether distances are to the nearest predictions; older results have the median.
        groups: the arrays that the features form.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    observed: Float[np.ndarray, " num_features"]
    posterior: Float[np.ndarray, "n num_features"]
    prior: Float[np.ndarray, "m num_features"] | None
    distance: Float[np.ndarray, " num_features"]
    far: float = MISSED_BY_MEDIAN
    groups: tuple[FeatureGroup, ...] = ()
    is_to_nearest: bool = False

    @property
    def images(self) -> list[FeatureGroup]:
        """Those that are looked at as images."""
        return [found for found in self.groups if found.is_image]

    @property
    def curves(self) -> list[FeatureGroup]:
        """Those that are looked at as curves."""
        return [found for found in self.groups if found.is_curve]

    @property
    def single(self) -> list[int]:
        """The others one by one."""
        drawn = {k for found in (*self.images, *self.curves) for k in range(found.start, found.stop)}
        return [k for k in range(len(self.names)) if k not in drawn]

    def farthest(self, num: int) -> list[int]:
        """No more than `num` of the single ones, those farthest off, in their order."""
        distance = self.distance[self.single]
        known = np.where(np.isnan(distance), -1.0, distance)
        kept = np.argsort(-known, kind="stable")[:num]
        return [self.single[k] for k in sorted(kept)]


def read_features(tree: xr.DataTree) -> Features | None:
    """The features in a result's tree; None without an observation, or without predictions."""
    observed, posterior = group(tree, "observed_data"), group(tree, "posterior_predictive")
    if "x" not in observed or "x" not in posterior:
        return None
    names = tuple(map(str, observed["feature"].values))
    blank, unknown = xr.DataArray([""] * len(names)), xr.DataArray(np.full(len(names), np.nan))
    prior, found = group(tree, "prior_predictive").get("x"), group(tree, "diagnostics")
    far = max(MISSED, float(found.get("predictive_gap_limit", np.nan)))  # the former for NaN
    is_new = "predictive_gap" in found
    distance = found.get("predictive_gap" if is_new else "predictive_distance", unknown).values
    return Features(
        names, tuple(map(str, observed.get("feature_units", blank).values)), observed["x"].values,
        posterior["x"].values, None if prior is None else prior.values,
        distance, far if is_new else MISSED_BY_MEDIAN, tuple(groups_in(tree, names)), is_new,
    )  # fmt: skip
