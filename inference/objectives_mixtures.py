"""Losses that need the Gaussian mixtures of an estimator: SNPE-C in closed form, and variational weights."""

from __future__ import annotations

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key

from inference.estimators.bayesian import BayesianMDN
from inference.estimators.mixtures import MixtureEstimator
from inference.gaussians import GaussianMixture, log_density, times
from inference.objectives import Rows


class ProposalPosteriorLoss(eqx.Module):
    """The closed form of SNPE-C: -log of q(u | x) T(u) / Z(x), Z(x) the integral of q(. | x) T.

    Rows of round r were simulated from a proposal in proportion to prior(u) T_r(u). If q is the posterior,
    q T / Z is the posterior under that proposal, for any prior: the densities of both appear in T alone.

    Attributes:
        tilts: T_r with a leading axis of rounds, `gaussians.flat` for rounds that drew from the prior; see
            `gaussians.stacked`.

    Reference: Greenberg et al. 2019, arXiv:1905.07488, section 3 and appendix.
    """

    tilts: GaussianMixture

    def __call__(self, key: Key[Array, ""], estimator: MixtureEstimator, rows: Rows) -> Float[Array, " n"]:
        """One loss per row."""
        del key

        def loss(u, x, round):
            return -_log_tilted(estimator.mixture_given(estimator.encode(x)), self.tilts, round, u)

        return jax.vmap(loss)(rows.u, rows.x, rows.round)


class VariationalLoss(eqx.Module):
    """-log q_w(u | x) for weights w drawn from their distribution, plus that one's divergence per row.

    Attributes:
        num_rows: training rows of this round, N of the divergence's share 1 / N.
        tilts: as in `ProposalPosteriorLoss`, whose loss then takes the place of -log q; None: none.

    Reference: Lueckmann et al. 2017, NeurIPS, eq. 2.
    """

    num_rows: Float[Array, ""]
    tilts: GaussianMixture | None = None

    def __call__(self, key: Key[Array, ""], estimator: BayesianMDN, rows: Rows) -> Float[Array, " n"]:
        """One loss per row."""

        def loss(key, u, x, round):
            mix = estimator.noisy_mixture(key, estimator.encode(x))
            return -(log_density(mix, u) if self.tilts is None else _log_tilted(mix, self.tilts, round, u))

        keys = jax.random.split(key, rows.weight.shape[0])
        return jax.vmap(loss)(keys, rows.u, rows.x, rows.round) + estimator.kl() / self.num_rows


def _log_tilted(
    mix: GaussianMixture, tilts: GaussianMixture, round: Int[Array, ""], u: Float[Array, " dim"]
) -> Float[Array, ""]:
    """Log of mix(u) T(u) over its integral, T the tilt of this round."""
    tilt = jax.tree.map(lambda array: array[round], tilts)
    return log_density(mix, u) + log_density(tilt, u) - times(mix, tilt)[1]
