"""Fully connected networks that start from NumPy, in milliseconds; used by every flow and embedding."""

from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float


class Network(eqx.Module):
    """A fully connected network on one unbatched vector, optionally masked.

    Attributes:
        weights: (in, out) each.
        biases: (out,) each.
        ranks: one tuple of integers per layer of units, or None. Unit j hears unit i of the layer before if
            rank j >= rank i (strictly above in the last layer), which makes the map autoregressive.
        activation: between layers.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    ranks: tuple[tuple[int, ...], ...] | None = eqx.field(static=True)
    activation: Callable[[Array], Array] = eqx.field(static=True)

    def __call__(self, h: Float[Array, " in"]) -> Float[Array, " out"]:
        """The output for one input."""
        last = len(self.weights) - 1
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if self.ranks is not None:
                weight = weight * _mask(self.ranks[i], self.ranks[i + 1], is_last=i == last)
            h = h @ weight + bias
            h = h if i == last else self.activation(h)
        return h


def make_network(
    rng: np.random.Generator,
    sizes: tuple[int, ...],
    activation: Callable[[Array], Array],
    *,
    ranks: tuple[tuple[int, ...], ...] | None = None,
) -> Network:
    """A network with layers of `sizes`, its last layer small at first so that a flow starts smooth."""
    weights, biases = [], []
    for i, (num_in, num_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        limit = (0.1 if i == len(sizes) - 2 else 1.0) / np.sqrt(max(num_in, 1))
        weights.append(jax.device_put(rng.uniform(-limit, limit, (num_in, num_out)).astype(np.float32)))
        biases.append(jax.device_put(np.zeros(num_out, np.float32)))
    return Network(tuple(weights), tuple(biases), ranks, activation)


def _mask(ranks_in: tuple[int, ...], ranks_out: tuple[int, ...], *, is_last: bool) -> np.ndarray:
    before, after = np.asarray(ranks_in)[:, None], np.asarray(ranks_out)[None]
    return ((after > before) if is_last else (after >= before)).astype(np.float32)
