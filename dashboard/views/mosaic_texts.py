"""The words of a mosaic: names, units and ends of the axes around it, correlations in its upper triangle."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from dashboard.views.canvas_text import NAME, Text, label_at, tick_label
from dashboard.views.draws import PosteriorDraws
from dashboard.views.mosaic_layout import MosaicLayout
from dashboard.words import unit

MOST_LARGE = 9  # parameters whose names have room for large letters
NAME_AMONG_MANY = 11.5
MOST_DIGITS = 8  # parameters up to which the ends of axes have room for three figures
MOST_WORDS = 14  # parameters between which there is room for correlations and ends of axes
UPRIGHT = np.pi / 2


def names(layout: MosaicLayout, draws: PosteriorDraws) -> list[Text]:
    """Names below the columns and left of the rows; plain, and upright below, where they are many."""
    if layout.dim > MOST_WORDS:
        return _plain_names(layout, draws)
    found = []
    half, size = layout.num_bins / 2, NAME if layout.dim <= MOST_LARGE else NAME_AMONG_MANY
    for k, label in enumerate(draws.labels):
        found += label_at((layout.left(k) + half, 0), label, dy=34, size=size)
        beside = 0 if draws.units[k] and layout.dim <= MOST_LARGE else 5
        found += label_at((0, layout.bottom(k) + half), label, dx=-8, dy=beside, align="right", size=size)
    return found


def units_and_ends(
    layout: MosaicLayout,
    draws: PosteriorDraws,
    low: Float[np.ndarray, " dim"],
    high: Float[np.ndarray, " dim"],
) -> list[Text]:
    """Units by the names, and both ends of every axis at the corners of the cells; nothing for many."""
    if layout.dim > MOST_WORDS:
        return []
    found = []
    n = layout.num_bins
    for k in range(layout.dim):
        digits = 3 if layout.dim <= MOST_DIGITS else 2
        first, last = (tick_label(end, high[k] - low[k], digits) for end in (low[k], high[k]))
        left, bottom, written = layout.left(k), layout.bottom(k), unit(draws.units[k])
        found += [
            Text(left + n / 2, 0, written, dy=52),
            Text(left, 0, first, "left", dy=14),
            Text(left + n, 0, last, "right", dy=14),
        ]
        if layout.dim <= MOST_LARGE:
            found.append(Text(0, bottom + n / 2, written, "right", dx=-8, dy=17))
        if k > 0:  # the vertical axis of the first row, a histogram, counts draws
            found += [
                Text(0, bottom, first, "right", dx=-6),
                Text(0, bottom + n, last, "right", dx=-6, dy=9),
            ]
    return [piece for piece in found if piece.text]


def coefficients(layout: MosaicLayout, correlations: Float[np.ndarray, "dim dim"]) -> dict[str, list]:
    """Correlations in the upper triangle, nothing where one is undefined.

    Words, the stronger the clearer; where there is no room for them ("text" is empty), values to be coloured.
    """
    half = layout.num_bins / 2
    cells = [(cell.column, cell.row, correlations[cell.row, cell.column]) for cell in layout.cells]
    cells = [(row, column, value) for row, column, value in cells if np.isfinite(value)]
    has_room = layout.dim <= MOST_WORDS
    return {
        "value": [np.nan if has_room else float(value) for *_, value in cells],
        "x": [layout.left(column) + half for _, column, _ in cells],
        "y": [layout.bottom(row) + half for row, _, _ in cells],
        "text": [f"{value:+.2f}".replace("-", "−") if has_room else "" for *_, value in cells],
        "alpha": [0.4 + 0.6 * min(abs(value), 1.0) for *_, value in cells],
        "size": [f"{11 + 5 * abs(value):.1f}px" for *_, value in cells],
    }


def _plain_names(layout: MosaicLayout, draws: PosteriorDraws) -> list[Text]:
    half, size = layout.num_bins / 2, "10px"
    below = [Text(layout.left(k) + half, 0, name, "right", dx=4, dy=6, size=size, angle=UPRIGHT)
             for k, name in enumerate(draws.names)]  # fmt: skip
    beside = [Text(0, layout.bottom(k) + half, name, "right", dx=-6, dy=4, size=size)
              for k, name in enumerate(draws.names)]  # fmt: skip
    return below + beside
