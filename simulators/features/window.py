"""Window: a range of samples."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Array, Bool, Int


@dataclass(frozen=True)
class Window:
    """Samples start, ..., stop - 1."""

    start: int
    stop: int

    def contains(self, index: Int[Array, "*n"]) -> Bool[Array, "*n"]:
        """Which sample indices lie inside."""
        return (index >= self.start) & (index < self.stop)

    def __len__(self) -> int:
        return max(self.stop - self.start, 0)
