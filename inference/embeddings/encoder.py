"""From features x to what the head of an estimator is given: scaled, gaps filled, embedded."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.custom import Custom
from inference.embeddings.imputation import Imputation, make_imputation
from inference.embeddings.registry import EMBEDDINGS
from inference.embeddings.spec import EmbeddingSpec
from inference.scaling import FeatureScaling, scored_features


class Encoder(eqx.Module):
    """x -> h, the inputs of a conditional density; one unbatched row.

    Without imputation and embedding h is the two views of every feature that the scaling gives. A missing
    feature is NaN and stays NaN without imputation.

    Attributes:
        scaling: fitted on the training rows, never trained.
        imputation: fills gaps and appends indicators, or None.
        embedding: a network on scaled inputs, or None.
        num_outputs: length of h.
    """

    scaling: FeatureScaling
    imputation: Imputation | None
    embedding: Any
    num_outputs: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " num_features"]) -> Float[Array, " num_outputs"]:
        """The inputs h for one row of features."""
        h = self.scaling(x) if self.imputation is None else self.imputation(x, self.scaling)
        return h if self.embedding is None else self.embedding(h)


class AsItIs(eqx.Module):
    """For a density that is part of another one, which gives it inputs that are encoded already."""

    num_outputs: int = eqx.field(static=True)

    def __call__(self, h: Float[Array, " num_outputs"]) -> Float[Array, " num_outputs"]:
        """The inputs themselves."""
        return h


@runtime_checkable
class EncoderSpec(Protocol):
    """The fields of an `EstimatorSpec` that decide its encoder."""

    @property
    def num_features(self) -> int:
        """Length of x."""
        ...

    @property
    def imputes(self) -> bool:
        """Whether gaps are filled."""
        ...

    @property
    def embedding(self) -> EmbeddingSpec | None:
        """Which network, if any."""
        ...


def make_encoder(
    rng: np.random.Generator, spec: EncoderSpec, scaling: FeatureScaling, *, module: Any = None
) -> Encoder:
    """An untrained encoder.

    Args:
        rng: decides the initial weights.
        spec: features, imputation, embedding.
        scaling: fitted with `groups=spec.embedding.groups` where there is an embedding.
        module: the network of an embedding named "custom": scaled features (num_features,), in the order of
            x, to a vector.

    Raises:
        ValueError: if features, scaling, embedding and module do not belong together.
    """
    embedding = spec.embedding
    groups = ((),) * spec.num_features if embedding is None else embedding.groups
    _check(spec, scaling, module)
    name = None if embedding is None else embedding.name
    imputation = None
    if spec.imputes:
        imputation = make_imputation(rng, groups, scaling, keeps_arrays=name == "deepset")
    plain = Encoder(scaling, imputation, None, 0)
    num_inputs = _length(plain, spec.num_features)
    if embedding is None:
        return Encoder(scaling, imputation, None, num_inputs)
    if name == "custom":
        network = Custom(module, spec.num_features, scaling.num_outputs)
    else:
        network = EMBEDDINGS[embedding.name](rng, embedding, num_inputs)
    return Encoder(scaling, imputation, network, _length(network, num_inputs))


def _length(module: Any, num_inputs: int) -> int:
    return eqx.filter_eval_shape(module, jax.ShapeDtypeStruct((num_inputs,), jnp.float32)).shape[0]


def _check(spec: EncoderSpec, scaling: FeatureScaling, module: Any) -> None:
    embedding, found = spec.embedding, scaling.location.shape[0]
    if found != spec.num_features:
        raise ValueError(f"The scaling has {found} features, the estimator {spec.num_features}.")
    if embedding is None:
        if module is not None or scaling.scored is not None:
            raise ValueError("A module or shared scales need an embedding in the estimator's spec.")
        return
    if embedding.num_features != spec.num_features:
        raise ValueError(
            f"The embedding is for {embedding.num_features} features; x has {spec.num_features}."
        )
    if (embedding.name == "custom") != (module is not None):
        raise ValueError("The embedding 'custom', and only that one, needs your module.")
    if scaling.scored != scored_features(embedding.groups):
        raise ValueError("The scaling was fitted for other arrays than the embedding takes.")
