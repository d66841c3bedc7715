"""How far simulations are from an observation, in robust standard deviations of each feature."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from inference.scaling import fit_feature_scaling
from simulators import Simulations


class Distance(NamedTuple):
    """Root of the mean square, over features, of the difference from x_o in units of `scale`.

    Attributes:
        x_o, scale: (num_features,).
    """

    x_o: Float[np.ndarray, " num_features"]
    scale: Float[np.ndarray, " num_features"]

    def differences(self, x: Float[np.ndarray, "n num_features"]) -> Float[np.ndarray, "n num_features"]:
        """(x - x_o) / scale."""
        return (np.asarray(x, float) - self.x_o) / self.scale

    def __call__(self, x: Float[np.ndarray, "n num_features"]) -> Float[np.ndarray, " n"]:
        """Of each row; NaN where a feature is not finite."""
        return np.sqrt((self.differences(x) ** 2).mean(axis=1))


def fit_distance(x: Float[np.ndarray, "n num_features"], x_o: Float[np.ndarray, " num_features"]) -> Distance:
    """In standard deviations of the middle 90 % of each feature, which outliers leave alone."""
    return Distance(np.asarray(x_o, float), np.asarray(fit_feature_scaling(x).scale, float))


def is_usable(simulations: Simulations) -> Bool[np.ndarray, " n"]:
    """Which rows have a distance: valid, with every feature finite. No others are ever accepted."""
    return simulations.is_valid & np.isfinite(simulations.x).all(axis=1)


def check_usable(simulations: Simulations, method: str) -> None:
    """Refuse simulations that hold no row to compare with the observation.

    Raises:
        ValueError: there is none.
    """
    if not is_usable(simulations).any():
        raise ValueError(
            f"{method} found no simulation with all features defined ({simulations.summary}); simulate more, "
            "narrow the prior to where the model works, or use features that are always defined."
        )
