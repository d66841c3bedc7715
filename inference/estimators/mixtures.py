"""Mixtures of full-covariance Gaussians whose parameters a network gives: "mdn", and "gaussian" with one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inference import gaussians
from inference.embeddings.encoder import AsItIs, Encoder
from inference.estimators.base import HEAVY_DOF, DensityEstimator, EstimatorSpec
from inference.gaussians import GaussianMixture
from inference.networks import Network, make_network
from inference.scaling import ParameterScaling

# Of the components' means at first, in standard deviations of the training parameters. With half of it eight
# components stayed together on two moons: 0.6 nats less on 4 000 rows.
FIRST_SPREAD = 1.0
LOG_RANGE = 15.0  # of log precision factors either way: what single precision can square
SPLIT_NOISE = 1e-6  # P17: breaks the symmetry between copies of one component


class MixtureHead(eqx.Module):
    """h -> a mixture over scaled parameters: a tanh network, and a linear term that all means share.

    The precision of component k is U_k^T U_k with U_k = diag(e^s) (1 + N), N strictly upper triangular: how a
    parameter depends on those after it (N) is then learnt apart from how narrow it is (s).

    Attributes:
        network: gives for each component (logit, d means, d of s, d (d - 1) / 2 of N).
        slope: (num_inputs, d); what a linear regression explains is not left to the network.
        num_components, dim: k, d.
    """

    network: Network
    slope: Float[Array, "num_inputs dim"]
    num_components: int = eqx.field(static=True)
    dim: int = eqx.field(static=True)

    def __call__(self, h: Float[Array, " num_inputs"]) -> GaussianMixture:
        """The mixture for one encoded x."""
        return self.read(self.network(h), h @ self.slope)

    def read(self, raw: Float[Array, " _"], shift: Float[Array, " dim"]) -> GaussianMixture:
        """The mixture that the network's outputs stand for, its means moved by `shift`."""
        raw, dim = raw.reshape(self.num_components, -1), self.dim
        logits, means, log_diagonal, upper = jnp.split(raw, (1, 1 + dim, 1 + 2 * dim), axis=1)
        constants = jnp.broadcast_to(jnp.array([0.0, 1.0], raw.dtype), (self.num_components, 2))
        unit_upper = jnp.concatenate([constants, upper], axis=1)[:, _places(dim)]
        log_diagonal = LOG_RANGE * jnp.tanh(log_diagonal / LOG_RANGE)
        factors = jnp.exp(log_diagonal)[:, :, None] * unit_upper
        return GaussianMixture(jax.nn.log_softmax(logits[:, 0]), means + shift, factors)


def make_head(rng: np.random.Generator, spec: EstimatorSpec, num_inputs: int) -> MixtureHead:
    """An untrained head: components of standard deviation one, apart from each other."""
    num, dim = spec.num_components, spec.dim
    sizes = (num_inputs, *[spec.width] * spec.depth, num * num_outputs(dim))
    network = make_network(rng, sizes, jnp.tanh)
    bias = np.zeros((num, num_outputs(dim)), np.float32)
    if num > 1:
        bias[:, 1 : 1 + dim] = FIRST_SPREAD * rng.normal(size=(num, dim))
    network = eqx.tree_at(lambda n: n.biases[-1], network, jnp.asarray(bias.ravel()))
    return MixtureHead(network, jnp.asarray(np.zeros((num_inputs, dim), np.float32)), num, dim)


def num_outputs(dim: int) -> int:
    """Numbers that describe one component: weight, mean, triangular factor."""
    return 1 + dim + dim * (dim + 1) // 2


def advised_width(spec: EstimatorSpec) -> int:
    """Units per hidden layer that leave the mixture's parameters free to vary on their own.

    Reference: Goncalves et al. 2020, eLife 9:e56261, methods: k (1 + d + d (d + 1) / 2) - 1.
    """
    return spec.num_components * num_outputs(spec.dim) - 1


class MixtureEstimator(DensityEstimator):
    """A density that is a Gaussian mixture for each x, with which corrections have closed forms."""

    @abstractmethod
    def mixture_given(self, h: Float[Array, " _"]) -> GaussianMixture:
        """The mixture over unconstrained parameters, in their own units, given an encoded x."""

    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_given`."""
        return gaussians.log_density(self.mixture_given(h), u)

    def sample_given(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_given`."""
        return gaussians.draw(key, self.mixture_given(h))

    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """Each component a Student-t."""
        return gaussians.log_density_heavy(self.mixture_given(h), u, HEAVY_DOF)

    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """Each component a Student-t."""
        return gaussians.draw_heavy(key, self.mixture_given(h), HEAVY_DOF)


class MixtureDensity(MixtureEstimator):
    """A mixture density network.

    Reference: Bishop 1994, Mixture density networks; Papamakarios and Murray 2016, arXiv:1605.06376.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: Encoder | AsItIs
    head: MixtureHead

    def mixture_given(self, h: Float[Array, " _"]) -> GaussianMixture:
        """See `MixtureEstimator.mixture_given`."""
        return unscaled(self.head(h), self.parameter_scaling)


def mixture_density(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder | AsItIs
) -> MixtureDensity:
    """The estimator "mdn", of `spec.num_components`."""
    return MixtureDensity(spec, scaling, encoder, make_head(rng, spec, encoder.num_outputs))


def gaussian_density(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder | AsItIs
) -> MixtureDensity:
    """The estimator "gaussian": one component, whatever the spec says."""
    return mixture_density(rng, replace(spec, num_components=1), scaling, encoder)


def unscaled(mix: GaussianMixture, scaling: ParameterScaling) -> GaussianMixture:
    """A mixture over scaled parameters as one over parameters in their own units."""
    return GaussianMixture(
        mix.log_weights, mix.means * scaling.scale + scaling.location, mix.factors / scaling.scale
    )


def split_components(
    key: Key[Array, ""], estimator: MixtureDensity, num: int, *, spread: float = FIRST_SPREAD
) -> MixtureDensity:
    """An "mdn" of `num` equally weighted components, copies of the only one of `estimator` set apart.

    Args:
        key: decides where the copies go.
        estimator: of one component.
        num: components wanted.
        spread: distance of the copies in standard deviations of the component. With 0 they differ as in the
            paper of SNPE-A, by noise of 1e-6: within our short trainings they then stay together.

    Raises:
        ValueError: if the estimator has more than one.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    spec = replace(estimator.spec, name="mdn", num_components=num)
    head = split_head(estimator.head, num, rng=rng, spread=spread)
    return MixtureDensity(spec, estimator.parameter_scaling, estimator.encoder, head)


def split_head(
    head: MixtureHead, num: int, *, rng: np.random.Generator | None = None, spread: float = 0.0
) -> MixtureHead:
    """`num` copies of the only component; noise, distance and equal weights only where `rng` is given."""
    if head.num_components != 1:
        raise ValueError(f"Only a single component can be split; this mixture has {head.num_components}.")

    def split(array: Array) -> np.ndarray:
        copies = np.repeat(np.asarray(array)[..., None, :], num, axis=-2)
        if rng is not None:
            copies = (copies + SPLIT_NOISE * rng.normal(size=copies.shape)).astype(np.float32)
            copies[..., 0] = 0.0  # the logits
        return copies

    weight, bias = split(head.network.weights[-1]), split(head.network.biases[-1])
    if rng is not None:
        # The component at inputs of zero, which is about their mean, says how wide it is.
        factor = np.asarray(head(jnp.zeros(head.slope.shape[0])).factors[0], np.float64)
        apart = np.linalg.solve(factor, rng.normal(size=(head.dim, num))).T
        bias[:, 1 : 1 + head.dim] += (spread * apart).astype(np.float32)
    last = lambda network: (network.weights[-1], network.biases[-1])  # noqa: E731
    flattened = (jnp.asarray(weight.reshape(len(weight), -1)), jnp.asarray(bias.ravel()))
    return MixtureHead(eqx.tree_at(last, head.network, flattened), head.slope, num, head.dim)


def _places(dim: int) -> np.ndarray:
    """(d, d): where each entry of a unit upper triangular matrix is found in (0, 1, entries above)."""
    places = np.eye(dim, dtype=int)
    places[np.triu_indices(dim, 1)] = 2 + np.arange(dim * (dim - 1) // 2)
    return places
