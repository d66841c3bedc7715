"""Scales of colours for values, for light and dark pages; even steps of value are even steps of colour."""

from __future__ import annotations

import numpy as np
from bokeh.palettes import Viridis256

NUM = 255  # odd, so that zero has a colour of its own in a diverging scale

# Sweeps in their order: without the end that would drown in the background.
ORDERED_LIGHT = tuple(Viridis256[:208])
ORDERED_DARK = tuple(Viridis256[72:])

# Blue for negative, orange for positive, told apart with any colour-vision deficiency (and by their sign on
# the colour bar); zero is near the background.
_LIGHT = ("#0b3c66", "#0072b2", "#6fb1da", "#f3f4f5", "#eda467", "#d05c12", "#7a2f00")
_DARK = ("#c9e8fb", "#56b4e9", "#2a6d99", "#20282f", "#a2541f", "#ee9048", "#fde0c0")

# Beside the colour of the model, for what has no order; they stand out from both backgrounds.
SEVERAL = ("#009e73", "#d9691f", "#b0628f", "#a8860b", "#7670d6", "#87929c")


def between(anchors: tuple[str, ...], num: int = NUM) -> tuple[str, ...]:
    """``num`` colours from the first anchor to the last, in even steps."""
    points = np.array([[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for colour in anchors], float)
    at = np.linspace(0, len(anchors) - 1, num)
    channels = [np.interp(at, np.arange(len(anchors)), column) for column in points.T]
    return tuple("#" + "".join(f"{round(value):02x}" for value in row) for row in zip(*channels, strict=True))


DIVERGING_LIGHT, DIVERGING_DARK = between(_LIGHT), between(_DARK)
