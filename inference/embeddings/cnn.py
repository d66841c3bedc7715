"""A convolutional network on an image, with scalars that bypass it."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.arrays import ArrayEmbedding
from inference.embeddings.mlp import dense
from inference.embeddings.spec import EmbeddingSpec
from inference.networks import Network

LAYERS = ((16, 3, 1), (16, 3, 2), (32, 3, 2), (32, 3, 2), (32, 2, 2))  # filters, size, max-pooling


class CNN(eqx.Module):
    """Convolutions without padding, each followed by ReLU and max-pooling; then dense layers.

    Reference: Goncalves et al. 2020, Gabor model: 41 x 41 pixels come out as 32 numbers.

    Attributes:
        kernels: (height, width, in, out) each.
        biases: (out,) each.
        pools: side of each square of which the maximum is kept.
        head: on the flattened maps.
    """

    kernels: tuple[Float[Array, "_ _ _ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    pools: tuple[int, ...] = eqx.field(static=True)
    head: Network

    def __call__(self, image: Float[Array, "height width"]) -> Float[Array, " num_outputs"]:
        """The outputs for one image."""
        maps = image[:, :, None]
        for kernel, bias, pool in zip(self.kernels, self.biases, self.pools, strict=True):
            maps = _correlated(maps, kernel)
            maps = jax.nn.relu(_pooled(maps + bias, pool))  # ReLU after the maximum: the same, but cheaper
        return self.head(maps.ravel())


def convolutions(rng: np.random.Generator, spec: EmbeddingSpec, num_inputs: int) -> ArrayEmbedding:
    """The layers that fit the image (a small one gets fewer), then `depth` dense layers of `width`."""
    del num_inputs
    height, width = next(shape for shape in spec.groups if shape)
    num_in, kernels, pools = 1, [], []
    for filters, size, pool in LAYERS:
        if min(height, width) < size:
            break
        height, width = height - size + 1, width - size + 1
        pool = pool if min(height, width) >= pool else 1
        height, width = height // pool, width // pool
        kernels.append(rng.normal(size=(size, size, num_in, filters)) * np.sqrt(2 / (size**2 * num_in)))
        pools.append(pool)
        num_in = filters
    head = dense(rng, (height * width * num_in, *[spec.width] * spec.depth, spec.num_outputs))
    weights = tuple(jnp.asarray(kernel.astype(np.float32)) for kernel in kernels)
    biases = tuple(jnp.asarray(np.zeros(kernel.shape[-1], np.float32)) for kernel in kernels)
    return ArrayEmbedding(CNN(weights, biases, tuple(pools), head), spec.groups)


def _correlated(
    maps: Float[Array, "height width in"], kernel: Float[Array, "side side in out"]
) -> Float[Array, "h w out"]:
    """Each square of the maps times the kernel, as one matrix product per row of it.

    `jax.lax.conv_general_dilated` is several times slower on a CPU within a loop, and an epoch is a loop.
    """
    side = kernel.shape[0]
    height, width = maps.shape[0] - side + 1, maps.shape[1] - side + 1
    total = jnp.zeros(())
    for i in range(side):
        columns = [maps[i : i + height, j : j + width] for j in range(side)]
        total = total + jnp.concatenate(columns, axis=-1) @ kernel[i].reshape(-1, kernel.shape[-1])
    return total


def _pooled(maps: Float[Array, "height width filters"], side: int) -> Float[Array, "h w filters"]:
    """Maxima of squares; by reshaping, whose gradient is faster than that of a window on a CPU."""
    if side == 1:
        return maps
    height, width = maps.shape[0] // side, maps.shape[1] // side
    squares = maps[: height * side, : width * side].reshape(height, side, width, side, -1)
    return squares.max(axis=(1, 3))
