"""What turns features, series and images into the inputs of a density; trained with it."""

from inference.embeddings.encoder import Encoder, make_encoder
from inference.embeddings.imputation import Imputation
from inference.embeddings.registry import EMBEDDINGS
from inference.embeddings.spec import EmbeddingSpec, embedding_spec

__all__ = ["EMBEDDINGS", "EmbeddingSpec", "Encoder", "Imputation", "embedding_spec", "make_encoder"]
