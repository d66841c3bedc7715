"""The longest plateau of each burst cycle, while the trace arrives in blocks.

The published rule cuts the trace where kept bursts begin, and in each piece takes every 10th sample from its
first on: the longest run of them above -30 mV counts, if it ends within the piece; the last piece ends at the
last spike. Whether a burst is kept is known only later, so a second watch follows the burst that has begun,
while the first still follows the piece before.

Neurons are the first axis of all arrays here, simulations the last; times are indices of samples.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

STRIDE = 10  # samples
SHORTEST = 20  # strided samples, 5 ms
INSTEAD = 10.0  # strided samples, 2.5 ms: what is noted for shorter plateaus, "5 ms" in the paper
LONG_AGO = -(2**30)

Count = Int[Array, "3 *batch"]
Flag = Bool[Array, "3 *batch"]
Lengths = Float[Array, "3 *batch"]


class Watch(NamedTuple):
    """One piece that is being watched.

    Attributes:
        phase: row of its first sample within a block, modulo the stride.
        run: strided samples above the threshold up to now. longest: longest run that has ended.
        until_start, until_last: ``longest`` as it was when the current burst began, and at the last spike.
    """

    phase: Count
    run: Count
    longest: Count
    until_start: Count
    until_last: Count


class Plateaus(NamedTuple):
    """What is known so far: the current burst, the pieces being watched, the sum over finished ones."""

    burst_start: Count
    last_spike: Count
    is_kept: Flag
    piece: Watch
    begun: Watch
    num_pieces: Count
    total: Count


def no_plateaus(batch: tuple[int, ...]) -> Plateaus:
    """Before the first sample."""
    zero = jnp.zeros((3, *batch), jnp.int32)
    long_ago = zero + LONG_AGO
    watch = Watch(*[zero] * 5)
    return Plateaus(long_ago, long_ago, zero > 0, watch, watch, zero, zero)


def add_block(
    plateaus: Plateaus,
    origin: Int[Array, ""],
    spikes: tuple[Count, Count],
    above: Bool[Array, "rows 3 *batch"],
    *,
    gap: int,
    shortest: int,
) -> Plateaus:
    """The plateaus after one more block, shorter than ``gap``.

    Args:
        plateaus: so far.
        origin: index of the block's first sample.
        spikes: indices of the first and of the last spike in the block; the last is negative without any.
        above: where the smoothed trace is above the threshold; the rows are a multiple of the stride.
        gap: spikes at least this many samples apart belong to different bursts.
        shortest: bursts that do not last longer are dropped, in samples.
    """
    first, last = spikes
    has_spike = last >= 0
    is_new = has_spike & (first - plateaus.last_spike >= gap)
    start = jnp.where(is_new, first, plateaus.burst_start)
    bits = _packed(above)
    piece = _watch(plateaus.piece, origin, bits, (jnp.where(is_new, first, LONG_AGO), last), LONG_AGO)
    zero = jnp.zeros_like(first)
    fresh = Watch((first - origin) % STRIDE, zero, zero, zero, zero)
    begun = _choose(is_new, fresh, plateaus.begun)
    begun = _watch(begun, origin, bits, (zero + LONG_AGO, last), start)

    latest = jnp.where(has_spike, last, plateaus.last_spike)
    was_kept = plateaus.is_kept & ~is_new
    is_found = has_spike & (latest - start > shortest) & ~was_kept
    finished = jnp.where(is_found & (plateaus.num_pieces > 0), piece.until_start, 0)
    return Plateaus(
        start,
        latest,
        was_kept | is_found,
        _choose(is_found, begun, piece),
        begun,
        plateaus.num_pieces + is_found,
        plateaus.total + finished,
    )


def mean_plateau(plateaus: Plateaus, stride_ms: float, dtype: DTypeLike) -> Lengths:
    """Mean longest plateau in ms, NaN without a kept burst.

    Args:
        plateaus: after the last block.
        stride_ms: time between strided samples.
        dtype: of the result.
    """
    total = (plateaus.total + plateaus.piece.until_last).astype(dtype)
    mean = jnp.where(plateaus.num_pieces > 0, total / plateaus.num_pieces, jnp.nan)
    return jnp.where(mean < SHORTEST, INSTEAD, mean) * stride_ms


def _watch(
    watch: Watch, origin: Array, bits: list[Array], cuts: tuple[Array, Array], since: Array | int
) -> Watch:
    """Look at the strided samples of a block, from index ``since`` on; cuts: a start and a last spike."""
    run, longest = watch.run, watch.longest
    snapshots = [
        jnp.where(cut >= 0, longest, old)
        for cut, old in zip(cuts, (watch.until_start, watch.until_last), strict=True)
    ]
    for turn, word in enumerate(bits):
        index = origin + STRIDE * turn + watch.phase
        is_above = (((word >> watch.phase) & 1) > 0) & (index >= since)
        longest = jnp.where(is_above, longest, jnp.maximum(longest, run))
        run = jnp.where(is_above, run + 1, 0)
        snapshots = [jnp.where(index < cut, longest, old) for cut, old in zip(cuts, snapshots, strict=True)]
    return Watch(watch.phase, run, longest, *snapshots)


def _packed(above: Bool[Array, "rows 3 *batch"]) -> list[Array]:
    """One word per stride; bit r is row r of it."""
    turns = above.reshape(-1, STRIDE, *above.shape[1:])
    place = (1 << jnp.arange(STRIDE, dtype=jnp.int32)).reshape(STRIDE, *[1] * (above.ndim - 1))
    return list(jnp.where(turns, place, 0).sum(1, dtype=jnp.int32))


def _choose(condition: Array, yes: Watch, no: Watch) -> Watch:
    return Watch(*[jnp.where(condition, a, b) for a, b in zip(yes, no, strict=True)])
