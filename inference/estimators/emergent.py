"""A density of parameters alone, given nothing: what EPI learns by drawing from it."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flowjax.bijections import AbstractBijection, Chain, Permute
from jax.flatten_util import ravel_pytree
from jax.scipy.stats import norm, t
from jaxtyping import Array, Float, Key

from inference.embeddings.encoder import AsItIs
from inference.estimators.base import HEAVY_DOF, DensityEstimator, EstimatorSpec, partition_trainable
from inference.estimators.emergent_layers import (
    AffineCoupling,
    LinearMap,
    SplineCoupling,
    Stretch,
    starting_small,
)
from inference.estimators.mixing import MixingSpec
from inference.networks import make_network
from inference.scaling import ParameterScaling

NAME = "emergent"


class EmergentFlow(DensityEstimator):
    """Standard normal noise moved by couplings with linear maps between them, then each entry stretched.

    Drawing with the density of the draw is one pass without an inverse; so is the density of a given point,
    in the other direction.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: AsItIs
    bijection: AbstractBijection

    def draw(self, key: Key[Array, ""]) -> tuple[Float[Array, " dim"], Float[Array, ""]]:
        """One draw of unconstrained parameters and its log density."""
        noise = jax.random.normal(key, (self.spec.dim,))
        z, log_det = self.bijection.transform_and_log_det(noise)
        log_q = norm.logpdf(noise).sum() - log_det + self.parameter_scaling.log_det()
        return self.parameter_scaling.inverse(z), log_q

    def with_vector(self, vector: Float[Array, " k"]) -> EmergentFlow:
        """The same flow with its trainable numbers, as `vector` gives them, replaced."""
        trainable, fixed = partition_trainable(self)
        flow = eqx.combine(ravel_pytree(trainable)[1](vector), fixed)
        assert isinstance(flow, EmergentFlow)
        return flow

    @property
    def vector(self) -> Float[Array, " k"]:
        """All trainable numbers."""
        return ravel_pytree(partition_trainable(self)[0])[0]

    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_given`; nothing depends on h."""
        noise, log_det = self._noise(u)
        return norm.logpdf(noise).sum() + log_det

    def sample_given(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_given`; nothing depends on h."""
        return self.draw(key)[0]

    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """The same flow of Student-t noise."""
        noise, log_det = self._noise(u)
        return t.logpdf(noise, HEAVY_DOF).sum() + log_det

    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """The same flow of Student-t noise."""
        noise = jax.random.t(key, HEAVY_DOF, (self.spec.dim,))
        return self.parameter_scaling.inverse(self.bijection.transform(noise))

    def _noise(self, u: Array) -> tuple[Array, Array]:
        noise, log_det = self.bijection.inverse_and_log_det(self.parameter_scaling(u))
        return noise, log_det + self.parameter_scaling.log_det()


def emergent_flow(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Any
) -> EmergentFlow:
    """`spec.num_layers` couplings of `spec.transformer`, at first near the identity.

    Raises:
        ValueError: the spec does not say how to mix, or names no transformer.
    """
    del encoder  # nothing is conditioned on
    if spec.mixing is None:
        raise ValueError("The spec of an emergent density needs its mixing.")
    layers: list[AbstractBijection] = []
    for i in range(spec.num_layers):
        layers.append(_coupling(rng, spec, spec.mixing))
        if i < spec.num_layers - 1:
            layers.append(_mix(rng, spec.dim, spec.mixing, i))
    return EmergentFlow(spec, scaling, AsItIs(1), Chain([*layers, Stretch(spec.dim)]))


def _coupling(rng: np.random.Generator, spec: EstimatorSpec, mixing: MixingSpec) -> AbstractBijection:
    kept = spec.dim // 2
    moved, hidden = spec.dim - kept, [spec.width] * spec.depth
    if spec.transformer == "spline":
        network = make_network(rng, (kept, *hidden, moved * (3 * spec.num_bins + 1)), jax.nn.silu)
        return SplineCoupling((spec.dim,), None, starting_small(network))
    if spec.transformer != "affine":
        raise ValueError(f"A coupling is affine or spline; got '{spec.transformer}'.")
    rank = min(mixing.rank, kept, moved - 1)
    network = make_network(rng, (kept, *hidden, 2 * moved + 2 * max(rank, 0)), jax.nn.silu)
    skip = np.zeros((kept, moved), np.float32) if mixing.has_skip else None
    directions = rng.normal(size=(kept, rank, moved)) / np.sqrt(kept) if rank > 0 else None
    return AffineCoupling(
        (spec.dim,),
        None,
        starting_small(network),
        None if skip is None else jnp.asarray(skip),
        None if directions is None else jnp.asarray(directions.astype(np.float32)),
    )


def _mix(rng: np.random.Generator, dim: int, mixing: MixingSpec, number: int) -> AbstractBijection:
    """Between two couplings; of permutations the first swaps the halves, and so does every other one."""
    if mixing.maps == "linear":
        return LinearMap(rng, dim)
    order = np.roll(np.arange(dim), -(dim // 2)) if number % 2 == 0 else rng.permutation(dim)
    return Permute(jnp.asarray(order.astype(np.int32)))
