"""Spikes, bursts and plateaus of three neurons while their voltage arrives in blocks of one millisecond.

Smoothed by Savitzky-Golay (21 samples, order 3; full windows inside, fitted polynomials at the ends). Of the
spikes only the first and the last of each 100 ms are kept: bursts, which are 150 ms apart, need no more. That
is 2.4 kB per simulation of 10 s.

Neurons are the second axis of a block (first of the state), simulations the last.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from simulators.features import plateaus
from simulators.features.bursts import GAP, SHORTEST, Bursts, find_bursts
from simulators.features.plateaus import Plateaus
from simulators.features.smoothing import inside, savitzky_golay

DT = 0.025  # ms
BLOCK_LENGTH = 40  # samples
BLOCKS_PER_BIN = 100
SPIKE_THRESHOLD, PLATEAU_THRESHOLD = -10.0, -30.0  # mV
LENGTH, ORDER = 21, 3  # of the smoothing
LAG = LENGTH // 2 + 2  # samples by which the smoothed block is behind: it needs the samples after it
KEPT = LENGTH - 1 + 2  # samples of earlier blocks
NONE = -1


class Rhythm(NamedTuple):
    """What must be remembered of the voltage so far.

    Attributes:
        tail: last samples, mV.
        first, last: sample indices of the first and last spike of each bin; ``last`` is -1 without any.
        plateaus: the plateaus so far.
    """

    tail: Float[Array, "22 3 *batch"]
    first: Int[Array, "bins 3 *batch"]
    last: Int[Array, "bins 3 *batch"]
    plateaus: Plateaus


def start(num_blocks: int, batch: tuple[int, ...], dtype: DTypeLike) -> Rhythm:
    """Before the first of ``num_blocks`` blocks."""
    bins = jnp.full((num_blocks // BLOCKS_PER_BIN + 1, 3, *batch), NONE, jnp.int32)
    return Rhythm(jnp.zeros((KEPT, 3, *batch), dtype), bins, bins, plateaus.no_plateaus(batch))


def add_block(
    rhythm: Rhythm, index: Int[Array, ""], block: Float[Array, "40 3 *batch"], num_blocks: int
) -> Rhythm:
    """The rhythm after one more block.

    Blocks before the window may be given, with a negative index. After the last one, one more must be given
    (index ``num_blocks``, whatever it holds) to work off what is behind.

    Args:
        rhythm: so far.
        index: of this block, counted from the start of the window.
        block: mV.
        num_blocks: length of the window.
    """
    full = jnp.concatenate([rhythm.tail, block])
    smooth = _smooth(full, index, num_blocks)
    origin = index * BLOCK_LENGTH - LAG
    spikes = _spikes(smooth, origin, num_blocks * BLOCK_LENGTH)
    above = smooth[:BLOCK_LENGTH] > PLATEAU_THRESHOLD
    watched = plateaus.add_block(
        rhythm.plateaus, origin, spikes, above, gap=round(GAP / DT), shortest=round(SHORTEST / DT)
    )
    place = jnp.clip(index // BLOCKS_PER_BIN, 0, len(rhythm.first) - 1)
    first, last = rhythm.first[place], rhythm.last[place]
    first = jnp.where((first < 0) & (spikes[1] >= 0), spikes[0], first)
    return Rhythm(
        full[-KEPT:],
        rhythm.first.at[place].set(first),
        rhythm.last.at[place].set(jnp.maximum(last, spikes[1])),
        watched,
    )


def of_voltage(voltage: Float[Array, "3 num_samples"]) -> Rhythm:
    """The rhythm of a whole recording, in mV every 0.025 ms; an unfinished last ms is left out."""
    num_blocks = voltage.shape[1] // BLOCK_LENGTH
    blocks = voltage[:, : num_blocks * BLOCK_LENGTH].T.reshape(num_blocks, BLOCK_LENGTH, 3)
    blocks = jnp.concatenate([blocks, jnp.zeros_like(blocks[:1])])

    def add(rhythm: Rhythm, given: tuple[Array, Array]) -> tuple[Rhythm, None]:
        return add_block(rhythm, *given, num_blocks), None

    given = jnp.arange(num_blocks + 1, dtype=jnp.int32), blocks
    return jax.lax.scan(add, start(num_blocks, (), voltage.dtype), given)[0]


def bursts(rhythm: Rhythm) -> Bursts:
    """The bursts of one simulation in ms from the start of the window, neurons first: shapes (3, bins)."""
    dtype = rhythm.tail.dtype
    first, last = (
        jnp.where(rhythm.last < 0, jnp.nan, index).astype(dtype).T for index in (rhythm.first, rhythm.last)
    )
    found = jax.vmap(lambda a, b: find_bursts(a, b, gap=GAP / DT, shortest=SHORTEST / DT))(first, last)
    return found._replace(start=found.start * DT, end=found.end * DT)


def plateau_lengths(rhythm: Rhythm) -> Float[Array, " 3"]:
    """Mean plateau of each neuron of one simulation, ms."""
    return plateaus.mean_plateau(rhythm.plateaus, plateaus.STRIDE * DT, rhythm.tail.dtype)


def _smooth(full: Float[Array, "62 3 *batch"], index: Array, num_blocks: int) -> Float[Array, "42 3 *batch"]:
    """The smoothed block and two samples after it."""
    before, within, after = (jnp.asarray(weights, full.dtype) for weights in _weights())
    weights = jnp.where(index == 0, before, jnp.where(index == num_blocks, after, within))
    flat = jnp.dot(weights, full.reshape(len(full), -1), precision="highest")
    return flat.reshape(-1, *full.shape[1:])


@lru_cache
def _weights() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of the first block, of the blocks inside, and of what is left after the last."""
    half = LENGTH // 2
    ends = savitzky_golay(LENGTH, ORDER)
    within = inside(LENGTH, ORDER, BLOCK_LENGTH + 2)
    first, last = within.copy(), within.copy()
    first[:LAG] = 0  # before the window
    first[LAG : LAG + half] = 0
    first[LAG : LAG + half, KEPT : KEPT + LENGTH] = ends[:half]
    last[LAG - half :] = 0
    last[LAG - half : LAG, KEPT - LENGTH : KEPT] = ends[-half:]
    return first, within, last


def _spikes(smooth: Float[Array, "42 3 *batch"], origin: Array, num_samples: int) -> tuple[Array, Array]:
    """Indices of the first and last sample that come just before a peak; the last is -1 without any."""
    before, top, after = smooth[:-2], smooth[1:-1], smooth[2:]
    rows = jnp.arange(BLOCK_LENGTH, dtype=jnp.int32).reshape(-1, *[1] * (smooth.ndim - 1))
    is_inside: Bool[Array, ...] = (rows >= -origin) & (rows < num_samples - 2 - origin)
    is_spike = (top > SPIKE_THRESHOLD) & (top >= before) & (after <= top) & is_inside
    first = origin + jnp.where(is_spike, rows, BLOCK_LENGTH).min(0)
    last = jnp.where(is_spike, rows, NONE - BLOCK_LENGTH).max(0)
    return first, jnp.where(last < 0, NONE, origin + last)
