"""The glyphs of Bokeh that our figures are made of, drawn by Matplotlib; it is imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bokeh.models import GlyphRenderer

DPI = 96  # pixels of the page per inch
POINT = 72 / DPI  # points per pixel
MARKERS = {
    "circle": "o", "x": "x", "diamond": "D", "square": "s", "triangle": "^",
    "inverted_triangle": "v", "cross": "+",
}  # fmt: skip
DASHES = {"dashed": "--", "dotted": ":", "dotdash": "-."}


def draw(axes: Any, renderer: GlyphRenderer, rows: Sequence[str] = ()) -> None:
    """What a renderer shows, on axes of Matplotlib, whose vertical one may be of names, from below.

    Raises:
        ValueError: there is no way yet to draw a glyph of its kind.
    """
    source: Any = renderer.data_source
    glyph, data = renderer.glyph, {**source.data, **({"_rows": list(rows)} if rows else {})}
    kind = type(glyph).__name__
    if kind not in _DRAWERS:
        raise ValueError(f"A glyph of the kind {kind} cannot be written to a file.")
    _DRAWERS[kind](axes, glyph, data)


def _value(given: Any, data: dict, default: Any = None) -> Any:
    """What a glyph's property stands for: a column, the same for all, or colours of a scale."""
    if given is None:
        return default
    if isinstance(given, str) and given in data:
        return data[given]
    field = getattr(given, "field", None)
    if field is None:
        return getattr(given, "value", given)
    mapper = getattr(given, "transform", None)
    if mapper is None:
        return data[field]
    return [_palette(mapper)[k] for k in _mapped(np.asarray(data[field], float), mapper)]


def _mapped(values: np.ndarray, mapper: Any) -> np.ndarray:
    """Numbers in `_palette` of the colours that a linear colour mapper gives."""
    last = len(mapper.palette)
    share = (values - mapper.low) / ((mapper.high - mapper.low) or 1)
    at = np.clip(np.nan_to_num(share * last).astype(int), 0, last - 1)
    return np.where(np.isfinite(values), at, last)


def _palette(mapper: Any) -> list[str]:
    """Its colours, and clear where a value is missing."""
    return [*mapper.palette, "#00000000"]


def _stroke(glyph: Any) -> dict[str, Any]:
    dash = glyph.line_dash
    style = DASHES.get(dash, "-") if isinstance(dash, str) else "-" if not dash else "--"
    width = glyph.line_width if isinstance(glyph.line_width, int | float) else 1.0
    return {"linewidth": width * POINT, "linestyle": style}


def _colour(given: Any, alpha: Any, data: dict) -> Any:
    """With its opacity; "none" where nothing is painted."""
    from matplotlib.colors import to_rgba

    shown = _value(given, data)
    if shown is None:
        return "none"
    opacity = alpha if isinstance(alpha, int | float) else 1.0
    if isinstance(shown, str):
        return to_rgba(shown, opacity * to_rgba(shown)[3])
    return [to_rgba(one, opacity * to_rgba(one)[3]) for one in shown]


def _lines(axes: Any, glyph: Any, data: dict) -> None:
    from matplotlib.collections import LineCollection

    xs, ys = _value(glyph.xs, data), _value(glyph.ys, data)
    parts = [np.column_stack([x, y]) for x, y in zip(xs, ys, strict=True) if len(x)]
    colour = _colour(glyph.line_color, glyph.line_alpha, data)
    axes.add_collection(LineCollection(parts, colors=colour, **_stroke(glyph)))


def _line(axes: Any, glyph: Any, data: dict) -> None:
    colour = _colour(glyph.line_color, glyph.line_alpha, data)
    axes.plot(_value(glyph.x, data), _value(glyph.y, data), color=colour, **_stroke(glyph))


def _segments(axes: Any, glyph: Any, data: dict) -> None:
    from matplotlib.collections import LineCollection

    ends = [_value(getattr(glyph, name), data) for name in ("x0", "y0", "x1", "y1")]
    parts = [((x0, y0), (x1, y1)) for x0, y0, x1, y1 in zip(*ends, strict=True)]
    colour = _colour(glyph.line_color, glyph.line_alpha, data)
    axes.add_collection(LineCollection(parts, colors=colour, **_stroke(glyph)))


def _scatter(axes: Any, glyph: Any, data: dict) -> None:
    x, y = _value(glyph.x, data), _value(glyph.y, data)
    named = glyph.marker if isinstance(glyph.marker, str) else _value(glyph.marker, data)
    marker = MARKERS.get(named or "circle", "o")
    size = _value(glyph.size, data)
    area = (np.asarray(size, float) * POINT) ** 2
    edge = _colour(glyph.line_color, glyph.line_alpha, data)
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    look = {"color": edge} if marker in "x+" else {"facecolors": fill, "edgecolors": edge}
    width = glyph.line_width if isinstance(glyph.line_width, int | float) else 1.0
    axes.scatter(x, y, s=area, marker=marker, linewidths=width * POINT, **look)


def _polygons(axes: Any, glyph: Any, data: dict) -> None:
    """Patches, or polygons of several rings each, whose later rings are holes."""
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    xs, ys = _value(glyph.xs, data), _value(glyph.ys, data)
    paths = [_path(x, y) for x, y in zip(xs, ys, strict=True) if len(x)]
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    edge = _colour(glyph.line_color, glyph.line_alpha, data)
    made = [Path.make_compound_path(*rings) for rings in paths if rings]
    drawn = PathCollection(made, facecolors=fill, edgecolors=edge, **_stroke(glyph))
    axes.add_collection(drawn)


def _path(x: Any, y: Any) -> list[Any]:
    from matplotlib.path import Path

    if np.ndim(x[0]) == 0:
        return [Path(np.column_stack([x, y]), closed=False)]
    rings = [ring for parts in zip(x, y, strict=True) for ring in zip(*parts, strict=True)]
    return [Path(np.column_stack(ring), closed=True) for ring in rings]


def _area(axes: Any, glyph: Any, data: dict) -> None:
    low, high = (_value(getattr(glyph, name), data) for name in ("y1", "y2"))
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    axes.fill_between(_value(glyph.x, data), low, high, color=fill, linewidth=0)


def _rectangles(axes: Any, glyph: Any, data: dict) -> None:
    from matplotlib.collections import PolyCollection

    x, y = np.asarray(_value(glyph.x, data), float), np.asarray(_value(glyph.y, data), float)
    w, h = (np.broadcast_to(_value(side, data), x.shape) / 2 for side in (glyph.width, glyph.height))
    left, right, low, high = x - w, x + w, y - h, y + h
    corners: Any = np.stack([left, low, right, low, right, high, left, high], axis=1).reshape(-1, 4, 2)
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    edge = _colour(glyph.line_color, glyph.line_alpha, data)
    drawn = PolyCollection(corners, facecolors=fill, edgecolors=edge, **_stroke(glyph))
    axes.add_collection(drawn)


def _row_bars(axes: Any, glyph: Any, data: dict) -> None:
    """Rows are numbered from below, as on a vertical axis of names."""
    right = np.asarray(_value(glyph.right, data), float)
    named = list(_value(glyph.y, data))
    places = [data["_rows"].index(name) + 0.5 for name in named] if "_rows" in data else named
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    axes.barh(places, right, height=_value(glyph.height, data), color=fill)


def _bars(axes: Any, glyph: Any, data: dict) -> None:
    from matplotlib.collections import PolyCollection

    sides = [np.atleast_1d(_value(getattr(glyph, name), data)) for name in ("left", "right", "bottom", "top")]
    corners = [
        ((a, c), (b, c), (b, d), (a, d)) for a, b, c, d in zip(*np.broadcast_arrays(*sides), strict=True)
    ]
    fill = _colour(glyph.fill_color, glyph.fill_alpha, data)
    edge = _colour(glyph.line_color, glyph.line_alpha, data)
    axes.add_collection(PolyCollection(corners, facecolors=fill, edgecolors=edge))


def _image(axes: Any, glyph: Any, data: dict) -> None:
    """Rows from the bottom up, with the colours of the figure."""
    from matplotlib.colors import to_rgba

    mapper = glyph.color_mapper
    for image in data[glyph.image if isinstance(glyph.image, str) else glyph.image.field]:
        shape = np.shape(image)
        if max(shape) <= 2:
            continue  # nothing is shown yet
        table = np.array([to_rgba(colour) for colour in _palette(mapper)])
        x, y, w, h = (float(getattr(glyph, name)) for name in ("x", "y", "dw", "dh"))
        axes.imshow(
            table[_mapped(np.asarray(image, float), mapper)], origin="lower", extent=(x, x + w, y, y + h),
            aspect="auto", interpolation="nearest",
        )  # fmt: skip


def _texts(axes: Any, glyph: Any, data: dict) -> None:
    from matplotlib.transforms import ScaledTranslation

    named = ("x", "y", "text", "x_offset", "y_offset", "text_font_size", "text_align", "text_alpha", "angle")
    columns = [_value(getattr(glyph, name), data) for name in named]
    num = len(columns[0])
    full = [column if _is_column(column, num) else [column] * num for column in columns]
    baseline = {"middle": "center", "alphabetic": "baseline"}.get(str(glyph.text_baseline), "baseline")
    colour = _colour(glyph.text_color, 1.0, data)
    for x, y, text, dx, dy, size, align, alpha, angle in zip(*full, strict=True):
        if not text:
            continue
        moved = ScaledTranslation((dx or 0) / DPI, -(dy or 0) / DPI, axes.figure.dpi_scale_trans)
        axes.text(
            x, y, _plain(text), ha=align or "left", va=baseline, color=colour, alpha=alpha,
            size=float(str(size).removesuffix("px").removesuffix("em")) * POINT, rotation_mode="anchor",
            rotation=np.degrees(angle or 0), transform=axes.transData + moved, clip_on=True,
        )  # fmt: skip


def _is_column(column: Any, num: int) -> bool:
    return isinstance(column, list | tuple | np.ndarray) and len(column) == num


def _plain(text: str) -> str:
    """A dollar is no mathematics here."""
    return str(text).replace("$", r"\$")


_DRAWERS: dict[str, Callable[[Any, Any, dict], None]] = {
    "HBar": _row_bars,
    "Image": _image,
    "Line": _line,
    "MultiLine": _lines,
    "MultiPolygons": _polygons,
    "Patches": _polygons,
    "Quad": _bars,
    "Rect": _rectangles,
    "Scatter": _scatter,
    "Segment": _segments,
    "Text": _texts,
    "VArea": _area,
}
