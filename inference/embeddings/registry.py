"""The embeddings by name."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from inference.embeddings.cnn import convolutions
from inference.embeddings.deepset import deepset
from inference.embeddings.gru import recurrent
from inference.embeddings.mlp import perceptron
from inference.embeddings.spec import EmbeddingSpec

# name -> (rng, spec, number of scaled inputs and indicators) -> module from those to a vector
EMBEDDINGS: Mapping[str, Callable[[np.random.Generator, EmbeddingSpec, int], Any]] = MappingProxyType(
    {"mlp": perceptron, "cnn": convolutions, "gru": recurrent, "deepset": deepset}
)
