"""Images around zero, side by side on one scale of colours: receptive fields, filters."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColorBar, LinearColorMapper
from jaxtyping import Float

from dashboard import shell, theme, words
from dashboard.views.drawing import columns, span
from simulators.base import ImageAxes

SIDE = 260  # pixels, of the longer side of an image
LEFT, NARROW, BELOW = 62, 34, 56  # pixels around it: for an axis with its label, for ticks alone, below
BAR = 92  # for the colour bar


class ImagePlot:
    """Figures in a row with one colour bar, symmetric about zero.

    Args:
        axes: of all images.
        titles: name of each image -> words above it.
        side: pixels of an image's longer side.
    """

    def __init__(self, axes: ImageAxes, titles: Mapping[str, str], *, side: int = SIDE) -> None:
        self.axes = axes
        self.mapper = LinearColorMapper(low=-1.0, high=1.0)
        theme.paint(self.mapper, palette="diverging")
        self.sources = {name: columns(image=[]) for name in titles}
        self._largest = dict.fromkeys(titles, 0.0)
        first, last = list(titles)[0], list(titles)[-1]
        self.figures = {
            name: self._figure(name, side, has_bar=name == last, is_first=name == first) for name in titles
        }
        self.heads = {
            name: shell.html("", sizing_mode="fixed", width=figure.width)
            for name, figure in self.figures.items()
        }
        self.entitle(titles)

    @property
    def layout(self) -> pn.FlexBox:
        """The figures beside each other, below each other where there is no room."""
        return side_by_side(self)

    @property
    def cells(self) -> list[pn.Column]:
        """Each figure under its title."""
        return [self._cell(head, self.figures[name]) for name, head in self.heads.items()]

    def show(self, images: Mapping[str, Float[np.ndarray, "H W"] | None]) -> None:
        """Replace images, and let the scale of colours hold all that are shown; None shows nothing."""
        for name, image in images.items():
            finite = np.zeros(1) if image is None else np.abs(image[np.isfinite(image)])
            self._largest[name] = float(finite.max(initial=0.0))
            self.sources[name].data = {"image": [] if image is None else [self._upright(image)]}
        top = max(self._largest.values()) or 1.0
        self.mapper.update(low=-top, high=top)

    def entitle(self, titles: Mapping[str, str]) -> None:
        """Change words above images; those above the last tell what the colours mean."""
        meaning = words.with_unit(self.axes.name, self.axes.unit)
        for name, title in titles.items():
            parts = [title, f"colour: {meaning}"] if name == list(self.heads)[-1] else [title]
            self.heads[name].object = f"<h4>{escape(' · '.join(filter(None, parts))) or '&nbsp;'}</h4>"

    def _cell(self, head: pn.pane.HTML, figure: Any) -> pn.Column:
        size = {"width": figure.width, "height": figure.height}
        pane = pn.pane.Bokeh(figure, sizing_mode="fixed", margin=0, **size)
        return pn.Column(head, pane, width=figure.width, sizing_mode="fixed", margin=0)

    def _upright(self, image: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
        """As Bokeh wants it: the lowest place first, in both directions."""
        rows, columns = (1 if places[-1] >= places[0] else -1 for places in (self.axes.y, self.axes.x))
        return np.asarray(image, np.float32)[::rows, ::columns]

    def _figure(self, name: str, side: int, *, has_bar: bool, is_first: bool) -> Any:
        (left, width), (bottom, height) = extent(self.axes.x), extent(self.axes.y)
        scale = side / max(width, height)
        x_label, y_label = (words.with_unit(name, self.axes.place_unit) for name in ("x", "y"))
        left_room, right_room = LEFT if is_first else NARROW, BAR if has_bar else NARROW // 2
        fig = theme.figure(
            x_label, y_label if is_first else "", sizing_mode="fixed", toolbar_location=None,
            width=round(scale * width) + left_room + right_room, height=round(scale * height) + BELOW,
            min_border_left=left_room, min_border_right=right_room, min_border_bottom=BELOW - 8,
            x_range=span(left, left + width), y_range=span(bottom, bottom + height),
        )  # fmt: skip
        fig.axis.ticker.desired_num_ticks = 4
        fig.grid.visible = False
        place = {"x": left, "y": bottom, "dw": width, "dh": height}
        fig.image("image", source=self.sources[name], color_mapper=self.mapper, **place)
        if has_bar:
            bar = ColorBar(color_mapper=self.mapper, width=12, padding=4, background_fill_alpha=0.0)
            theme.paint(bar, major_label_text_color="text")
            fig.add_layout(bar, "right")
        return fig


def side_by_side(*plots: ImagePlot) -> pn.FlexBox:
    """The figures of several plots in a row, each plot with a scale of its own; in more rows if need be."""
    cells = [cell for plot in plots for cell in plot.cells]
    return pn.FlexBox(*cells, gap="8px 12px", margin=(0, 0, 8, 0), sizing_mode="stretch_width")


def extent(places: Float[np.ndarray, " n"]) -> tuple[float, float]:
    """The lower end of the lowest pixel, and the width of all."""
    low, high = float(np.min(places)), float(np.max(places))
    step = (high - low) / max(len(places) - 1, 1) or 1.0
    return low - step / 2, step * len(places)


def describe(axes: ImageAxes, image: Float[np.ndarray, "H W"]) -> str:
    """One sentence: the range of an image, and where it is strongest."""
    finite = np.where(np.isfinite(image), image, 0.0)
    row, column = np.unravel_index(int(np.abs(finite).argmax()), finite.shape)
    low, high = words.number(float(finite.min())), words.number(float(finite.max()))
    unit, place = words.unit(axes.unit), words.unit(axes.place_unit)
    at = (
        f"x {words.number(float(axes.x[column]), 2)}, y {words.number(float(axes.y[row]), 2)} {place}".strip()
    )
    return f"{axes.name.capitalize()} from {low} to {high} {unit}".rstrip() + f"; strongest at {at}."
