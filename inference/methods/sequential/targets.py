"""The Gaussian mixture that a mixture estimate is at the observation: what variants A and C aim at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from inference import gaussians
from inference.estimators.mixtures import MixtureEstimator
from inference.gaussians import GaussianMixture

if TYPE_CHECKING:
    from inference.methods.sequential.history import Campaign, Round

SMALLEST_COMPONENT = 0.05  # components of a mixture below this weight are left out of a proposal


def target_at(campaign: Campaign, done: Round) -> GaussianMixture:
    """The posterior estimate at the observation, without its smallest components."""
    assert isinstance(done.posterior, MixtureEstimator)
    target = gaussians.pruned(_mixture_at(done.posterior, jnp.asarray(campaign.x_o)), SMALLEST_COMPONENT)
    kept = np.flatnonzero(np.isfinite(target.log_weights))
    return GaussianMixture(*(part[kept] for part in target))


@eqx.filter_jit
def _mixture_at(estimator: MixtureEstimator, x: jax.Array) -> GaussianMixture:
    return estimator.mixture_given(estimator.encode(x))


def one_gaussian(mixture: GaussianMixture) -> GaussianMixture:
    """The Gaussian with the mean and covariance of a mixture."""
    mean, covariance = (np.asarray(moment, np.float64) for moment in gaussians.moments(mixture))
    factor = np.linalg.cholesky(np.linalg.inv(covariance)).T
    arrays = (np.zeros(1), mean[None], factor[None])
    return GaussianMixture(*(jnp.asarray(array, jnp.float32) for array in arrays))
