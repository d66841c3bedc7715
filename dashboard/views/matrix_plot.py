"""A matrix of correlations as a figure: a coloured cell for each pair, clickable; lines between groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from bokeh.events import Tap
from bokeh.models import FixedTicker, LinearColorMapper
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import leaves_list, linkage

from dashboard import theme
from dashboard.views.drawing import columns, span
from dashboard.words import parameter_groups

MOST_WORDS = 9  # parameters between which numbers have room
STRONG = 0.55  # a correlation whose cell stands out so much that its number is in the colour of the page
SIDE = 430  # pixels
LABEL_ROOM = 0.07  # of the matrix, above and at its right, for the names of groups
UPRIGHT = np.pi / 2


class MatrixPlot:
    """One matrix.

    Args:
        names: of the parameters, in their order from the top left.
        on_tap: called with row and column of the cell that was clicked.
        groups: what stands beside each other, as group -> names in the order of `names`: with a line between
            two, and their names above and at the right; one group or none: nothing of that.
    """

    def __init__(
        self,
        names: Sequence[str],
        on_tap: Callable[[int, int], None],
        groups: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self.names, self._on_tap, dim = tuple(names), on_tap, len(names)
        self.groups = groups if len(groups) > 1 else {}
        room = LABEL_ROOM * dim if self.groups else 0.0
        self.figure = theme.figure(
            "", "", height=SIDE, x_range=span(-0.5, dim - 0.5 + room),
            y_range=span(dim - 0.5, -0.5 - room), tools="save", min_border_left=70, min_border_bottom=70,
        )  # fmt: skip
        self._cells = columns(x=[], y=[], value=[], text=[], strong=[])
        mapper = theme.paint(LinearColorMapper(low=-1, high=1, nan_color="#00000000"), palette="diverging")
        colour = {"field": "value", "transform": mapper}
        self.figure.rect("x", "y", 1, 1, source=self._cells, fill_color=colour, line_color=None)
        for column, role in (("text", "text"), ("strong", "surface")):
            words = self.figure.text(
                "x", "y", column, source=self._cells, text_align="center", text_baseline="middle",
                text_font_size="11px",
            )  # fmt: skip
            theme.paint(words, text_color=role)
        self._chosen = columns(x=[], y=[])
        frame = self.figure.rect("x", "y", 1, 1, source=self._chosen, fill_alpha=0, line_width=2.5)
        theme.paint(frame, line_color="truth")
        self._axes()
        self._separate()
        self.figure.on_event(Tap, self._tapped)

    def show(self, matrix: Float[np.ndarray, "dim dim"]) -> None:
        """Replace the values; NaN is left blank."""
        rows, across = np.indices(matrix.shape).reshape(2, -1)
        values = np.where(rows == across, np.nan, matrix.ravel())
        has_room = np.isfinite(values) & (len(self.names) <= MOST_WORDS)
        words = np.array([f"{value:.2f}".replace("-", "−") for value in values])
        is_strong = np.abs(values) > STRONG
        text, strong = (np.where(has_room & here, words, "") for here in (~is_strong, is_strong))
        self._cells.data = {"x": across, "y": rows, "value": values, "text": text, "strong": strong}

    def choose(self, pair: tuple[int, int]) -> None:
        """Frame the cell of a pair, and its mirror image."""
        self._chosen.data = {"x": [pair[1], pair[0]], "y": [pair[0], pair[1]]}

    def _axes(self) -> None:
        dim = len(self.names)
        labels = dict(enumerate(self.names))
        for axis in self.figure.axis:
            axis.ticker = FixedTicker(ticks=list(range(dim)))
            axis.major_label_overrides = labels
            axis.axis_line_color = axis.major_tick_line_color = None
            axis.major_label_text_font_size = "12px" if dim <= MOST_WORDS else "9px"
        self.figure.xaxis.major_label_orientation = UPRIGHT if dim > 5 else "horizontal"
        self.figure.grid.visible = False

    def _separate(self) -> None:
        """Lines where one group of names ends and the next begins, and what the groups are called."""
        sizes = [len(members) for members in self.groups.values()]
        ends, top, side = np.cumsum(sizes) - 0.5, -0.5, len(self.names) - 0.5
        lines = [([end, end], [top, side]) for end in ends[:-1]] + [
            ([top, side], [end, end]) for end in ends[:-1]
        ]
        xs, ys = zip(*lines, strict=True) if lines else ([], [])
        drawn = self.figure.multi_line(list(xs), list(ys), line_width=1.8)
        theme.paint(drawn, line_color="quiet")
        middles, gap = ends - np.array(sizes) / 2, 0.25 * LABEL_ROOM * len(self.names)
        num = len(sizes)
        places = columns(
            x=[*middles, *[side + gap] * num], y=[*[top - gap] * num, *middles], text=[*self.groups] * 2,
            angle=[0.0] * num + [-UPRIGHT] * num,
        )  # fmt: skip
        words = self.figure.text(
            "x", "y", "text", source=places, angle="angle", text_align="center", text_baseline="bottom",
            text_font_size="12px", text_font_style="bold",
        )  # fmt: skip
        theme.paint(words, text_color="text")

    def _tapped(self, event: Any) -> None:
        if event.x is None or event.y is None:
            return
        row, column = round(event.y), round(event.x)
        if row != column and 0 <= min(row, column) and max(row, column) < len(self.names):
            self._on_tap(row, column)


def in_groups(names: Sequence[str]) -> list[str]:
    """The names with those of a group beside each other."""
    return [name for members in parameter_groups(names).values() for name in members]


def clustered(matrix: Float[np.ndarray, "dim dim"]) -> Int[np.ndarray, " dim"]:
    """An order in which parameters that are strongly correlated, whatever the sign, stand beside each other.

    Average linkage of 1 - |r|, its leaves in the order that brings neighbours closest together.
    """
    if len(matrix) < 3:
        return np.arange(len(matrix))
    apart = 1 - np.abs(np.nan_to_num(matrix))
    apart = (apart + apart.T) / 2
    tree = linkage(apart[np.triu_indices(len(apart), 1)], "average", optimal_ordering=True)
    return leaves_list(tree).astype(int)
