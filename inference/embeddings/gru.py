"""A recurrent network on series, such as voltage and current."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.arrays import ArrayEmbedding, num_columns, side_by_side
from inference.embeddings.spec import EmbeddingSpec


class GRU(eqx.Module):
    """Gated recurrent units; the last state is the output.

    With gates r, z and a candidate n: h <- z h + (1 - z) n, n = tanh(W x + b + r (U h + c)).

    Reference: Cho et al. 2014, arXiv:1406.1078; with 25 units in Lueckmann et al. 2017, Fig. 5.

    Attributes:
        weights, biases: of the inputs, columns for r, z, n.
        recurrent, recurrent_bias: of the state; the bias is that inside r (...).
    """

    weights: Float[Array, "channels gates"]
    biases: Float[Array, " gates"]
    recurrent: Float[Array, "units gates"]
    recurrent_bias: Float[Array, " units"]

    def __call__(self, *arrays: Float[Array, "time ..."]) -> Float[Array, " units"]:
        """Channels side by side, each (time,) or (time, k)."""
        units = self.recurrent_bias.shape[0]
        driven = side_by_side(arrays) @ self.weights + self.biases

        def step(state, drive):
            heard = state @ self.recurrent
            r, z = jnp.split(jax.nn.sigmoid(drive[: 2 * units] + heard[: 2 * units]), 2)
            n = jnp.tanh(drive[2 * units :] + r * (heard[2 * units :] + self.recurrent_bias))
            return z * state + (1 - z) * n, None

        return jax.lax.scan(step, jnp.zeros(units), driven)[0]


def recurrent(rng: np.random.Generator, spec: EmbeddingSpec, num_inputs: int) -> ArrayEmbedding:
    """A GRU of `num_outputs` units on the series; scalars bypass it.

    The units start with memories from one sample to the length of the series, evenly in its logarithm
    (in the manner of Tallec and Ollivier 2018, arXiv:1804.11188), without which the beginning is forgotten.
    """
    del num_inputs
    units, channels = spec.num_outputs, num_columns(spec.groups)
    length = next(shape[0] for shape in spec.groups if shape)

    def uniform(num_in: int, *shape: int) -> np.ndarray:
        return rng.uniform(-1, 1, shape) / np.sqrt(num_in)

    memory = np.exp(np.linspace(0.0, np.log(max(length, 2)), units))
    biases = np.concatenate([np.zeros(units), np.log(memory), np.zeros(units)])
    orthogonal = [np.linalg.qr(rng.normal(size=(units, units)))[0] for _ in range(3)]
    arrays = (uniform(channels, channels, 3 * units), biases, np.hstack(orthogonal), np.zeros(units))
    return ArrayEmbedding(GRU(*(jnp.asarray(a.astype(np.float32)) for a in arrays)), spec.groups)
