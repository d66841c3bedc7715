"""What a result knows about observations that share parameters; read from its tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.groups import group

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)  # of intervals: both ends of 90 %, of 50 %, and the median


class Hierarchy(NamedTuple):
    """A hierarchical result.

    Attributes:
        draws: of the first observation's parameters and the shared ones.
        shared, local: names.
        x: features of all observations, the first one first, (observation, feature).
        labels: of the observations; what they were recorded as, else their numbers.
        own: draws of each one's own parameters, (draw, observation, local).
        num_shown: extra observations in each step of the narrowing; empty where there is none.
        quantiles: of the shared parameters at `LEVELS`, (step, level, shared).
        sd: of the shared parameters, (step, shared).
        told: nats that each extra told about the shared parameters beyond the others, (extra,).
    """

    draws: PosteriorDraws
    shared: tuple[str, ...]
    local: tuple[str, ...]
    x: Float[np.ndarray, "observation feature"]
    labels: tuple[str, ...]
    own: Float[np.ndarray, "draw observation local"]
    num_shown: Int[np.ndarray, " step"]
    quantiles: Float[np.ndarray, "step level shared"]
    sd: Float[np.ndarray, "step shared"]
    told: Float[np.ndarray, " extra"]

    @property
    def num_extra(self) -> int:
        """Observations beside the first."""
        return len(self.x) - 1

    def column(self, name: str) -> int:
        """Position of a parameter among all."""
        return self.draws.names.index(name)

    def truth(self, name: str) -> float:
        """The true value at the first observation; NaN where it is unknown."""
        return float("nan") if self.draws.truth is None else float(self.draws.truth[self.column(name)])


def is_hierarchical(tree: xr.DataTree) -> bool:
    """Whether a result is about several observations that share parameters."""
    return "joint_posterior" in tree.children


def read_hierarchy(tree: xr.DataTree, labels: Sequence[str] = ()) -> Hierarchy:
    """What `is_hierarchical` promises.

    Args:
        tree: of the result.
        labels: what the observations were recorded as; none where nobody knows.
    """
    draws, joint = posterior_draws(tree), group(tree, "joint_posterior")
    found, observed = group(tree, "diagnostics"), group(tree, "observed_data")
    shared = tuple(name for name in draws.names if "observation" not in joint[name].dims)
    local = tuple(name for name in draws.names if name not in shared)
    x = np.asarray(observed["x_all"].values if "x_all" in observed else observed["x"].values[None], float)
    own = [joint[name].transpose("chain", "draw", "observation").values for name in local]
    return Hierarchy(
        draws=draws,
        shared=shared,
        local=local,
        x=x,
        labels=_numbered(labels, len(x)),
        own=np.stack([values.reshape(-1, len(x)) for values in own], axis=-1).astype(float),
        num_shown=_found(found, "num_shown", (0,)).astype(int),
        quantiles=_found(found, "narrowing_quantile", (0, len(LEVELS), len(shared))),
        sd=_found(found, "narrowing_sd", (0, len(shared))),
        told=_found(found, "extra_told", (0,)),
    )


def intervals(values: Float[np.ndarray, "draw observation"]) -> Float[np.ndarray, "level observation"]:
    """Quantiles at `LEVELS`."""
    return np.quantile(values, LEVELS, axis=0)


def _found(found: xr.Dataset, name: str, shape: Sequence[int]) -> np.ndarray:
    return np.asarray(found[name].values, float) if name in found else np.zeros(shape)


def _numbered(labels: Sequence[str], num: int) -> tuple[str, ...]:
    """Numbers, with words where there are any."""
    words = [*labels, *[""] * num]
    return tuple(f"{k}, {words[k]}" if words[k] else f"{k}" for k in range(num))
