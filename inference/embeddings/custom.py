"""A network that the user brings."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


class Custom(eqx.Module):
    """A user's network on the scaled features, in the order of x; indicators of missing ones bypass it.

    Attributes:
        module: (num_features,) -> (k,).
        num_features: length of x.
        num_scaled: length of the scaled features, whose second views are left out.
    """

    module: Any
    num_features: int = eqx.field(static=True)
    num_scaled: int = eqx.field(static=True)

    def __call__(self, h: Float[Array, " num_inputs"]) -> Float[Array, " num_outputs"]:
        """The user's outputs, then the indicators."""
        out = self.module(h[: self.num_features])
        if jnp.ndim(out) != 1:
            raise ValueError(f"An embedding has to give one vector; yours gives shape {jnp.shape(out)}.")
        return jnp.concatenate([out, h[self.num_scaled :]])
