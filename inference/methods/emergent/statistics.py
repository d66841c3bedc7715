"""The statistics of an emergent property as a function of the parameters."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from inference.goals import EmergentProperty
from inference.methods.emergent.objective import Statistics, Targets
from simulators import Simulator

SHARE_OF_MEMORY = 0.25  # that what a batch keeps for its derivative may take
LEAST_BATCH = 20


def targets_of(simulator: Simulator, goal: EmergentProperty) -> tuple[tuple[str, ...], Targets]:
    """The statistics of a goal by name, in the simulator's order, and what they shall be."""
    names = tuple(name for name in simulator.feature_names if name in goal.mean)
    numbers = [np.array([part[name] for name in names], np.float32) for part in (goal.mean, goal.sd)]
    return names, Targets(*numbers)


def statistics_of(simulator: Simulator, names: tuple[str, ...]) -> Statistics:
    """(key, theta row) -> (p,), the named features of one simulation.

    What their derivative costs is the model's affair: with few parameters and many steps it is cheapest
    forwards, see `simulators/batch_last.py`.
    """
    columns = np.array([simulator.feature_names.index(name) for name in names])

    def statistics(key: Array, theta: Array) -> Array:
        return simulator(key, theta)[columns]

    return statistics


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


def _row(dim: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((dim,), jnp.float32)


def _has_size(leaf: object) -> bool:
    return isinstance(leaf, jax.ShapeDtypeStruct) and not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
