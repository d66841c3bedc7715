"""The numbers that say how a density is divided between one recording and those that share with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AGGREGATORS = ("attention", "mean")


@dataclass(frozen=True)
class HierarchySpec:
    """All it takes to build the two factors of a hierarchical density again; JSON-able through `asdict`.

    Attributes:
        shared: which parameters all recordings share, as positions in the flat order; the others are local.
        num_extra: the largest number of further recordings.
        density: the estimator that each factor is.
        aggregator: how recordings are summarised for the shared parameters, of `AGGREGATORS`.
        is_cut: whether the first recording's local parameters have another prior than those of the others,
            as in truncated rounds; the local factor is then told which recording it is asked about.

    Raises:
        ValueError: there is no such aggregator.
    """

    shared: tuple[int, ...]
    num_extra: int
    density: str
    aggregator: str
    is_cut: bool = False

    def __post_init__(self) -> None:
        if self.aggregator not in AGGREGATORS:
            known = ", ".join(AGGREGATORS)
            raise ValueError(f"There is no aggregator '{self.aggregator}'; choose one of {known}.")

    @property
    def num_recordings(self) -> int:
        """The first one and the largest number of others."""
        return 1 + self.num_extra

    def local(self, dim: int) -> tuple[int, ...]:
        """Positions of the local parameters among `dim`."""
        return tuple(i for i in range(dim) if i not in self.shared)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "HierarchySpec":
        """What `asdict` gave, before or after JSON."""
        return cls(**{**fields, "shared": tuple(fields["shared"])})
