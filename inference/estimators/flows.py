"""Normalising flows: autoregressive affine and spline coupling, assembled from FlowJAX parts."""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from flowjax.bijections import AbstractBijection, Affine, Chain, Flip, Scan
from flowjax.utils import get_ravelled_pytree_constructor
from jax.scipy.stats import norm, t
from jaxtyping import Array, Float, Key
from paramax import Parameterize
from paramax.utils import inv_softplus

from inference.embeddings.encoder import AsItIs, Encoder
from inference.estimators.base import HEAVY_DOF, DensityEstimator, EstimatorSpec, with_arrays
from inference.estimators.layers import Autoregressive, Coupling, LinearMix
from inference.estimators.splines import RationalQuadraticSpline
from inference.networks import make_network
from inference.scaling import ParameterScaling

SPLINE_BOUND = 4.0  # in standard deviations of the training parameters; the identity beyond
MIN_AFFINE_SCALE = 1e-2


class Flow(DensityEstimator):
    """A standard normal seen through a conditional bijection from scaled parameters to noise."""

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: Encoder | AsItIs
    bijection: AbstractBijection

    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_given`."""
        noise, log_det = self._noise(u, h)
        return norm.logpdf(noise).sum() + log_det

    def sample_given(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_given`."""
        return self._moved(jax.random.normal(key, (self.spec.dim,)), h)

    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """The same flow of Student-t noise."""
        noise, log_det = self._noise(u, h)
        return t.logpdf(noise, HEAVY_DOF).sum() + log_det

    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """The same flow of Student-t noise."""
        return self._moved(jax.random.t(key, HEAVY_DOF, (self.spec.dim,)), h)

    def _noise(self, u: Array, h: Array) -> tuple[Array, Array]:
        noise, log_det = self.bijection.transform_and_log_det(self.parameter_scaling(u), h)
        return noise, log_det + self.parameter_scaling.log_det()

    def _moved(self, noise: Array, h: Array) -> Array:
        return self.parameter_scaling.inverse(self.bijection.inverse(noise, h))


def spline_coupling_flow(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder | AsItIs
) -> Flow:
    """Rational-quadratic coupling layers, each after a linear mixing.

    Reference: Durkan et al. 2019, Neural spline flows, arXiv:1906.04032.
    """
    return _coupling(rng, spec, scaling, encoder, _spline(spec.num_bins))


def coupling_flow(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder | AsItIs
) -> Flow:
    """Coupling layers of `spec.transformer`: "spline" is "nsf"; "affine" draws in the fewest operations.

    Reference: Dinh et al. 2017, Density estimation using Real NVP, arXiv:1605.08803.

    Raises:
        ValueError: if there is no such transformer.
    """
    transformers = {"affine": _affine, "spline": lambda: _spline(spec.num_bins)}
    if spec.transformer not in transformers:
        raise ValueError(
            f"There is no transformer '{spec.transformer}' of a coupling flow; choose one of "
            f"{', '.join(transformers)}."
        )
    return _coupling(rng, spec, scaling, encoder, transformers[spec.transformer]())


def masked_autoregressive_flow(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder | AsItIs
) -> Flow:
    """Affine autoregressive layers, each after a linear mixing.

    Reference: Papamakarios et al. 2017, arXiv:1705.07057.
    """
    make_transformer, num_raw = _affine()
    num_inputs = encoder.num_outputs
    inputs = (*range(spec.dim), *[-1] * num_inputs)  # the condition has rank -1: everybody hears it
    hidden = tuple(i % spec.dim - 1 for i in range(spec.width))
    outputs = tuple(np.repeat(np.arange(spec.dim), num_raw).tolist())
    ranks = (inputs, *[hidden] * spec.depth, outputs)

    def layer() -> AbstractBijection:
        network = make_network(rng, tuple(len(r) for r in ranks), jax.nn.silu, ranks=ranks)
        return Autoregressive((spec.dim,), (num_inputs,), network, make_transformer)

    return Flow(spec, scaling, encoder, _stack(layer, spec, num_inputs))


def _coupling(
    rng: np.random.Generator,
    spec: EstimatorSpec,
    scaling: ParameterScaling,
    encoder: Encoder | AsItIs,
    transformer: tuple[Callable[[Array], AbstractBijection], int],
) -> Flow:
    make_transformer, num_raw = transformer
    num_inputs = encoder.num_outputs
    kept = spec.dim // 2
    sizes = (kept + num_inputs, *[spec.width] * spec.depth, (spec.dim - kept) * num_raw)

    def layer() -> AbstractBijection:
        network = make_network(rng, sizes, jax.nn.silu)
        return Coupling((spec.dim,), (num_inputs,), network, make_transformer, kept)

    return Flow(spec, scaling, encoder, _stack(layer, spec, num_inputs))


def _stack(layer: Callable[[], AbstractBijection], spec: EstimatorSpec, num_inputs: int) -> Scan:
    """`num_layers` of (linear mixing, layer, reversed order), compiled once as a scan over layers."""
    layers = [
        Chain([LinearMix(spec.dim, num_inputs), layer(), Flip((spec.dim,))]) for _ in range(spec.num_layers)
    ]
    return Scan(with_arrays(lambda *leaves: np.stack(leaves), *layers))


# Cached, because a transformer's constructor is part of what compiled functions are keyed by: two estimators
# of one spec share it and so share their compiled code.
@functools.cache
def _spline(num_bins: int) -> tuple[Callable[[Array], AbstractBijection], int]:
    return functools.partial(RationalQuadraticSpline, bound=SPLINE_BOUND), 3 * num_bins + 1


@functools.cache
def _affine() -> tuple[Callable[[Array], AbstractBijection], int]:
    scale = Parameterize(_positive_scale, inv_softplus(1 - MIN_AFFINE_SCALE))
    return _constructor(eqx.tree_at(lambda affine: affine.scale, Affine(), scale))


def _positive_scale(raw: Array) -> Array:
    return jax.nn.softplus(raw) + MIN_AFFINE_SCALE


def _constructor(transformer: AbstractBijection) -> tuple[Callable[[Array], AbstractBijection], int]:
    return get_ravelled_pytree_constructor(transformer, filter_spec=eqx.is_inexact_array)
