"""A dense network on all inputs at once."""

import equinox as eqx
import jax
import numpy as np

from inference.embeddings.spec import EmbeddingSpec
from inference.networks import Network, make_network


def perceptron(rng: np.random.Generator, spec: EmbeddingSpec, num_inputs: int) -> Network:
    """Scaled features and indicators -> hidden layers -> `num_outputs`."""
    return dense(rng, (num_inputs, *[spec.width] * spec.depth, spec.num_outputs))


def dense(rng: np.random.Generator, sizes: tuple[int, ...]) -> Network:
    """A network whose layers keep the size of the signal, of variance 2 / inputs (He et al. 2015).

    `make_network` starts smaller, because a flow should start smooth; a signal through the six layers of a
    deep set would be hundreds of times smaller.
    """
    network = make_network(rng, sizes, jax.nn.silu)
    *hidden, last = network.weights
    gain = np.sqrt(6.0, dtype=np.float32)
    weights = (*[gain * weight for weight in hidden], 10 * gain * last)
    return eqx.tree_at(lambda n: n.weights, network, weights)
