"""Conditional density estimators: built from a spec, written as a JSON line and arrays."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Key

from inference.embeddings.encoder import Encoder, make_encoder
from inference.estimators.base import DensityEstimator, EstimatorSpec, Frozen, partition_trainable
from inference.estimators.bayesian import bayesian_mixture_density
from inference.estimators.corrected import NAME as CORRECTED
from inference.estimators.corrected import corrected_mixture
from inference.estimators.emergent import NAME as EMERGENT
from inference.estimators.emergent import EmergentFlow, emergent_flow
from inference.estimators.ensemble import Ensemble, stack
from inference.estimators.flows import (
    Flow,
    coupling_flow,
    masked_autoregressive_flow,
    spline_coupling_flow,
)
from inference.estimators.hierarchical import NAME as HIERARCHICAL
from inference.estimators.hierarchical import hierarchical_density
from inference.estimators.mixtures import gaussian_density, mixture_density
from inference.scaling import FeatureScaling, ParameterScaling, identity_scaling

__all__ = [
    "ESTIMATORS",
    "DensityEstimator",
    "EmergentFlow",
    "Ensemble",
    "EstimatorSpec",
    "Flow",
    "Frozen",
    "load_estimator",
    "make_estimator",
    "partition_trainable",
    "read_header",
    "save_estimator",
]

FORMAT = 3  # of the weights; a reader knows the lower ones: hierarchical ones need 2, emergent ones 3

Builder = Callable[[np.random.Generator, EstimatorSpec, ParameterScaling, Encoder], DensityEstimator]
ESTIMATORS: Mapping[str, Builder] = MappingProxyType(
    {
        "nsf": spline_coupling_flow,
        "maf": masked_autoregressive_flow,
        "coupling": coupling_flow,
        "mdn": mixture_density,
        "gaussian": gaussian_density,
        "bayesian_mdn": bayesian_mixture_density,
        CORRECTED: corrected_mixture,  # made by SNPE-A, not chosen
        HIERARCHICAL: hierarchical_density,  # made by HNPE
        EMERGENT: emergent_flow,  # made by EPI
    }
)


def make_estimator(
    key: Key[Array, ""],
    spec: EstimatorSpec,
    *,
    scalings: tuple[ParameterScaling, FeatureScaling] | None = None,
    module: Any = None,
) -> DensityEstimator:
    """An untrained estimator: nearly a standard normal in scaled parameters, whatever x.

    Args:
        key: decides the initial weights.
        spec: which estimator.
        scalings: as fitted on the training rows; None changes nothing.
        module: the network of an embedding named "custom".

    Raises:
        ValueError: if the name is not in `ESTIMATORS`.
    """
    if spec.name not in ESTIMATORS:
        raise ValueError(f"There is no estimator '{spec.name}'; choose one of {', '.join(ESTIMATORS)}.")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
    groups = None if spec.embedding is None else spec.embedding.groups
    parameters, features = scalings or identity_scaling(spec.dim, spec.num_features, groups=groups)

    def build() -> DensityEstimator:
        return ESTIMATORS[spec.name](rng, spec, parameters, make_encoder(rng, spec, features, module=module))

    return build() if spec.num_members == 1 else stack([build() for _ in range(spec.num_members)], spec)


def save_estimator(path: Path, estimator: DensityEstimator) -> None:
    """Write the spec as one line of JSON and then the arrays; beside first, then renamed."""
    spec = estimator.spec
    needed = 1 if spec.hierarchy is None else 2
    header = {"format": needed if spec.mixing is None else FORMAT, "spec": spec.to_dict()}
    beside = path.with_name(path.name + ".tmp")
    with beside.open("wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, eqx.filter(estimator, eqx.is_array))
    beside.replace(path)


def load_estimator(path: Path, *, module: Any = None) -> DensityEstimator:
    """The estimator that `save_estimator` wrote.

    Args:
        path: the file.
        module: a network of the shape of the one that an embedding named "custom" had.

    Raises:
        ValueError: if the file is not one, or of a newer format.
    """
    with path.open("rb") as file:
        header = read_header(path, file.readline())
        like = make_estimator(jax.random.key(0), EstimatorSpec.from_dict(header["spec"]), module=module)
        arrays, static = eqx.partition(like, eqx.is_array)
        try:
            return eqx.combine(eqx.tree_deserialise_leaves(file, arrays), static)
        except (RuntimeError, ValueError, EOFError) as error:
            raise ValueError(
                f"The weights in {path.name} do not fit their own header; the file is damaged."
            ) from error


def read_header(path: Path, line: bytes) -> dict:
    """What the first line of a file of weights says.

    Raises:
        ValueError: it is not one, or of a newer format.
    """
    try:
        header = json.loads(line)
        found = header["format"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path.name} is not a file of estimator weights: its first line is not their header."
        ) from error
    if found not in range(1, FORMAT + 1):
        raise ValueError(f"{path.name} has weights of format {found}; this version reads up to {FORMAT}.")
    return header
