"""Functions whose slopes stay finite, for models that are differentiated in their parameters."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

FLAT_BELOW = 1e-10


def root(x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The square root where x is positive, else 0; its slope, infinite at 0, is taken as 0 below 1e-10."""
    is_steep = x > FLAT_BELOW
    flat = jnp.sqrt(jax.lax.stop_gradient(jnp.maximum(x, 0.0)))
    return jnp.where(is_steep, jnp.sqrt(jnp.where(is_steep, x, 1.0)), flat)
