"""Mean and central moments of a series, whole or in blocks, without the cancellation of raw powers."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Shaped

from simulators.features.window import Window


class Moments(NamedTuple):
    """Mean and central moments of ``count`` values, all with 1/n: m_k = mean((v - mean)^k).

    The mean is kept as its distance from one of the values, ``origin``: after ten thousand samples the next
    block moves the mean of a resting potential by less than float32 resolves at -70 mV.
    """

    count: Shaped[Array, ""]
    origin: Float[Array, ""]
    mean_from_origin: Float[Array, ""]
    variance: Float[Array, ""]
    third: Float[Array, ""]
    fourth: Float[Array, ""]

    @property
    def mean(self) -> Float[Array, ""]:
        """Mean."""
        return self.origin + self.mean_from_origin

    @property
    def sd(self) -> Float[Array, ""]:
        """Standard deviation (1/n)."""
        return jnp.sqrt(self.variance)

    @property
    def skewness(self) -> Float[Array, ""]:
        """m3 / m2^1.5; NaN for a constant."""
        return self.third / self._positive_variance**1.5

    @property
    def kurtosis(self) -> Float[Array, ""]:
        """m4 / m2^2, 3 for a Gaussian; NaN for a constant."""
        return self.fourth / self._positive_variance**2

    @property
    def _positive_variance(self) -> Float[Array, ""]:
        return jnp.where(self.variance > 0, self.variance, jnp.nan)


def central_moments(values: Float[Array, " n"], weights: Float[Array, " n"] | None = None) -> Moments:
    """Moments of the values, or of those with weight 1 where the weights are 0 and 1; in two passes.

    The first value is subtracted before anything is summed: a constant gives a variance of exactly zero, and
    a float32 membrane potential of -70 mV that moves by 0.01 mV keeps its digits.
    """
    weights = jnp.ones_like(values) if weights is None else weights
    count = weights.sum()
    share = weights / jnp.maximum(count, 1)

    def mean(terms: Array) -> Array:
        # A product with a vector is several times faster than a masked sum (XLA on CPU, many series at once).
        return jnp.dot(share, terms, precision=jax.lax.Precision.HIGHEST)

    from_origin = values - values[0]
    centre = mean(from_origin)
    c = from_origin - centre
    return Moments(count, values[0], centre, mean(c**2), mean(c**3), mean(c**4))


def no_moments(dtype: DTypeLike) -> Moments:
    """The moments of no values: where merging begins."""
    zero = jnp.zeros((), dtype)
    return Moments(zero, zero, zero, zero, zero, zero)


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of two sets of values together (pairwise update of Chan et al. 1979, Pebay 2008)."""
    count = a.count + b.count
    p, q = a.count / jnp.maximum(count, 1), b.count / jnp.maximum(count, 1)
    origin = jnp.where(a.count > 0, a.origin, b.origin)
    d = b.mean_from_origin + (b.origin - origin) - a.mean_from_origin
    return Moments(
        count,
        origin,
        a.mean_from_origin + q * d,
        p * a.variance + q * b.variance + p * q * d**2,
        p * a.third + q * b.third + p * q * d * (3 * (b.variance - a.variance) + (p - q) * d**2),
        p * a.fourth
        + q * b.fourth
        + p * q * d * (4 * (b.third - a.third) + 6 * d * (p * b.variance + q * a.variance))
        + p * q * (p**2 - p * q + q**2) * d**4,
    )


def add_block(
    known: Moments, first: Int[Array, ""], block: Float[Array, " block_length"], *, window: Window
) -> Moments:
    """The moments within a window after one more block, whose first sample has index ``first``."""

    def add(known: Moments) -> Moments:
        inside = window.contains(first + jnp.arange(len(block)))
        return merge(known, central_moments(block, inside.astype(block.dtype)))

    overlaps = (first < window.stop) & (first + len(block) > window.start)
    return jax.lax.cond(overlaps, add, lambda known: known, known)
