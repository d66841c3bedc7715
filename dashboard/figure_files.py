"""Figures of the pages as SVG and PDF files: what is seen, with its axes, units, legend and a title.

Bokeh draws in the browser and knows PNG and SVG, one figure at a time and without what stands around it; so
what its figures hold is drawn again here, by Matplotlib.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from bokeh.models import FactorRange, FixedTicker, GlyphRenderer, LogScale, Span

from dashboard import theme
from dashboard.glyph_files import DPI, POINT, draw

WIDTH = 900  # pixels
ABOVE, LINE = 52, 20  # pixels that title and note take, and a line of the legend
LONGEST_NOTE = 170  # characters
PER_LINE = 3  # meanings on a line of the legend
FORMATS = {"svg": "SVG", "pdf": "PDF"}

Rows = Sequence[Sequence[Any]]
Meanings = Sequence[tuple[str, str]]


def figure_file(kind: str, rows: Rows, *, title: str, note: str = "", meanings: Meanings = ()) -> io.BytesIO:
    """Figures as one file.

    Args:
        kind: "svg" or "pdf".
        rows: of Bokeh figures, beside each other in each row, the rows below each other.
        title: above all of them.
        note: a sentence below it.
        meanings: of the colours: (role in `theme.Colours`, words) each.

    Raises:
        ValueError: no such kind.
    """
    if kind not in FORMATS:
        raise ValueError(f"A figure is written as {' or '.join(FORMATS)}; got '{kind}'.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # half a second, when a file is wanted
    from matplotlib.figure import Figure

    heights = [max(_height(figure) for figure in row) for row in rows]
    below = LINE * -(-len(meanings) // PER_LINE) + 8
    total = ABOVE + sum(heights) + below
    made = Figure(figsize=(WIDTH / DPI, total / DPI), dpi=DPI, facecolor=theme.colours().surface)
    FigureCanvasAgg(made)
    made.text(0.02, 1 - 0.42 * ABOVE / total, title, size=11, weight="bold", color=theme.colours().text)
    made.text(0.02, 1 - 0.8 * ABOVE / total, _short(note), size=7.5, color=theme.colours().quiet)
    top = total - ABOVE
    for row, height in zip(rows, heights, strict=True):
        _draw_row(made, row, (top - height) / total, top / total)
        top -= height
    _legend(made, meanings, below / total)
    file = io.BytesIO()
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": datetime.now(UTC)}}[kind]
    made.savefig(file, format=kind, metadata=stamp)
    file.seek(0)
    return file


def _height(figure: Any) -> float:
    """A figure that is square on the page is square here."""
    return float(WIDTH if figure.aspect_ratio == 1 else figure.height or 300)


def _draw_row(made: Any, row: Sequence[Any], bottom: float, top: float) -> None:
    for k, figure in enumerate(row):
        share = 1 / len(row)
        is_bare = not any(axis.visible for axis in figure.axis)
        pads = (0.0, 0.0, 0.0, 0.0) if is_bare else _pads(figure, made, share)
        left, right, low, high = pads
        axes = made.add_axes(
            (
                (k + left) * share,
                bottom + low,
                share * (1 - left - right),
                max(top - bottom - low - high, 0.01),
            )
        )
        if isinstance(figure.y_scale, LogScale):
            axes.set_yscale("log")
        for renderer in figure.renderers:
            if isinstance(renderer, GlyphRenderer) and renderer.visible:
                draw(axes, renderer, _rows(figure))
        axes.autoscale_view()
        _prepare(axes, figure, is_bare=is_bare)
        for line in figure.select(Span):
            along = axes.axhline if line.dimension == "width" else axes.axvline
            along(line.location, color=line.line_color, linewidth=line.line_width * POINT)


def _rows(figure: Any) -> list[str]:
    """The names along a vertical axis of names."""
    named = isinstance(figure.y_range, FactorRange)
    return [str(name) for name in figure.y_range.factors] if named else []


def _pads(figure: Any, made: Any, share: float) -> tuple[float, float, float, float]:
    """Room for labels: left and right as shares of a figure's place, below and above as shares of all."""
    across, up = WIDTH * share, made.get_figheight() * DPI
    names = _ticks(figure.xaxis[0])
    is_upright = figure.xaxis[0].major_label_orientation not in ("horizontal", 0)
    longest = max((len(name) for name in names), default=0)
    below = (24 if not names or not is_upright else 10 + 5.5 * longest) if figure.xaxis[0].visible else 4
    below += 20 if figure.xaxis[0].visible and figure.xaxis[0].axis_label else 0
    left = max(figure.min_border_left or 0, 62) + 8
    return left / across, 14 / across, below / up, 8 / up


def _prepare(axes: Any, figure: Any, *, is_bare: bool) -> None:
    colours = theme.colours()
    axes.set_facecolor("none")
    for which, axis, limits in (
        ("x", figure.xaxis[0], figure.x_range),
        ("y", figure.yaxis[0], figure.y_range),
    ):
        if isinstance(limits, FactorRange):
            ends, names = (0, len(limits.factors)), dict(enumerate(map(str, limits.factors)))
            _name_ticks(axes, which, {k + 0.5: name for k, name in names.items()}, axis)
        else:
            ends = limits.start, limits.end
            if isinstance(axis.ticker, FixedTicker):
                labels = axis.major_label_overrides
                _name_ticks(axes, which, {k: labels.get(k, f"{k:g}") for k in axis.ticker.ticks}, axis)
        if None not in ends and np.isfinite(np.asarray(ends, float)).all():
            getattr(axes, f"set_{which}lim")(*ends)
        getattr(axes, f"set_{which}label")(axis.axis_label or "", color=colours.text, size=9)
        if not axis.visible:
            getattr(axes, f"{which}axis").set_visible(False)
    axes.tick_params(colors=colours.quiet, labelsize=8)
    for side, spine in axes.spines.items():
        spine.set_visible(not is_bare and side in ("left", "bottom"))
        spine.set_color(colours.quiet)


def _name_ticks(axes: Any, which: str, named: dict[float, str], axis: Any) -> None:
    is_upright = which == "x" and axis.major_label_orientation not in ("horizontal", 0)
    getattr(axes, f"set_{which}ticks")(list(named), list(named.values()), rotation=90 * is_upright)


def _ticks(axis: Any) -> list[str]:
    return list(axis.major_label_overrides.values())


def _legend(made: Any, meanings: Meanings, share: float) -> None:
    colours = theme.by_role()
    lines = -(-len(meanings) // PER_LINE)
    for k, (role, words) in enumerate(meanings):
        row, column = divmod(k, PER_LINE)
        x, y = 0.02 + column * 0.96 / PER_LINE, share * (1 - (row + 0.7) / max(lines, 1) * 0.9)
        shown = colours[role]
        colour = shown if isinstance(shown, str) else shown[-1]
        made.text(x, y, "■", color=colour, size=10, va="center", family="DejaVu Sans")
        made.text(x + 0.02, y, words, color=colours["text"], size=7.5, va="center")


def _short(note: str) -> str:
    """As much as a line holds; a dollar is no mathematics here."""
    shown = note if len(note) <= LONGEST_NOTE else f"{note[:LONGEST_NOTE]} …"
    return shown.replace("$", r"\$")
