"""Exact draws of the Polya-Gamma distribution PG(1, c).

PG(1, c) = J / 4, with J of density

    f(x) = cosh(z) exp(-z^2 x / 2) sum_n (-1)^n a_n(x),   z = |c| / 2

Candidates of the first term, an inverse Gaussian below T and an exponential above, are accepted by the
alternating series (Devroye 2009; Polson, Scott and Windle 2013, doi:10.1080/01621459.2013.829001, section 4).
Both forms of the series fall so fast that the term after the last one used is below 1e-38 of the first: far
below what single precision resolves, so nothing is cut off.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jaxtyping import Array, Bool, Float, Key

T = 0.64  # where the two forms of the series meet
NUM_TERMS = 4  # of the series, after the first
MOST_ROUNDS = 200  # a round fails with a probability below 0.6


class _Round(NamedTuple):
    index: Array
    x: Array
    is_tail: Array
    is_done: Array


def polya_gamma(key: Key[Array, ""], c: Float[Array, " n"]) -> Float[Array, " n"]:
    """Independent draws of PG(1, c), one for each c.

    The loop ends when all have been accepted. It is bounded: with a probability below 1e-40 for each draw the
    last candidate is taken as it is.
    """
    z = jnp.abs(c) / 2
    rate = np.pi**2 / 8 + z**2 / 2
    tail_chance = _tail_chance(z, rate)

    def body(now: _Round) -> _Round:
        chances = jax.random.uniform(jax.random.fold_in(key, now.index), (6, *z.shape), minval=_TINY)
        # Anew after a draw was refused by the series, but not after a candidate was outside its half.
        is_tail = now.is_tail
        below, is_inside = _below(z, chances[:3])
        x = jnp.where(is_tail, T - jnp.log(chances[0]) / rate, below)
        is_candidate = is_tail | is_inside
        is_accepted = is_candidate & _accepts(x, chances[3])
        is_tail = jnp.where(is_candidate, chances[4] < tail_chance, is_tail)
        return _Round(now.index + 1, jnp.where(now.is_done, now.x, x), is_tail, now.is_done | is_accepted)

    first = jax.random.uniform(jax.random.fold_in(key, MOST_ROUNDS), z.shape) < tail_chance
    start = _Round(jnp.int32(0), jnp.full(z.shape, T), first, jnp.zeros(z.shape, bool))
    return jax.lax.while_loop(lambda now: ~now.is_done.all() & (now.index < MOST_ROUNDS), body, start).x / 4


_TINY = np.finfo(np.float32).tiny


def _tail_chance(z: Float[Array, " n"], rate: Float[Array, " n"]) -> Float[Array, " n"]:
    """Share of the first term's mass that lies above T."""
    log_above = np.log(np.pi / 2) - jnp.log(rate) - rate * T
    root = np.sqrt(T)
    inverse_gaussian = jnp.logaddexp(log_ndtr((T * z - 1) / root) - z, z + log_ndtr(-(T * z + 1) / root))
    return jax.nn.sigmoid(log_above - np.log(2) - inverse_gaussian)


def _below(
    z: Float[Array, " n"], chances: Float[Array, "3 n"]
) -> tuple[Float[Array, " n"], Bool[Array, " n"]]:
    """Candidates of the inverse Gaussian IG(1 / z, 1) below T, and which of them are draws of it."""
    is_flat = z < 1 / T
    # Its tail far below the mean, from one over a squared normal beyond 1 / sqrt(T).
    first, second = -jnp.log(chances[0]), -jnp.log(chances[1])
    flat = T / jnp.square(1 + T * first)
    is_flat_inside = (jnp.square(first) <= 2 * second / T) & (
        jnp.log(chances[2]) <= -0.5 * jnp.square(z) * flat
    )
    # As a whole (Michael, Schucany and Haas 1976).
    mean = 1 / jnp.maximum(z, 1 / T)
    square = jnp.square(jax.scipy.special.ndtri(chances[0])) * mean
    root = mean * (1 + 0.5 * (square - jnp.sqrt(square * (4 + square))))
    root = jnp.maximum(root, 1e-8)
    peaked = jnp.where(chances[1] <= mean / (mean + root), root, jnp.square(mean) / root)
    return jnp.where(is_flat, flat, peaked), jnp.where(is_flat, is_flat_inside, peaked <= T)


def _accepts(x: Float[Array, " n"], chance: Float[Array, " n"]) -> Bool[Array, " n"]:
    """Whether chance x a_0 is below the alternating series: decided as soon as a partial sum tells."""
    total, is_accepted, is_decided = jnp.ones_like(x), jnp.zeros(x.shape, bool), jnp.zeros(x.shape, bool)
    for n in range(1, NUM_TERMS + 1):
        pairs = n * (n + 1)
        ratio = (2 * n + 1) * jnp.exp(jnp.where(x > T, -0.5 * pairs * np.pi**2 * x, -2 * pairs / x))
        total = total - ratio if n % 2 else total + ratio
        tells = chance <= total if n % 2 else chance > total
        is_accepted |= tells & ~is_decided & bool(n % 2)
        is_decided |= tells
    return is_accepted | (~is_decided & (chance <= total))
