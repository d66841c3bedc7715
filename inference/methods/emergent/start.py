"""Where the flows of EPI start: near the uniform distribution on the support, or fitted to a Gaussian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key

from inference.estimators import make_estimator
from inference.estimators.base import EstimatorSpec
from inference.estimators.emergent import NAME, EmergentFlow
from inference.estimators.mixing import MixingSpec
from inference.scaling import fit_parameter_scaling, identity_scaling
from simulators import Prior

if TYPE_CHECKING:
    from inference.methods.epi import EPI

TOO_MANY = 400  # parameters for which directions take too long
MANY = 100  # parameters from which on linear maps are fixed permutations
LEARNING_RATE, PENALTY, WIDE = 2e-3, 10.0, 250  # up to so many parameters
PENALTY_WIDE = 30.0
FEW = 8  # parameters, for which narrow networks and a short course are enough
NUM_SCALING = 10_000  # draws of the prior that give the scale of a start
GAUSSIAN_STEPS, GAUSSIAN_BATCH, GAUSSIAN_RATE, LARGEST_ENTRY = 10_000, 500, 1e-3, 1e5


def spec_of(config: EPI, dim: int) -> EstimatorSpec:
    """Which flow."""
    is_affine, is_large = config.estimator == "coupling", dim > MANY
    maps = config.maps if config.maps != "auto" else "permutation" if is_large else "linear"
    rank = config.rank if config.rank is not None else 0 if dim > TOO_MANY else 4
    mixing = MixingSpec(maps, rank if is_affine else 0, is_affine and config.linear_skip)
    return EstimatorSpec(
        NAME,
        dim,
        1,
        num_layers=config.num_layers,
        width=config.width or (50 if dim <= FEW else 100),
        depth=config.depth,
        num_bins=config.num_bins,
        transformer="affine" if is_affine else "spline",
        mixing=mixing,
    )


def learning_rate_of(dim: int) -> float:
    """Of the first step of an epoch: the outputs of wide layers move by more in a step of their weights."""
    return LEARNING_RATE * min(1.0, (WIDE / dim) ** 0.5)


def annealing_of(dim: int) -> float:
    """Factor of the learning rate in each later epoch: with many parameters the entropy rises for longer."""
    return 0.85 if dim <= FEW else 0.93


def penalty_of(dim: int) -> float:
    """At the start.

    With many parameters a statistic has far more room away from its target than at it, and multipliers alone
    would widen it by a few stray draws.
    """
    return PENALTY if dim <= WIDE else PENALTY_WIDE


def new_flow(key: Key[Array, ""], spec: EstimatorSpec, prior: Prior) -> EmergentFlow:
    """A flow near the identity, on the scale that draws of the prior have where there are no bounds.

    Of a uniform prior that makes it nearly uniform on the support.
    """
    u = prior.to_unconstrained(prior.sample(jax.random.key(0), NUM_SCALING))
    scalings = (fit_parameter_scaling(np.asarray(u)), identity_scaling(spec.dim, 1)[1])
    flow = make_estimator(key, spec, scalings=scalings)
    assert isinstance(flow, EmergentFlow)
    return flow


def gaussian_start(
    key: Key[Array, ""], flow: EmergentFlow, prior: Prior, parameters: Float[Array, "seeds k"]
) -> Float[Array, "seeds k"]:
    """The same flows after a fit to a Gaussian around the centre of the support, a quarter of its width wide.

    A side without a bound is two units away with sd 1. Reference: Bittner et al. 2021, eLife 10:e56265.
    """
    low, high = prior.low, prior.high
    has_both = np.isfinite(low) & np.isfinite(high)
    nearest = np.where(np.isfinite(low), low + 2.0, np.where(np.isfinite(high), high - 2.0, 0.0))
    with np.errstate(invalid="ignore"):
        centre = jnp.asarray(np.where(has_both, (low + high) / 2, nearest), jnp.float32)
        sd = jnp.asarray(np.where(has_both, (high - low) / 4, 1.0), jnp.float32)
    optimiser = optax.chain(optax.clip(LARGEST_ENTRY), optax.adam(GAUSSIAN_RATE))

    def divergence(vector: Array, key: Array) -> Array:
        u, log_q = jax.vmap(flow.with_vector(vector).draw)(jax.random.split(key, GAUSSIAN_BATCH))
        theta = prior.from_unconstrained(u)
        log_p = -0.5 * (((theta - centre) / sd) ** 2).sum(axis=-1)
        return (log_q - prior.log_abs_det_jacobian(u) - log_p).mean()

    def fit(key: Array, vector: Array) -> Array:
        def step(carry: tuple, key: Array) -> tuple[tuple, None]:
            vector, moments = carry
            updates, moments = optimiser.update(jax.grad(divergence)(vector, key), moments)
            return (optax.apply_updates(vector, updates), moments), None

        (vector, _), _ = jax.lax.scan(
            step, (vector, optimiser.init(vector)), jax.random.split(key, GAUSSIAN_STEPS)
        )
        return vector

    return jax.jit(jax.vmap(fit))(jax.random.split(key, len(parameters)), parameters)
