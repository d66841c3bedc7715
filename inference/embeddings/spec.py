"""The numbers that say which embedding: JSON-able, kept in the header of an estimator's weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

Shape = tuple[int, ...]

SMALLEST_IMAGE = 8  # pixels along a side, from which "auto" takes an array for an image
NAMES = ("mlp", "cnn", "gru", "deepset", "custom")

# What a name means where nothing else is said. gru: the 25 units of Lueckmann et al. 2017; cnn: the dense
# layers of Goncalves et al. 2020.
DEFAULT_SIZES: Mapping[str, Mapping[str, int]] = {
    "mlp": {"num_outputs": 20, "width": 64, "depth": 2},
    "cnn": {"num_outputs": 20, "width": 50, "depth": 2},
    "gru": {"num_outputs": 25},
    "deepset": {"num_outputs": 20, "width": 64, "depth": 2},
    "custom": {},
}


@dataclass(frozen=True)
class EmbeddingSpec:
    """All it takes to build an embedding again (but for "custom", whose module the user keeps).

    Attributes:
        name: "mlp", "cnn", "gru", "deepset" or "custom".
        shapes: of the features, in the order of x; () for a scalar.
        num_outputs: numbers that the network gives, before the features that bypass it; the units of a gru.
            Not used by "custom".
        width: units per hidden layer; not used by "gru" and "custom".
        depth: hidden layers of each dense network; not used by "gru" and "custom".

    Raises:
        ValueError: if the features do not suit the network.
    """

    name: str
    shapes: tuple[Shape, ...]
    num_outputs: int = 20
    width: int = 64
    depth: int = 2

    def __post_init__(self):
        for name in ("num_outputs", "width", "depth"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"An embedding needs a positive whole number for {name}; got {value!r}.")
        _check(self.name, self.shapes, ())

    @property
    def num_features(self) -> int:
        """Length of x."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def groups(self) -> tuple[Shape, ...]:
        """The features as scaled and imputed: an array here shares one scale, a () has its own.

        Entries of an array that the network does not take as a whole count as scalars: the one-dimensional
        arrays of an mlp, and what bypasses a cnn.
        """
        least = {"mlp": 2, "cnn": 2}.get(self.name, 1)
        kept = [[shape] if len(shape) >= least else [()] * math.prod(shape) for shape in self.shapes]
        return tuple(shape for shapes in kept for shape in shapes)

    def to_dict(self) -> dict[str, Any]:
        """Plain fields, for JSON."""
        return asdict(self) | {"shapes": [list(shape) for shape in self.shapes]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> EmbeddingSpec:
        """What `to_dict` gave, before or after JSON."""
        shapes = tuple(tuple(shape) for shape in fields["shapes"])
        return cls(**{**fields, "shapes": shapes})


def embedding_spec(name: str, feature_shapes: Sequence[tuple[str, Shape]], **sizes: int) -> EmbeddingSpec:
    """The embedding of a name for a simulator.

    Args:
        name: "mlp", "cnn", "gru", "deepset" or "custom".
        feature_shapes: as `Simulator.feature_shapes`.
        sizes: fields of `EmbeddingSpec` that differ from the name's defaults.

    Raises:
        ValueError: in one sentence that names the simulator's features, if they do not suit the network.
    """
    shapes = tuple(tuple(shape) for _, shape in feature_shapes)
    _check(name, shapes, tuple(feature for feature, _ in feature_shapes))
    return EmbeddingSpec(name, shapes, **{**DEFAULT_SIZES[name], **sizes})


def named_embedding(asked: Any, feature_shapes: Sequence[tuple[str, Shape]]) -> EmbeddingSpec | None:
    """The embedding that a method's setting means for a simulator; None: the features as they are.

    Args:
        asked: a name, a module of the user's own, None, or "auto": a cnn where the simulator gives one image,
            whose pixels are too many and each too noisy to learn from as they are, else None.
        feature_shapes: as `Simulator.feature_shapes`.

    Raises:
        ValueError: as `embedding_spec`.
    """
    if isinstance(asked, str) and asked == "auto":
        shapes = [shape for _, shape in feature_shapes if len(shape) > 1]
        is_image = len(shapes) == 1 and len(shapes[0]) == 2 and min(shapes[0]) >= SMALLEST_IMAGE
        asked = "cnn" if is_image else None
    if asked is None:
        return None
    return embedding_spec(asked if isinstance(asked, str) else "custom", feature_shapes)


def _check(name: str, shapes: tuple[Shape, ...], features: tuple[str, ...]) -> None:
    if name not in NAMES:
        raise ValueError(f"There is no embedding '{name}'; choose one of {', '.join(NAMES)}.")
    images = [shape for shape in shapes if len(shape) == 2]
    arrays = [shape for shape in shapes if shape]
    if name == "cnn" and (len(images) != 1 or any(len(shape) > 2 for shape in shapes)):
        raise ValueError(
            "A cnn needs exactly one image, a feature of shape (height, width), beside scalars; "
            f"the simulator has {_described(shapes, features)}."
        )
    if name in ("gru", "deepset") and (
        not arrays or len({shape[0] for shape in arrays}) != 1 or any(len(shape) > 2 for shape in arrays)
    ):
        what = "series of one length, (T,) or (T, C)" if name == "gru" else "a set, (N,) or (N, k)"
        raise ValueError(
            f"A {name} needs {what}, beside scalars; the simulator has {_described(shapes, features)}."
        )


def _described(shapes: tuple[Shape, ...], features: tuple[str, ...]) -> str:
    if not any(shapes):
        return f"{len(shapes)} scalar features and no array"
    labels = [f"{name} " for name in features] or [""] * len(shapes)
    arrays = [f"{label}{shape}" for label, shape in zip(labels, shapes, strict=True) if shape]
    scalars = len(shapes) - len(arrays)
    return ", ".join(arrays) + (f" and {scalars} scalar{'s' if scalars > 1 else ''}" if scalars else "")
