"""Noise from a counter: any element of a row's noise by its place, computed where it is used.

The generator is JAX's own (Threefry-2x32 with 20 rounds; Salmon et al. 2011, Parallel random numbers: as easy
as 1, 2, 3), written out so that the compiler fuses it with what uses it. Nothing is stored, and the numbers
do not depend on how samples are grouped.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, UInt32

_PARITY = np.uint32(0x1BD11BDA)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_NUM_GROUPS = 5  # of four rounds
# Of Giles 2012, Approximating the erfinv function: in w - 2.5 for w < 5, else in sqrt(w) - 3.
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087)
_CENTRE += (-0.00125372503, -0.00417768164, 0.246640727, 1.50140941)
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773)
_TAIL += (-0.0076224613, 0.00943887047, 1.00167406, 2.83297682)


def key_words(key: Key[Array, ""]) -> UInt32[Array, "2"]:
    """Two words that stand for a key of any kind."""
    return jax.random.bits(key, (2,), jnp.uint32)


def normals(key: Key[Array, ""], num: int) -> Float[Array, " num"]:
    """What ``jax.random.normal(key, (num,))`` draws with JAX's default generator, to 1e-5, but faster."""
    words = jax.random.key_data(key)
    x, y = _threefry((words[0], words[1]), jnp.zeros(num, jnp.uint32), jnp.arange(num, dtype=jnp.uint32))
    low = np.nextafter(np.float32(-1), np.float32(0))
    ones = jax.lax.bitcast_convert_type(((x ^ y) >> 9) | np.uint32(0x3F800000), jnp.float32)
    return _normal_quantile(jnp.maximum((ones - 1) * (1 - low) + low, low))


def paired_normals(key: Key[Array, ""], num: int) -> Float[Array, " num"]:
    """``num`` standard normals, two from each block of the generator: three quarters of the time."""
    words, half = jax.random.key_data(key), -(-num // 2)
    counter = jnp.arange(half, dtype=jnp.uint32)
    x, y = _threefry((words[0], words[1]), jnp.zeros_like(counter), counter)
    return standard_normal(jnp.concatenate([x, y]))[:num]


def step_normals(words: UInt32[Array, " 2 *batch"], step: Any, num: int) -> Float[Array, "num *batch"]:
    """``num`` standard normals of a step for each simulation.

    Args:
        words: the two words of each key.
        step: number of the step; other steps have other numbers.
        num: of normals.
    """
    return standard_normal(step_words(words, step, num))


def step_words(words: UInt32[Array, " 2 *batch"], step: Any, num: int) -> UInt32[Array, "num *batch"]:
    """``num`` times 32 random bits of a step; arguments as for ``step_normals``.

    One from each block of the generator: two would have to be joined, which keeps the compiler from fusing.
    """
    shape = (num, *words.shape[1:])
    counter = jax.lax.broadcasted_iota(jnp.uint32, shape, 0)
    return random_word((words[0], words[1]), jnp.broadcast_to(jnp.asarray(step, jnp.uint32), shape), counter)


def random_word(
    words: tuple[Array | np.uint32, Array | np.uint32],
    high: UInt32[Array, "*shape"],
    low: UInt32[Array, "*shape"],
) -> UInt32[Array, "*shape"]:
    """32 random bits: the first word of Threefry-2x32-20.

    Args:
        words: the two words of the key, of shapes that broadcast with the counter's.
        high: of the counter.
        low: of the counter.
    """
    return _threefry(words, high, low)[0]


def _threefry(words: tuple[Any, Any], high: Array, low: Array) -> tuple[Array, Array]:
    keys = (*words, words[0] ^ words[1] ^ _PARITY)
    x, y = high + keys[0], low + keys[1]
    for group in range(_NUM_GROUPS):
        for rotation in _ROTATIONS[group % 2]:
            x = x + y
            y = ((y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))) ^ x
        x, y = x + keys[(group + 1) % 3], y + keys[(group + 2) % 3] + np.uint32(group + 1)
    return x, y


def standard_normal(word: UInt32[Array, "*shape"]) -> Float[Array, "*shape"]:
    """One standard normal per word, float32, from 23 bits: symmetric, at most 5.3, never infinite.

    Inverse error function after Giles, relative error 4e-7.
    """
    centred = (jax.lax.bitcast_convert_type(word, jnp.int32) >> 9).astype(jnp.float32) + np.float32(0.5)
    return _normal_quantile(centred * np.float32(2.0**-22))


def _normal_quantile(x: Array) -> Array:
    """The standard normal's quantile at (1 + x) / 2."""
    w = -jnp.log((1 - x) * (1 + x))
    ratio = jnp.where(w < 5, _polynomial(_CENTRE, w - 2.5), _polynomial(_TAIL, jnp.sqrt(w) - 3))
    return np.float32(np.sqrt(2.0)) * ratio * x


def _polynomial(coefficients: tuple[float, ...], z: Array) -> Array:
    total = jnp.full_like(z, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * z + np.float32(coefficient)
    return total
