"""Where things lie in a mosaic of pairs: cells, in bins, and the picture that they form together.

Row and column 0 are at the top and at the left. Cell (row, column) with row > column shows the pair
(x: parameter `column`, y: parameter `row`), the diagonal one parameter. The upper triangle shows
correlations, or the same pairs of a reference: there too x is the parameter `column`, and y `row`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

GAP = 6  # bins between two cells, per 96 bins of a cell


class Cell(NamedTuple):
    """One cell, by default of the lower triangle or the diagonal."""

    row: int
    column: int


@dataclass(frozen=True)
class MosaicLayout:
    """A mosaic of `dim` by `dim` cells of `num_bins` by `num_bins` bins; x and y count from below left."""

    dim: int
    num_bins: int

    @property
    def gap(self) -> int:
        """Bins between two cells."""
        return max(2, round(GAP * self.num_bins / 96))

    @property
    def pitch(self) -> int:
        """Bins from one cell to the next."""
        return self.num_bins + self.gap

    @property
    def side(self) -> int:
        """Bins along the whole mosaic."""
        return self.dim * self.pitch - self.gap

    @property
    def cells(self) -> list[Cell]:
        """The pairs, row by row, without the diagonal."""
        return [Cell(row, column) for row in range(self.dim) for column in range(row)]

    @property
    def upper_cells(self) -> list[Cell]:
        """The cells above the diagonal, row by row."""
        return [Cell(row, column) for row in range(self.dim) for column in range(row + 1, self.dim)]

    @staticmethod
    def pairs(cells: list[Cell]) -> list[tuple[int, int]]:
        """(x parameter, y parameter) of each cell."""
        return [(column, row) for row, column in cells]

    def left(self, column: int) -> int:
        """The x of a column's left edge."""
        return column * self.pitch

    def bottom(self, row: int) -> int:
        """The y of a row's lower edge."""
        return (self.dim - 1 - row) * self.pitch

    def cell_at(self, x: float, y: float) -> Cell | None:
        """The cell that holds a point, with half the gaps around; None outside."""
        column = int((x + self.gap / 2) // self.pitch)
        row = self.dim - 1 - int((y + self.gap / 2) // self.pitch)
        return Cell(row, column) if 0 <= column < self.dim and 0 <= row < self.dim else None

    def picture(
        self, levels: UInt8[np.ndarray, "num_cells num_bins num_bins"], cells: list[Cell]
    ) -> UInt8[np.ndarray, "side side"]:
        """The levels of these cells as one image with its first row at the bottom."""
        image = np.zeros((self.side, self.side), np.uint8)
        for tile, (row, column) in zip(levels, cells, strict=True):
            bottom, left = self.bottom(row), self.left(column)
            image[bottom : bottom + self.num_bins, left : left + self.num_bins] = tile
        return image

    def outline(
        self, k: int, counts: Int[np.ndarray, " num_bins"], scale: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """A histogram in the diagonal cell of parameter `k` as a polygon; `scale` counts fill its height."""
        share = np.clip(counts / scale, 0, 1) if scale > 0 else np.zeros(len(counts))
        height = np.repeat(share, 2) * self.num_bins
        x = np.repeat(np.linspace(0, self.num_bins, len(counts) + 1), 2)
        y = np.concatenate([[0], height, [0]])
        return self.left(k) + x, self.bottom(k) + y
