"""A mixture density network with a distribution over its weights: it learns on without stored rows."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inference import gaussians
from inference.embeddings.encoder import Encoder
from inference.estimators.base import EstimatorSpec, Frozen
from inference.estimators.mixtures import (
    FIRST_SPREAD,
    MixtureEstimator,
    MixtureHead,
    make_head,
    split_head,
    unscaled,
)
from inference.gaussians import GaussianMixture
from inference.scaling import ParameterScaling

FIRST_LOG_SD = -5.0
PRIOR_PRECISION = 0.01  # of every weight before the first round, around zero


class BayesianMDN(MixtureEstimator):
    """An independent Gaussian over every weight of a mixture head; predictions use the mean weights.

    Trained with `VariationalLoss`. Only the head is uncertain; an embedding keeps ordinary weights.

    Attributes:
        means, log_sds: of each weight.
        prior: means and log sds before this round; never trained.

    Reference: Lueckmann et al. 2017, NeurIPS, eq. 2.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: Encoder
    means: MixtureHead
    log_sds: MixtureHead
    prior: Frozen

    def mixture_given(self, h: Float[Array, " _"]) -> GaussianMixture:
        """See `MixtureEstimator.mixture_given`."""
        return unscaled(self.means(h), self.parameter_scaling)

    def noisy_mixture(self, key: Key[Array, ""], h: Float[Array, " _"]) -> GaussianMixture:
        """`mixture_given` for weights drawn anew, through the units' inputs that such weights give.

        Reference: Kingma et al. 2015, Variational dropout and the local reparameterization trick,
        arXiv:1506.02557.
        """
        network, log_sds = self.means.network, self.log_sds.network
        sizes = [bias.size for bias in network.biases]
        # All at once: each call to draw takes its own time to compile.
        noise = jax.random.normal(key, (sum(sizes) + self.means.dim,))
        *noises, shift_noise = jnp.split(noise, np.cumsum(sizes))
        parameters = zip(network.weights, network.biases, log_sds.weights, log_sds.biases, strict=True)
        out = h
        for i, (weight, bias, log_sd_weight, log_sd_bias) in enumerate(parameters):
            out = h if i == 0 else network.activation(out)
            variance = jnp.square(out) @ jnp.exp(2 * log_sd_weight) + jnp.exp(2 * log_sd_bias)
            out = out @ weight + bias + _root(variance) * noises[i]
        variance = jnp.square(h) @ jnp.exp(2 * self.log_sds.slope)
        shift = h @ self.means.slope + _root(variance) * shift_noise
        return unscaled(self.means.read(out, shift), self.parameter_scaling)

    def noisy_log_prob(
        self, key: Key[Array, ""], u: Float[Array, " dim"], h: Float[Array, " _"]
    ) -> Float[Array, ""]:
        """Log density of `u` given an encoded x, for weights drawn anew."""
        return gaussians.log_density(self.noisy_mixture(key, h), u)

    def kl(self) -> Float[Array, ""]:
        """Divergence of the weights' distribution from its prior, in nats."""

        def divergence(mean, log_sd, prior_mean, prior_log_sd):
            log_ratio = log_sd - prior_log_sd
            distance = (mean - prior_mean) * jnp.exp(-prior_log_sd)
            return 0.5 * (jnp.exp(2 * log_ratio) - 1 - 2 * log_ratio + jnp.square(distance)).sum()

        parts = jax.tree.map(divergence, self.means, self.log_sds, *self.prior.value)
        return jnp.stack(jax.tree.leaves(parts)).sum()

    def with_prior_from_itself(self) -> BayesianMDN:
        """For the next round: what is known about the weights now becomes their prior."""
        return eqx.tree_at(lambda e: e.prior, self, Frozen((self.means, self.log_sds)))


def bayesian_mixture_density(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder
) -> BayesianMDN:
    """The estimator "bayesian_mdn", of `spec.num_components`."""
    means = make_head(rng, spec, encoder.num_outputs)
    prior = Frozen((_filled(means, 0.0), _filled(means, -0.5 * np.log(PRIOR_PRECISION))))
    return BayesianMDN(spec, scaling, encoder, means, _filled(means, FIRST_LOG_SD), prior)


def split_bayesian(
    key: Key[Array, ""], estimator: BayesianMDN, num: int, *, spread: float = FIRST_SPREAD
) -> BayesianMDN:
    """`split_components` for this estimator; sds and prior of each copy are those of the only component."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    return BayesianMDN(
        replace(estimator.spec, num_components=num),
        estimator.parameter_scaling,
        estimator.encoder,
        split_head(estimator.means, num, rng=rng, spread=spread),
        split_head(estimator.log_sds, num),
        Frozen(tuple(split_head(head, num) for head in estimator.prior.value)),
    )


def _root(variance: Array) -> Array:
    """Standard deviation; its gradient is zero, not infinite, where the variance is zero."""
    is_zero = variance == 0
    return jnp.where(is_zero, 0.0, jnp.sqrt(jnp.where(is_zero, 1.0, variance)))


def _filled(head: MixtureHead, value: float) -> MixtureHead:
    return jax.tree.map(lambda leaf: jnp.asarray(np.full(leaf.shape, value, np.float32)), head)
