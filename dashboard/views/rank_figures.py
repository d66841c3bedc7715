"""Ranks of the true parameters, a cell per parameter: as curves within a band, or as histograms."""

from __future__ import annotations

import numpy as np

from dashboard.views.cell_grid import CellGrid
from dashboard.views.diagnosis_data import Calibration

ENDS = np.array([0.0, 1.0])


class RankCurves:
    """The share of ranks below each position, less that of a calibrated posterior: level if calibrated.

    Args:
        calibration: with `curves`.

    Attributes:
        reach: the cells are that high above and below zero.
        axes: what they show, in words.
    """

    def __init__(self, calibration: Calibration) -> None:
        curves, band = calibration.curves, calibration.band
        assert curves is not None
        assert band is not None
        dim = len(curves)
        grid = CellGrid(calibration.labels, np.zeros(dim), np.ones(dim))
        self.figure = grid.figure
        self.reach = 1.1 * float(np.abs(np.concatenate([curves.ravel(), band.low, band.high])).max())
        self.axes = (
            "Across: rank of the true value among the draws, 0 to 1. Up: share of ranks below it, less the "
            f"expected one, from −{self.reach:.2f} to +{self.reach:.2f}."
        )
        # At both ends every curve is zero.
        x = np.concatenate([ENDS[:1], band.position, ENDS[1:]])
        low, high = (np.pad(side, 1) for side in (band.low, band.high))
        around = {"x": np.concatenate([x, x[::-1]]), "y": np.concatenate([low, high[::-1]])}
        _draw(grid, "patches", [around] * dim, self.reach, "prior")
        _draw(grid, "multi_line", [{"x": ENDS, "y": np.zeros(2)}] * dim, self.reach, "prior")
        self.lines = [{"x": x, "y": np.pad(curve, 1)} for curve in curves]
        _draw(grid, "multi_line", self.lines, self.reach, "model")


class RankHistograms:
    """Rows per bin of ranks: level where the posterior is calibrated."""

    axes = "Across: rank of the true value among the draws, 0 to 1. Up: simulations per bin."

    def __init__(self, calibration: Calibration) -> None:
        dim, num_bins = calibration.histogram.shape
        grid = CellGrid(calibration.labels, np.zeros(dim), np.ones(dim))
        self.figure = grid.figure
        low, high = calibration.rank_band
        top = max(float(calibration.histogram.max()), 1.25 * high)
        band = grid.add("patches", 0.25, line_width=0, fill_color="prior", line_color="prior")
        cells = range(dim)
        box = {"x": ENDS[[0, 1, 1, 0]], "y": np.array([low, low, high, high])}
        band.data = grid.outlines([box for _ in cells], [top] * dim)
        middle = {"x": ENDS, "y": np.full(2, calibration.num / num_bins)}
        level = grid.add("multi_line", line_width=1, line_color="prior")
        level.data = grid.outlines([middle for _ in cells], [top] * dim)
        self.bars = grid.add("patches", 0.25, line_width=1.5, fill_color="model", line_color="model")
        self.bars.data = grid.outlines([_steps(counts) for counts in calibration.histogram], [top] * dim)


def _draw(grid: CellGrid, kind: str, curves: list[dict[str, np.ndarray]], reach: float, role: str) -> None:
    """Curves around zero, which lies at half the height of a cell."""
    look = {"fill_color": role} if kind == "patches" else {}
    alpha, width = (0.25, 0.0) if kind == "patches" else (None, 2.0 if role == "model" else 1.0)
    source = grid.add(kind, alpha, line_width=width, line_color=role, **look)
    raised = [{"x": curve["x"], "y": curve["y"] + reach} for curve in curves]
    source.data = grid.outlines(raised, [2 * reach] * len(raised))


def _steps(counts: np.ndarray) -> dict[str, np.ndarray]:
    edges = np.repeat(np.linspace(0, 1, len(counts) + 1), 2)
    return {"x": edges, "y": np.concatenate([[0.0], np.repeat(counts.astype(float), 2), [0.0]])}
