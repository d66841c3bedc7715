"""How everything looks: one set of colours for light and dark, one kind of figure.

Colours are close to those of Okabe and Ito (https://jfly.uni-koeln.de/color/), told apart also with a
colour-vision deficiency; where one colour stands out on both backgrounds, both themes share it. Shapes,
labels and text never leave a meaning to colour alone.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource, GlyphRenderer, Model
from bokeh.plotting import figure as bokeh_figure

from dashboard import palettes


@dataclass(frozen=True)
class Colours:
    """One theme's colours by meaning, as ``#rrggbb``.

    Attributes:
        data: what was measured (or the observation being explained).
        model: what the model does: a simulation, the posterior.
        prior: what was believed before.
        truth: known true values.
        reference: another run to compare with.
        stimulus: what was put in.
        selection: what the user has selected.
        surface, canvas: background of plots and cards; of the page.
        text, quiet: words, and words that step back.
        ordered, diverging: scales of colours, for what comes in an order and for values around zero.
        several: for runs or chains beside each other; as roles "several0", "several1", ...
    """

    data: str
    model: str
    prior: str
    truth: str
    reference: str
    stimulus: str
    selection: str
    surface: str
    canvas: str
    text: str
    quiet: str
    ordered: tuple[str, ...]
    diverging: tuple[str, ...]
    several: tuple[str, ...]


LIGHT = Colours(
    data="#20262c",
    model="#0072b2",
    prior="#87929c",
    truth="#d9691f",
    reference=palettes.SEVERAL[0],
    stimulus="#b0628f",
    selection="#e69f00",
    surface="#ffffff",
    canvas="#f6f7f8",
    text="#1c2329",
    quiet="#56626d",
    ordered=palettes.ORDERED_LIGHT,
    diverging=palettes.DIVERGING_LIGHT,
    several=("#0072b2", *palettes.SEVERAL),
)
DARK = Colours(
    data="#e4e9ed",
    model="#56b4e9",
    prior="#87929c",
    truth="#d9691f",
    reference=palettes.SEVERAL[0],
    stimulus="#b0628f",
    selection="#f0c05a",
    surface="#1a2026",
    canvas="#12161a",
    text="#e6eaed",
    quiet="#a3afb9",
    ordered=palettes.ORDERED_DARK,
    diverging=palettes.DIVERGING_DARK,
    several=("#56b4e9", *palettes.SEVERAL),
)


def is_dark() -> bool:
    """Whether the current session shows the dark theme."""
    return pn.config.theme == "dark"


def colours() -> Colours:
    """The colours of the current session's theme."""
    return DARK if is_dark() else LIGHT


def role_of(k: int) -> str:
    """The role of the k-th of several things; after the last colour the first comes again."""
    return f"several{k % len(LIGHT.several)}"


def figure(x_label: str, y_label: str, *, height: int = 260, **settings: Any) -> Any:
    """An empty figure in the house style: as wide as its place, quiet grid, tools that show on hover.

    Args:
        x_label: label of the x axis, with its unit.
        y_label: label of the y axis, with its unit.
        height: in pixels.
        settings: further settings of a Bokeh figure, which win over the house style.

    Returns:
        A ``bokeh.plotting.figure``; declared as Any, because its declared properties are narrower than real.
    """
    house = {
        "sizing_mode": "stretch_width",
        "tools": "pan,box_zoom,wheel_zoom,reset,save",
        "toolbar_location": "above",
        "toolbar_inner": True,  # over the plot's corner while the pointer is on it: takes no room
        "outline_line_color": None,
        "min_border_left": 62,  # so that figures stacked above each other share their left edge
        "min_border_right": 12,
        "min_border_top": 8,
    }
    fig = bokeh_figure(height=height, x_axis_label=x_label, y_axis_label=y_label, **{**house, **settings})
    fig.toolbar.autohide = True
    fig.toolbar.logo = None
    fig.xgrid.grid_line_color = None
    fig.axis.minor_tick_line_color = None
    fig.axis.major_tick_in = 0
    fig.axis.major_tick_out = 4
    return fig


def source(*columns: str) -> Any:
    """An empty ``ColumnDataSource`` with these columns; give it new ones with ``.data = {...}``."""
    return ColumnDataSource({name: [] for name in columns})


def paint(drawn: GlyphRenderer | Model, **roles: str) -> Any:
    """Colour something by meaning, and keep it right when the theme changes; returns ``drawn``.

    Args:
        drawn: what ``figure.line(...)`` and the like return, or an annotation such as a Span.
        roles: property -> role in ``Colours``, for instance ``line_color="data"``; of a colour mapper
            ``palette="diverging"``.
    """
    model = drawn.glyph if isinstance(drawn, GlyphRenderer) else drawn
    model.tags = [*model.tags, *(f"{_MARK}{name}={role}" for name, role in roles.items())]
    _repaint_one(model, by_role())
    if isinstance(drawn, GlyphRenderer):
        drawn.nonselection_glyph = None
    return drawn


def repaint(root: Model) -> None:
    """Give everything below ``root`` that was painted by role the colours of the current theme."""
    palette = by_role()
    for model in root.references():
        if model.tags:
            _repaint_one(model, palette)


def theme_config() -> dict[str, Any]:
    """The theme of the Material components (and of axes and grids, which they colour in the browser)."""
    return {"light": _material(LIGHT, hover=0.04), "dark": _material(DARK, hover=0.07)}


_MARK = "colour:"


def by_role() -> dict[str, Any]:
    """The current colours by the roles that `paint` knows."""
    shown = colours()
    return {**asdict(shown), **{f"several{k}": colour for k, colour in enumerate(shown.several)}}


def _repaint_one(model: Model, palette: dict[str, Any]) -> None:
    for tag in model.tags:
        if isinstance(tag, str) and tag.startswith(_MARK):
            name, _, role = tag.removeprefix(_MARK).partition("=")
            setattr(model, name, palette[role])


def _material(shown: Colours, *, hover: float) -> dict[str, Any]:
    return {
        "palette": {
            "primary": {"main": shown.model},
            "error": {"main": shown.truth},
            "text": {"primary": shown.text, "secondary": shown.quiet},
            "background": {"default": shown.canvas, "paper": shown.surface},
            "action": {"hoverOpacity": hover, "active": shown.quiet},
        },
        # Axis labels of plots are sized in em of htmlFontSize. 13 px gives them a calm size; fontSize undoes
        # the effect on the components, whose text would otherwise grow by 16/13.
        "typography": {
            "htmlFontSize": 13,
            "fontSize": 11.4,
            "fontFamily": '"Roboto", "Helvetica Neue", Arial, sans-serif',
        },
        "shape": {"borderRadius": 6},
        "chart_style": "standard",
    }
