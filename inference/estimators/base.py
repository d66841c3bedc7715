"""What a conditional density estimator is, and the numbers that say which one."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Key

from inference.embeddings.spec import EmbeddingSpec
from inference.estimators.hierarchy import HierarchySpec
from inference.estimators.mixing import MixingSpec
from inference.scaling import FeatureScaling, ParameterScaling

HEAVY_DOF = 3.0  # degrees of freedom of heavy-tailed proposals
COUNTS = ("dim", "num_features", "num_layers", "width", "depth", "num_bins", "num_components", "num_members")


@dataclass(frozen=True)
class EstimatorSpec:
    """All it takes to build an estimator again; JSON-able through `to_dict` and `from_dict`.

    Attributes:
        name: a key of `ESTIMATORS`.
        dim: number of parameters.
        num_features: length of x; of a hierarchical density, of one recording's.
        num_layers: flow layers.
        width: units per hidden layer of each network.
        depth: hidden layers of each network.
        num_bins: bins of a spline.
        num_components: of a mixture.
        transformer: of a coupling flow, "affine" or "spline".
        num_members: of an ensemble; 1 is a single estimator.
        imputes: whether missing features are replaced by learned constants, with indicators.
        embedding: network between the features and the density; None: the scaled features themselves.
        hierarchy: of a density of several recordings, side by side in x; else None.
        mixing: of a density that depends on no x, see `inference/estimators/emergent.py`; else None.
    """

    name: str
    dim: int
    num_features: int
    num_layers: int = 5
    width: int = 64
    depth: int = 2
    num_bins: int = 8
    num_components: int = 8
    transformer: str = "affine"
    num_members: int = 1
    imputes: bool = False
    embedding: EmbeddingSpec | None = None
    hierarchy: HierarchySpec | None = None
    mixing: MixingSpec | None = None

    def __post_init__(self) -> None:
        for name in COUNTS:
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"An estimator needs a positive whole number for {name}; got {value!r}.")

    @property
    def num_inputs(self) -> int:
        """Length of x; that of several recordings is filled up with NaN."""
        return self.num_features * (1 if self.hierarchy is None else self.hierarchy.num_recordings)

    @property
    def may_miss(self) -> bool:
        """Whether x may hold NaN."""
        return self.imputes or self.hierarchy is not None

    def to_dict(self) -> dict[str, Any]:
        """Plain fields, for JSON; without hierarchy and mixing as before there were any."""
        fields = asdict(self)
        return {name: v for name, v in fields.items() if v is not None or name not in ("hierarchy", "mixing")}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "EstimatorSpec":
        """The spec of these fields; those that an older file has not keep their defaults."""
        embedding, hierarchy, mixing = (fields.get(name) for name in ("embedding", "hierarchy", "mixing"))
        made = {
            "embedding": None if embedding is None else EmbeddingSpec.from_dict(embedding),
            "hierarchy": None if hierarchy is None else HierarchySpec.from_dict(hierarchy),
            "mixing": None if mixing is None else MixingSpec(**mixing),
        }
        return cls(**{**fields, **made})


class Frozen(eqx.Module):
    """Holds arrays that training never changes."""

    value: Any


class DensityEstimator(eqx.Module):
    """q(u | x), a density over unconstrained parameters given features; mathematics for one unbatched point.

    Its scalings were fitted on the training rows, so that `u` and `x` are in the prior's unconstrained space
    and the simulator's own units. Batch with `jax.vmap`; where many parameters share one x, encode it once.
    """

    spec: eqx.AbstractVar[EstimatorSpec]
    parameter_scaling: eqx.AbstractVar[ParameterScaling]
    encoder: eqx.AbstractVar[Callable[[Array], Array]]

    @abstractmethod
    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, "..."]) -> Float[Array, ""]:
        """Normalised log density of `u` given an encoded x, in nats."""

    @abstractmethod
    def sample_given(self, key: Key[Array, ""], h: Float[Array, "..."]) -> Float[Array, " dim"]:
        """One draw of `u` given an encoded x."""

    @abstractmethod
    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, "..."]) -> Float[Array, ""]:
        """Normalised log density of the heavy-tailed companion: Student-t wherever q has a Gaussian."""

    @abstractmethod
    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, "..."]) -> Float[Array, " dim"]:
        """One draw of the heavy-tailed companion."""

    def encode(self, x: Float[Array, " num_features"]) -> Float[Array, "..."]:
        """What the density depends on x by."""
        return self.encoder(x)

    def log_prob(self, u: Float[Array, " dim"], x: Float[Array, " num_features"]) -> Float[Array, ""]:
        """Normalised log density of `u` given `x`, in nats."""
        return self.log_prob_given(u, self.encode(x))

    def sample(self, key: Key[Array, ""], x: Float[Array, " num_features"]) -> Float[Array, " dim"]:
        """One draw of `u` given `x`."""
        return self.sample_given(key, self.encode(x))


def partition_trainable(estimator: DensityEstimator) -> tuple[DensityEstimator, DensityEstimator]:
    """Split into (what training may change, everything else); join again with `eqx.combine`."""
    is_fixed = lambda node: isinstance(node, ParameterScaling | FeatureScaling | Frozen)  # noqa: E731
    return eqx.partition(estimator, lambda node: eqx.is_inexact_array(node), is_leaf=is_fixed)


def with_arrays(change: Callable[..., np.ndarray], *trees: Any) -> Any:
    """The first tree with what NumPy makes of each array, and of those at its place in the other trees.

    Not `jax.numpy`, nor its `asarray`: they compile a program for every new shape, 10 ms each (JAX 0.10.2).
    """

    def changed(*leaves: Any) -> Any:
        return jax.device_put(change(*map(np.asarray, leaves))) if eqx.is_array(leaves[0]) else leaves[0]

    return jax.tree.map(changed, *trees)
