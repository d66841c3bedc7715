"""One row per parameter: a box that pins it, and a slider for where; found by name where they are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard import live, shell, words
from dashboard.views.draws import PosteriorDraws
from dashboard.views.sliders import MOST_UNGROUPED, ROW_HEIGHT, decimals_of, slider

LABEL_WIDTH = 96  # pixels
AIR = 0.15  # of the range of the draws, that a slider goes beyond


class Pins(pn.viewable.Viewer):
    """Boxes and sliders.

    Args:
        draws: of the posterior, which name the parameters and their ranges.
        start: where the sliders begin, (dim,).
        pinned: numbers of the parameters that are pinned to begin with.
        pin: called with the number of a parameter and its value; None where it is let go.
    """

    def __init__(
        self,
        draws: PosteriorDraws,
        start: np.ndarray,
        pinned: Mapping[int, float],
        pin: Callable[[int, float | None], None],
    ) -> None:
        super().__init__()
        self.draws, self._pin = draws, pin
        self._is_following = False
        self.boxes = [self._box(k, is_pinned=k in pinned) for k in range(draws.dim)]
        self.sliders = [self._slider(k, float(start[k]), is_pinned=k in pinned) for k in range(draws.dim)]
        self.search = pmui.TextInput(
            label="Find a parameter or a group", size="small", sizing_mode="stretch_width",
            margin=(0, 0, 8, 0),
        )  # fmt: skip
        self._rows = [self._row(k) for k in range(draws.dim)]
        self._heads = self._group_heads()
        self.search.param.watch(lambda event: self.find(event.new or ""), "value_input")

    def __panel__(self) -> pmui.Column:
        tight = {"sizing_mode": "stretch_width", "margin": 0}
        parts = []
        for name, members in self._groups.items():
            parts += [*filter(None, [self._heads.get(name)]), *(self._rows[k] for k in members)]
        is_long = self.draws.dim > MOST_UNGROUPED
        rows = pmui.Column(*parts, **tight, sx=_SCROLL_SX if is_long else {})
        return pmui.Column(*([self.search] if is_long else []), rows, **tight)

    def move(self, theta: np.ndarray, pinned: Mapping[int, float]) -> None:
        """All sliders to a place, and the boxes of those pinned ticked; `pin` is not called."""
        self._is_following = True
        with pn.io.hold():
            for k, (box, one) in enumerate(zip(self.boxes, self.sliders, strict=True)):
                box.value, one.disabled = k in pinned, k not in pinned
                one.value = float(np.clip(round(float(theta[k]), decimals_of(one)), one.start, one.end))
        self._is_following = False

    def find(self, wanted: str) -> None:
        """Only the rows whose name holds what was typed; of a group that is called so, all."""
        text = wanted.strip().lower()
        with pn.io.hold():
            for name, members in self._groups.items():
                hits = [k for k in members if text in self.draws.names[k].lower() or text in name.lower()]
                for k in members:
                    self._rows[k].visible = k in hits
                if name in self._heads:
                    self._heads[name].visible = bool(hits)

    @property
    def _groups(self) -> dict[str, list[int]]:
        names = list(self.draws.names)
        found = words.parameter_groups(names) if len(names) > MOST_UNGROUPED else {"all": names}
        return {name: [names.index(member) for member in members] for name, members in found.items()}

    def _group_heads(self) -> dict[str, pn.pane.HTML]:
        names = [name for name in self._groups if name != "all"]
        return {name: shell.html(f'<h4 class="group">{escape(name)}</h4>') for name in names}

    def _row(self, k: int) -> pmui.Row:
        unit = words.unit(self.draws.units[k])
        label = (
            f'<ul class="beside"><li><span>{self.draws.label_html(k)}</span><small>{unit}</small></li></ul>'
        )
        named = shell.html(label, width=LABEL_WIDTH, sizing_mode=None)
        return pmui.Row(self.boxes[k], named, self.sliders[k], sizing_mode="stretch_width", margin=0)

    def _box(self, k: int, *, is_pinned: bool) -> pmui.Checkbox:
        box = pmui.Checkbox(
            label=f"Pin {self.draws.names[k]}", value=is_pinned, width=34, height=ROW_HEIGHT, margin=0,
            size="small", stylesheets=[_HIDDEN],
        )  # fmt: skip
        box.param.watch(lambda _: self._boxed(k), "value")
        return box

    def _slider(self, k: int, start: float, *, is_pinned: bool) -> pmui.EditableFloatSlider:
        low, high = (float(end[k]) for end in self.draws.zoomed_range)
        first, last = (float(end[k]) for end in self.draws.whole_range)
        air = AIR * (high - low)
        one = slider(
            f"Value of {words.with_unit(self.draws.names[k], self.draws.units[k])}",
            live.slider_range(max(low - air, first), min(high + air, last)),
            start,
        )
        one.disabled = not is_pinned
        one.param.watch(lambda event: self._moved(k, event.new), "value")
        return one

    def _boxed(self, k: int) -> None:
        is_pinned = self.boxes[k].value
        self.sliders[k].disabled = not is_pinned
        if not self._is_following:
            self._pin(k, float(self.sliders[k].value) if is_pinned else None)

    def _moved(self, k: int, value: float) -> None:
        if self.boxes[k].value and not self._is_following:
            self._pin(k, float(value))


_SCROLL_SX = {"maxHeight": "72vh", "overflowY": "auto", "paddingRight": "10px"}
_HIDDEN = ".MuiFormControlLabel-label { position: absolute; width: 1px; height: 1px; overflow: hidden; }"
