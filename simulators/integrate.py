"""Fixed-step schemes, and a driver that works block by block so that a long series need not be stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulators.counter_noise import normals, paired_normals
from simulators.devices import unrolled
from simulators.exponential import one_minus_exp

State = Any
Summary = Any


def exponential_euler(
    value: Float[Array, "*shape"],
    steady_state: Float[Array, "*shape"],
    rate: Float[Array, "*shape"],
    dt: float,
) -> Float[Array, "*shape"]:
    """The value after one step of dx/dt = rate (steady_state - x), exact while both stay constant.

    Args:
        value: x now.
        steady_state: where x is heading, in the unit of x.
        rate: inverse time constant, 1 / time.
        dt: step, in the same unit of time.
    """
    return value + (steady_state - value) * one_minus_exp(dt * rate)


def scan_blocks(
    key: Key[Array, ""],
    step: Callable[[State, Array, Any], tuple[State, Array]],
    state: State,
    forcing: Float[np.ndarray, " num_samples"],
    fold: Callable[[Summary, Array, Array], tuple[Summary, Any]],
    summary: Summary,
    *,
    block_length: int,
    num_noises: int | None = None,
) -> tuple[Summary, Any]:
    """Integrate a noisy fixed-step model, handing the series over one block at a time.

    Memory grows with ``block_length``, and with what ``fold`` keeps, but not with the number of samples.
    The noise of sample i depends on the key, i and ``block_length`` only: runs that keep different things
    see the same noise, in single and in double precision.

    Args:
        key: one key per simulation.
        step: ``(state, forcing_i, noise_i) -> (next state, output of sample i)``; noise is standard normal.
        state: state at sample 0.
        forcing: input of every sample; it says how many samples there are.
        fold: ``(summary, index of the block's first sample, outputs (block_length,)) -> (summary, kept)``.
            The last block runs on past the end without forcing: ignore samples from num_samples on.
        summary: the summary before the first block.
        block_length: samples per block.
        num_noises: hand ``step`` a tuple of that many standard normals; None: one, not in a tuple.

    Returns:
        The last summary, and what ``fold`` kept, stacked over blocks.
    """
    num_blocks = -(-len(forcing) // block_length)
    padded = np.pad(forcing, (0, num_blocks * block_length - len(forcing))).reshape(num_blocks, block_length)
    dtype = jnp.result_type(*jax.tree.leaves(state))

    def draw(key):
        if num_noises is None:
            return normals(key, block_length).astype(dtype)
        return tuple(paired_normals(key, num_noises * block_length).astype(dtype).reshape(num_noises, -1))

    def block(carry, inputs):
        state, summary = carry
        index, forcing = inputs
        noise = draw(jax.random.fold_in(key, index))
        state, outputs = jax.lax.scan(lambda s, i: step(s, *i), state, (forcing, noise), unroll=unrolled())
        summary, kept = fold(summary, index * block_length, outputs)
        return (state, summary), kept

    inputs = jnp.arange(num_blocks), jnp.asarray(padded, dtype)
    (_, summary), kept = jax.lax.scan(block, (state, summary), inputs)
    return summary, kept
