"""Central moments to order 8 and autocovariances of a series that arrives in blocks, in single precision.

Both are kept about the running mean and moved along with it, never as raw sums about a fixed voltage: there a
float32 would lose the digits of a quiet trace (an offset of 15 mV, squared, against a variance of 0.01 mV2).
"""

from __future__ import annotations

from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from simulators.features.window import Window

ORDER = 8


class Running(NamedTuple):
    """What is known of a window after some blocks.

    Attributes:
        count: samples so far.
        origin: one of them; ``offset`` is the distance of their mean from it.
        moments: mean((v - mean)^k), k = 0 ... 8.
        recent: the last samples less the origin, as many as the longest lag.
        products: sum of (v_i - mean)(v_(i + lag) - mean) for each lag, over pairs within the window.
        pairs: number of those pairs. earlier, later: sums of their first and second members.
    """

    count: Float[Array, ""]
    origin: Float[Array, ""]
    offset: Float[Array, ""]
    moments: Float[Array, " num_orders"]
    recent: Float[Array, " longest_lag"]
    products: Float[Array, " num_lags"]
    pairs: Float[Array, " num_lags"]
    earlier: Float[Array, " num_lags"]
    later: Float[Array, " num_lags"]

    @property
    def mean(self) -> Float[Array, ""]:
        """Mean of the samples."""
        return self.origin + self.offset

    @property
    def autocorrelation(self) -> Float[Array, " num_lags"]:
        """Autocorrelation at each lag, the series padded with zeros; NaN for a constant."""
        power = self.count * self.moments[2]
        return self.products / jnp.where(power > 0, power, jnp.nan)


def start(lags: tuple[int, ...], dtype: DTypeLike) -> Running:
    """Before the first block; lags in samples."""
    zero, none = jnp.zeros((), dtype), jnp.zeros(len(lags), dtype)
    moments, recent = jnp.zeros(ORDER + 1, dtype), jnp.zeros(max(lags), dtype)
    return Running(zero, zero, zero, moments, recent, none, none, none, none)


def add_block(
    known: Running,
    first: Int[Array, ""],
    block: Float[Array, " block_length"],
    *,
    window: Window,
    lags: tuple[int, ...],
) -> Running:
    """After one more block, whose first sample has index ``first``; longer than the longest lag."""
    overlaps = (first < window.stop) & (first + len(block) > window.start)
    return jax.lax.cond(overlaps, lambda known: _added(known, first, block, window, lags), lambda k: k, known)


def of_series(values: Float[Array, " n"], lags: tuple[int, ...]) -> Running:
    """All at once, in two passes."""
    count = jnp.asarray(len(values), values.dtype)
    origin = values[0]
    offset, moments = _moments(values - origin, jnp.ones_like(values) / count)
    c = (values - origin) - offset
    products = jnp.stack([jnp.dot(c[:-lag], c[lag:], precision=jax.lax.Precision.HIGHEST) for lag in lags])
    nothing = start(lags, values.dtype)
    return nothing._replace(count=count, origin=origin, offset=offset, moments=moments, products=products)


def _added(known: Running, first: Array, block: Array, window: Window, lags: tuple[int, ...]) -> Running:
    weights = window.contains(first + jnp.arange(len(block))).astype(block.dtype)
    is_new = known.count == 0
    origin = jnp.where(is_new, block[-1], known.origin)  # also a last sample past the window is near
    values = block - origin
    count = known.count + weights.sum()
    block_offset, block_moments = _moments(values, weights / weights.sum())
    share = weights.sum() / count
    offset = known.offset + share * (block_offset - known.offset)
    moved = jnp.where(is_new, 0.0, offset - known.offset)
    moments = (1 - share) * _moved(known.moments, moved) + share * _moved(
        block_moments, offset - block_offset
    )
    recent = jnp.concatenate([known.recent, values])
    products, pairs, earlier, later = _pair_sums(recent - offset, first, len(block), window, lags)
    return Running(
        count,
        origin,
        offset,
        moments,
        recent[len(block) :],
        known.products - moved * (known.earlier + known.later) + moved**2 * known.pairs + products,
        known.pairs + pairs,
        known.earlier - moved * known.pairs + earlier,
        known.later - moved * known.pairs + later,
    )


def _moments(values: Array, share: Array) -> tuple[Array, Array]:
    """Weighted mean, and moments of order 0 to 8 about it, in two passes."""

    def mean(terms: Array) -> Array:
        # A product with a vector is several times faster than a masked sum (XLA on CPU, many series at once).
        return jnp.dot(share, terms, precision=jax.lax.Precision.HIGHEST)

    centre = mean(values)
    c = values - centre
    power, moments = c, [jnp.ones_like(centre), jnp.zeros_like(centre)]
    for _ in range(2, ORDER + 1):
        power = power * c
        moments.append(mean(power))
    return centre, jnp.stack(moments)


def _moved(moments: Array, distance: Array) -> Array:
    """Moments about a point that lies ``distance`` above the old one (binomial theorem)."""
    powers = [jnp.ones_like(distance)]
    for _ in range(ORDER):
        powers.append(-powers[-1] * distance)
    terms = [[comb(k, j) * moments[k - j] * powers[j] for j in range(k + 1)] for k in range(ORDER + 1)]
    return jnp.stack([sum(row[1:], start=row[0]) for row in terms])


def _pair_sums(
    c: Array, first: Array, length: int, window: Window, lags: tuple[int, ...]
) -> tuple[Array, Array, Array, Array]:
    """Products, numbers and sums of the pairs whose later member is in this block, both in the window."""
    longest = max(lags)
    inside = window.contains(first + jnp.arange(-longest, length)).astype(c.dtype)
    later, is_later = c[longest:], inside[longest:]
    sums = []
    for lag in lags:
        before = slice(longest - lag, longest - lag + length)
        both = inside[before] * is_later
        sums.append((both @ (c[before] * later), both.sum(), both @ c[before], both @ later))
    products, pairs, firsts, lasts = (jnp.stack(column) for column in zip(*sums, strict=True))
    return products, pairs, firsts, lasts
