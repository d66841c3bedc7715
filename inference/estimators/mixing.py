"""The numbers that say how the couplings of an emergent density are joined."""

from dataclasses import dataclass

MAPS = ("linear", "permutation")


@dataclass(frozen=True)
class MixingSpec:
    """All it takes to build the maps of an emergent density again; JSON-able through `asdict`.

    Attributes:
        maps: between two couplings, of `MAPS`: trainable P L U, or fixed permutations.
        rank: directions, linear in the entries that are kept, along which an affine coupling stretches.
        has_skip: whether an affine coupling shifts by a dense linear map too.

    Raises:
        ValueError: there are no such maps.
    """

    maps: str = "linear"
    rank: int = 0
    has_skip: bool = False

    def __post_init__(self) -> None:
        if self.maps not in MAPS:
            raise ValueError(f"There are no maps '{self.maps}'; choose one of {', '.join(MAPS)}.")
