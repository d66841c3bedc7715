"""Bursts of spikes, from spike trains or from the first and last spike of short bins: they need no more."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

GAP = 150.0  # ms; spikes at least this far apart belong to different bursts
SHORTEST = 50.0  # ms; from first to last spike a burst takes longer than this
SHORTEST_RECORDED = 40.0  # ms; what the authors' code for recordings has instead
Number = float | Float[Array, ""]


class Bursts(NamedTuple):
    """Bursts of one neuron in a table of fixed length; rows without ``is_kept`` are empty.

    Attributes:
        start, end: time of the first and of the last spike; kept bursts are in order.
        is_kept: whether there is a burst here, long enough to count.
    """

    start: Float[Array, " n"]
    end: Float[Array, " n"]
    is_kept: Bool[Array, " n"]


def find_bursts(
    first: Float[Array, " n"], last: Float[Array, " n"], *, gap: Number = GAP, shortest: Number = SHORTEST
) -> Bursts:
    """The bursts of one neuron.

    Args:
        first: times of the first spike of successive bins, each shorter than ``gap``; NaN where a bin has
            none. A spike train is its own table: ``find_bursts(times, times)``.
        last: times of their last spikes.
        gap: spikes at least this far apart belong to different bursts, in the unit of the times.
        shortest: bursts that do not last longer are dropped.
    """
    has_spike = jnp.isfinite(first)
    latest = jax.lax.cummax(jnp.where(has_spike, last, -jnp.inf))
    before = jnp.concatenate([jnp.full(1, -jnp.inf, latest.dtype), latest[:-1]])
    is_start = has_spike & (first - before >= gap)
    # The end of each: the last spike before the next start.
    following = jnp.where(is_start, before, jnp.inf)
    next_end = jax.lax.cummin(following, reverse=True)
    end = jnp.minimum(jnp.concatenate([next_end[1:], latest[-1:]]), latest[-1])
    return Bursts(first, end, is_start & (end - first > shortest))
