"""Two sliders that select by numbers what the brush selects by hand: for the keyboard, and to be exact."""

from __future__ import annotations

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard.views.draws import PosteriorDraws
from dashboard.views.selection import Selection

STEPS = 100


class PairRanges:
    """A range slider for each of two parameters; over its whole range it selects nothing. Part of the mosaic.

    Args:
        selection: that the sliders change, and follow.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self._names: list[str] = []
        self._sliders = [_slider(self._moved), _slider(self._moved)]
        selection.param.watch(self._follow, "ranges")

    @property
    def layout(self) -> pn.Column:
        """The sliders below each other."""
        return pn.Column(*self._sliders, margin=(10, 12, 0, 12), sizing_mode="stretch_width")

    def show(self, draws: PosteriorDraws, pair: tuple[int, int], span: tuple[np.ndarray, np.ndarray]) -> None:
        """Serve these parameters, between the ends of their axes."""
        numbers = list(dict.fromkeys(pair))
        self._names = [draws.names[k] for k in numbers]
        with pn.io.hold():
            self._sliders[1].visible = len(numbers) > 1
            for slider, k in zip(self._sliders, numbers, strict=False):
                low, high = float(span[0][k]), float(span[1][k])
                slider.param.update(
                    label=draws.axis_label(k),
                    start=low,
                    end=high,
                    step=(high - low) / STEPS,
                    value=(low, high),
                )
            self._follow()

    def _follow(self, *_: object) -> None:
        for slider, name in zip(self._sliders, self._names, strict=False):
            low, high = self.selection.ranges.get(name, (slider.start, slider.end))
            shown = (max(low, slider.start), min(high, slider.end))
            if shown[0] <= shown[1] and slider.value != shown:
                slider.value = shown

    def _moved(self, *_: object) -> None:
        ranges = dict(self.selection.ranges)
        for slider, name in zip(self._sliders, self._names, strict=False):
            if slider.value == (slider.start, slider.end):
                ranges.pop(name, None)
            elif slider.value != ranges.get(name):
                ranges[name] = tuple(map(float, slider.value))
        if ranges != self.selection.ranges:
            self.selection.ranges = ranges


def _slider(moved) -> pmui.RangeSlider:
    slider = pmui.RangeSlider(
        margin=(4, 0, 4, 0), sizing_mode="stretch_width", size="small", format="0.[000]"
    )
    slider.param.watch(moved, "value_throttled")
    return slider
