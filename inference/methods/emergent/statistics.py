"""The statistics of an emergent property as a function of the parameters, with the cheaper derivative."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from inference.goals import EmergentProperty
from inference.methods.emergent.objective import Statistics, Targets
from simulators import Simulator

MOST_FORWARD = 8  # parameters up to which derivatives are carried along the simulation
SHARE_OF_MEMORY = 0.25  # that what a batch keeps for its derivative may take
LEAST_BATCH = 20


def targets_of(simulator: Simulator, goal: EmergentProperty) -> tuple[tuple[str, ...], Targets]:
    """The statistics of a goal by name, in the simulator's order, and what they shall be."""
    names = tuple(name for name in simulator.feature_names if name in goal.mean)
    numbers = [np.array([part[name] for name in names], np.float32) for part in (goal.mean, goal.sd)]
    return names, Targets(*numbers)


def statistics_of(simulator: Simulator, names: tuple[str, ...]) -> Statistics:
    """(key, theta row) -> (p,), the named features of one simulation.

    With few parameters their derivatives are carried forwards: no trajectory is kept, and on the 300 steps of
    the stomatogastric circuit it takes a tenth of the time of reverse mode.
    """
    columns = np.array([simulator.feature_names.index(name) for name in names])

    def statistics(key: Array, theta: Array) -> Array:
        return simulator(key, theta)[columns]

    is_forward = simulator.prior.dim <= MOST_FORWARD and _has_forward(statistics, simulator.prior.dim)
    return _with_forward(statistics) if is_forward else statistics


def automatic_batch(statistics: Statistics, dim: int, wanted: int, num_seeds: int) -> int:
    """`wanted` rows, or as many as leave room for what reverse mode keeps of each; an even number."""

    def kept(key: Array, theta: Array) -> object:
        return jax.vjp(lambda row: statistics(key, row), theta)[1]

    shapes = jax.eval_shape(kept, jax.eval_shape(jax.random.key, 0), _row(dim))
    size = sum(
        leaf.size * np.dtype(leaf.dtype).itemsize for leaf in jax.tree.leaves(shapes) if _has_size(leaf)
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * SHARE_OF_MEMORY
    fitting = int(memory / max(1, size) / num_seeds)
    return max(LEAST_BATCH, min(wanted, fitting)) // 2 * 2


def _with_forward(statistics: Statistics) -> Statistics:
    """The same with a derivative that was computed along with the value."""

    @jax.custom_vjp
    def simulated(key: Array, theta: Array) -> Array:
        return statistics(key, theta)

    def forward(key: Array, theta: Array) -> tuple[Array, Array]:
        def along(direction: Array) -> tuple[Array, Array]:
            return jax.jvp(lambda row: statistics(key, row), (theta,), (direction,))

        return jax.vmap(along, out_axes=(None, 0))(jnp.eye(theta.shape[0], dtype=theta.dtype))

    def backward(slopes: Array, weights: Array) -> tuple[None, Array]:
        return None, slopes @ weights

    simulated.defvjp(forward, backward)
    return simulated


def _has_forward(statistics: Statistics, dim: int) -> bool:
    """Whether there is a derivative in forward mode; a function with its own reverse rule has none."""
    try:
        key = jax.eval_shape(jax.random.key, 0)
        jax.eval_shape(
            lambda key, theta: jax.jvp(lambda row: statistics(key, row), (theta,), (theta,)), key, _row(dim)
        )
    except TypeError:
        return False
    return True


def _row(dim: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((dim,), jnp.float32)


def _has_size(leaf: object) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
