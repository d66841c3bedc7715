"""Words on a canvas: pieces of text at points of a figure, moved by pixels, and names with a subscript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dashboard import theme
from dashboard.views.drawing import columns
from dashboard.views.labels import split_label
from dashboard.words import number

NAME, SMALL = 15.0, "10.5px"
SUBSCRIPT = 0.73  # of the size of what it belongs to
WIDTH = 0.58  # of a letter, as a share of its height, roughly
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)  # between ticks, times a power of ten


class Text(NamedTuple):
    """A piece of text at a point, moved by some pixels to the right and down; turned by some radians."""

    x: float
    y: float
    text: str
    align: str = "center"
    dx: float = 0.0
    dy: float = 0.0
    size: str = SMALL
    style: str = "normal"
    angle: float = 0.0


class Words:
    """All pieces of one colour in a figure.

    Args:
        figure: a Bokeh figure.
        role: of the colour, see `theme.Colours`.
    """

    def __init__(self, figure: Any, role: str) -> None:
        self._source = columns(**_columns([]))
        drawn = figure.text(
            "x", "y", "text", source=self._source, text_align="align", x_offset="dx", y_offset="dy",
            text_font_size="size", text_font_style="style", text_baseline="alphabetic",
            angle="angle",
        )  # fmt: skip
        theme.paint(drawn, text_color=role)

    def show(self, texts: Sequence[Text]) -> None:
        """Replace all pieces."""
        self._source.data = _columns(texts)

    @property
    def texts(self) -> list[str]:
        """What is written."""
        return list(self._source.data["text"])


def label_at(
    at: tuple[float, float],
    label: str,
    *,
    dx: float = 0.0,
    dy: float = 0.0,
    align: str = "center",
    size: float = NAME,
) -> list[Text]:
    """A label with its subscript, centred at a point, or beginning ("left") or ending ("right") there.

    Base and subscript meet at one point, the one ending and the other beginning there; so no text has to be
    measured, and only the place of the whole is as rough as the guessed widths.
    """
    base, sub = split_label(label)
    if not sub:
        return [Text(*at, base, align, dx, dy, f"{size}px", "italic")]
    wide, narrow = (WIDTH * size * len(base), WIDTH * SUBSCRIPT * size * len(sub))
    middle = dx + {"left": wide, "right": -narrow, "center": (wide - narrow) / 2}[align]
    small = f"{SUBSCRIPT * size:.1f}px"
    return [
        Text(*at, base, "right", middle, dy, f"{size}px", "italic"),
        Text(*at, sub, "left", middle + 1, dy + 4, small),
    ]


def ticks(low: float, high: float, *, num: int = 4) -> list[float]:
    """Round numbers between `low` and `high`, about `num` of them, at least one."""
    rough = (high - low) / num
    power = 10.0 ** np.floor(np.log10(rough))
    step = power * min(s for s in STEPS if s * power >= rough * 0.999)
    found = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1) * step
    return [float(value) for value in found] or [low]


def tick_label(value: float, span: float, digits: int = 3) -> str:
    """A tick as short as it can be; what is near zero on an axis that is `span` long is 0."""
    if abs(value) < 5e-3 * span:
        return "0"
    text = number(value, digits if abs(value) < 1000 else 4)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _columns(texts: Sequence[Text]) -> dict[str, list]:
    return {name: [getattr(piece, name) for piece in texts] for name in Text._fields}
