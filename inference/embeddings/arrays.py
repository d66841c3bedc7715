"""Between the flat vector of inputs and the arrays that a network takes as a whole."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.spec import Shape


class ArrayEmbedding(eqx.Module):
    """A network on the arrays among the inputs; everything else bypasses it and follows its outputs.

    Attributes:
        network: called with the arrays, each in its shape; gives a vector.
        groups: shapes of the features, as `EmbeddingSpec.groups`.
    """

    network: Any
    groups: tuple[Shape, ...] = eqx.field(static=True)

    def __call__(self, h: Float[Array, " num_inputs"]) -> Float[Array, " num_outputs"]:
        """The network's outputs, then scalars (both views) and indicators."""
        sizes = [math.prod(shape) for shape in self.groups]
        stops = np.cumsum(sizes)
        spans = list(zip(self.groups, stops - sizes, stops, strict=True))
        arrays = [h[start:stop].reshape(shape) for shape, start, stop in spans if shape]
        scalars = np.array([start for shape, start, _ in spans if not shape], int)
        return jnp.concatenate([self.network(*arrays), h[scalars], h[int(stops[-1]) :]])


def side_by_side(arrays: tuple[Array, ...]) -> Float[Array, "rows channels"]:
    """Arrays (n,) or (n, k) as the columns of one."""
    return jnp.concatenate([array.reshape(array.shape[0], -1) for array in arrays], axis=1)


def num_columns(groups: tuple[Shape, ...]) -> int:
    """Columns that `side_by_side` gives for features of these shapes."""
    return sum(math.prod(shape[1:]) for shape in groups if shape)
