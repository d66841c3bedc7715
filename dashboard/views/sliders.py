"""One slider per parameter, with its unit, the prior's range and a mark at the model's own value."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard import live, shell, words
from dashboard.views.exploration import Exploration

ROW_HEIGHT = 40  # px, of one parameter
MOST_UNGROUPED = 12  # parameters; more are grouped by name, and scroll


class Sliders(pn.viewable.Viewer):
    """Sliders that change an exploration, and follow it."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        prior = exploration.simulator.prior
        home = dict(zip(prior.names, live.home_theta(exploration.simulator), strict=True))
        ranges = zip(prior.names, live.slider_ranges(prior), strict=True)
        self.sliders = {
            name: slider(words.with_unit(name, prior.units[name]), span, float(home[name]))
            for name, span in ranges
        }
        self._follow()
        for name, one in self.sliders.items():
            one.param.watch(lambda event, name=name: self._moved(name, event.new), "value")
        exploration.param.watch(self._follow, "theta")

    def __panel__(self) -> pmui.Column:
        if len(self.sliders) <= MOST_UNGROUPED:
            return pmui.Column(self._rows(list(self.sliders)), **_TIGHT)
        parts = []
        for group, names in words.parameter_groups(list(self.sliders)).items():
            head = shell.html(f'<h4 class="group">{escape(group)}</h4>')
            parts += [head, self._rows(names)] if group != "all" else [self._rows(names)]
        return pmui.Column(*parts, **_TIGHT, sx=_SCROLL_SX)

    def _rows(self, names: Sequence[str]) -> pmui.Row:
        """Sliders with their names beside them."""
        prior = self.exploration.simulator.prior
        labels = [(words.label_html(prior.labels[n]), words.unit(prior.units[n])) for n in names]
        some = pmui.Column(*(self.sliders[name] for name in names), **_TIGHT)
        return pmui.Row(beside(labels, width=92), some, **_TIGHT)

    def _moved(self, name: str, value: float) -> None:
        if not self._shows(name, self.exploration.named[name]):
            self.exploration.set(name, value)

    def _follow(self, *_: object) -> None:
        with pn.io.hold():
            for name, value in self.exploration.named.items():
                if not self._shows(name, value):
                    one = self.sliders[name]
                    one.value = float(np.clip(round(value, decimals_of(one)), one.start, one.end))

    def _shows(self, name: str, value: float) -> bool:
        """Whether the slider already stands at the value, to its precision."""
        one = self.sliders[name]
        return abs(one.value - value) <= one.step / 2


def beside(labels: Sequence[tuple[str, str]], *, width: int) -> pn.pane.HTML:
    """Markup of names and their units, one per slider, to stand beside sliders that lie below each other."""
    items = "".join(f"<li><span>{label}</span><small>{unit}</small></li>" for label, unit in labels)
    return shell.html(f'<ul class="beside" aria-hidden="true">{items}</ul>', width=width, sizing_mode=None)


def slider(label: str, span: live.SliderRange, home: float) -> pmui.EditableFloatSlider:
    """A slider with a field to type in and a mark where it begins; the label is for screen readers alone."""
    made = pmui.EditableFloatSlider(
        label=label,
        start=span.low,
        end=span.high,
        fixed_start=span.low,
        fixed_end=span.high,
        step=span.step,
        value=home,
        format="0" + ("." + "0" * span.decimals if span.decimals else ""),
        marks=[{"value": home}],
        inline_layout=True,
        size="small",
        sizing_mode="stretch_width",
        height=ROW_HEIGHT,
        margin=0,
        sx=_SLIDER_SX,
    )
    # Panel waits 50 ms for more changes before it tells of one; we drop what is out of date ourselves.
    setattr(made, "_priority_changes", ["value"])  # noqa: B010 - declared for classes only
    return made


def decimals_of(slider: pmui.EditableFloatSlider) -> int:
    """Decimals of a slider's steps."""
    return max(0, -int(np.floor(np.log10(slider.step) + 1e-9)))


_TIGHT = {"sizing_mode": "stretch_width", "margin": 0}
_SCROLL_SX = {"maxHeight": "72vh", "overflowY": "auto", "paddingRight": "10px"}
_FOR_READERS_ONLY = {"position": "absolute", "width": "1px", "height": "1px", "overflow": "hidden"}
_SLIDER_SX = {
    "& .MuiFormLabel-root": _FOR_READERS_ONLY,  # our labels, which have subscripts, stand beside
    "& .MuiTextField-root": {"minWidth": "54px"},
    "& .MuiInputAdornment-root": {"display": "none"},
    "& .MuiInputBase-input": {
        "textAlign": "right",
        "fontSize": "13.5px",
        "fontVariantNumeric": "tabular-nums",
    },
    "& .MuiSlider-mark": {"width": "2px", "height": "12px", "backgroundColor": "error.main", "opacity": 1},
    "& .MuiSlider-thumb": {"boxShadow": "none"},
}
