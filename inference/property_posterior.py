"""PropertyPosterior: the distribution of parameters with an emergent property, as EPI learns it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.estimators.base import DensityEstimator
from inference.posterior import LogDensity, Posterior
from simulators import Prior

NOTHING = np.zeros(1, np.float32)  # what a density that depends on nothing is conditioned on


@dataclass(frozen=True, eq=False)
class PropertyPosterior:
    """q(theta) in the prior's own, constrained space; it belongs to no observation.

    Attributes:
        estimator: density of unconstrained parameters, see `inference/estimators/emergent.py`.
        prior: gives the support and the bijection.
    """

    estimator: DensityEstimator
    prior: Prior

    @property
    def x_o(self) -> None:
        """There is no observation."""
        return

    def sample(self, key: Key[Array, ""], num: int, x: ArrayLike | None = None) -> Float[Array, "num dim"]:
        """As `Posterior.sample`.

        Raises:
            ValueError: `num` is not positive, or an observation is given.
        """
        _check(x)
        return self._inner.sample(key, num)

    def log_prob(self, theta: ArrayLike, x: ArrayLike | None = None) -> Float[Array, " n"]:
        """As `Posterior.log_prob`.

        Raises:
            ValueError: theta has the wrong number of columns, or an observation is given.
        """
        _check(x)
        return self._inner.log_prob(theta)

    def mode(self, key: Key[Array, ""], x: ArrayLike | None = None) -> Float[Array, " dim"]:
        """As `Posterior.mode`."""
        _check(x)
        return self._inner.mode(key)

    def log_density(self, x: ArrayLike | None = None) -> LogDensity:
        """As `Posterior.log_density`."""
        _check(x)
        return self._inner.log_density()

    def hessian(self, theta: ArrayLike) -> Float[np.ndarray, "dim dim"]:
        """Second derivatives of the log density at one parameter row, in double precision."""
        from inference.analysis.sensitivity import hessian  # here: analyses know posteriors

        return hessian(self, theta)

    def share_at_bounds(self, theta: ArrayLike) -> Float[np.ndarray, "dim 2"]:
        """See `inference.posterior.share_at_bounds`."""
        return self._inner.share_at_bounds(theta)

    @property
    def _inner(self) -> Posterior:
        return Posterior(self.estimator, self.prior, NOTHING, is_amortised=False)


def _check(x: ArrayLike | None) -> None:
    if x is not None:
        raise ValueError(
            "This distribution belongs to an emergent property, not to an observation; leave out x."
        )
