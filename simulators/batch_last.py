"""Simulations last in memory, for fast loops over many, and forward slopes in few parameters."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array

Function = Callable[[Array, Array], Array]  # (words (2, *batch), theta (dim, *batch)) -> (*shape, *batch)


def simulations_last(function: Function) -> Function:
    """The function for one simulation; its ``vmap`` calls it for many, which it finds in the last axis.

    JAX would put them first, where no loop over few state variables is contiguous. Slopes in theta, also
    those that reverse differentiation asks for, are computed forward along with the value: with few
    parameters that is faster, and the steps of the simulation need not be stored.

    Args:
        function: ``(words, theta) -> value`` of a key's words, (2, *batch), and parameters, (dim, *batch).
    """

    def with_slopes(words: Array, theta: Array) -> tuple[Array, Array]:
        def along(direction: Array) -> tuple[Array, Array]:
            tangent = jnp.broadcast_to(direction.reshape(-1, *[1] * (theta.ndim - 1)), theta.shape)
            return jax.jvp(lambda moved: function(words, moved), (theta,), (tangent,))

        return jax.vmap(along, out_axes=(None, 0))(jnp.eye(len(theta), dtype=theta.dtype))

    plain, both = _batch_last(function), _batch_last(with_slopes)

    @jax.custom_jvp
    def one(words: Array, theta: Array) -> Array:
        return plain(words, theta)

    @one.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        value, slopes = both(*primals)
        return value, jnp.tensordot(tangents[1], slopes, 1)

    return one


def _batch_last(function: Callable) -> Callable:
    one = custom_vmap(function)

    @one.def_vmap
    def _(size: int, is_batched: list[bool], *arguments: Array) -> tuple:
        rows = [
            jnp.moveaxis(a, 0, -1) if has_rows else jnp.broadcast_to(a[..., None], (*a.shape, size))
            for a, has_rows in zip(arguments, is_batched, strict=True)
        ]
        found = function(*rows)
        first = jax.tree.map(lambda value: jnp.moveaxis(value, -1, 0), found)
        return first, jax.tree.map(lambda _: True, first)

    return one
