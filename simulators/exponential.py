"""Exponentials for long scans: short polynomials in single precision, the library's own in double."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# 2^t on [-1/2, 1/2] at Chebyshev nodes, relative error 2e-6 at single precision.
_POWER_OF_TWO = (1.0000000754548972, 0.6931471880262273, 0.2402210748530968, 0.05550357114222094)
_POWER_OF_TWO += (0.009676031918255982, 0.001339086336353527)
# (2^t - 1) / t there, relative error 1e-8 before rounding.
_GROWTH = (0.6931471880262287, 0.24022650760568132, 0.055503571142201544, 0.00961808255728395)
_GROWTH += (0.0013390863364174759, 0.00015453162941980736)
_ONE = np.int32(0x3F800000)  # bits of 1.0


def exp(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """e^x; in single precision without a guard against overflow: |x| must stay below 87."""
    if x.dtype != jnp.float32:
        return jnp.exp(x)
    fraction, power = _split(x)
    return _polynomial(fraction, _POWER_OF_TWO) * power


def one_minus_exp(z: Float[Array, "*shape"], *, degree: int | None = None) -> Float[Array, "*shape"]:
    """1 - e^-z, in single precision to a few roundings, however small z is.

    Args:
        z: at least 0.
        degree: of the Taylor polynomial that does for a z known to be small; None: for any z.
    """
    if z.dtype != jnp.float32:
        return -jnp.expm1(-z)
    if degree is None:
        fraction, power = _split(-jnp.minimum(z, 80.0))
        return (1 - power) - power * fraction * _polynomial(fraction, _GROWTH)
    coefficients = [(-1) ** (k + 1) / math.factorial(k) for k in range(1, degree + 1)]
    return z * _polynomial(z, tuple(coefficients))


def _split(x: Array) -> tuple[Array, Array]:
    """e^x = 2^fraction power, with a fraction in [-1/2, 1/2] and an exact power of two."""
    t = x * np.float32(1 / math.log(2))
    whole = lax.round(t, lax.RoundingMethod.TO_NEAREST_EVEN)
    # Beyond 2^23 a float's last bits are an integer: the exponent without a conversion.
    exponent = lax.bitcast_convert_type(whole + np.float32(3 * 2**22), jnp.int32) << 23
    return t - whole, lax.bitcast_convert_type(exponent + _ONE, jnp.float32)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """Sum of coefficients[k] x^k by Horner's rule."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + np.float32(coefficient)
    return total
