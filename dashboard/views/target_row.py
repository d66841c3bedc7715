"""One statistic of an emergent property: a tick, its target mean and sd, and both over what the prior makes.

The band over the histogram can be taken hold of: its middle is the mean, and it reaches one sd to both sides.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
from bokeh.models import BoxAnnotation, CustomJS, Span

from dashboard import shell, theme
from dashboard.fields import read_number
from dashboard.views.drawing import columns, span
from dashboard.words import count, number

NUM_BINS = 60
TOWERS = 4  # times as high as the second
CENTRAL = (0.5, 99.5)  # percent of the simulations that the histogram shows at first
HEIGHT = 128  # pixels

Pair = tuple[float, float]

# The browser moves the line along with the band, and tells mean and sd together. Where it was asked itself to
# put the band there, that is no news. Both edges move before `FOLLOW` runs: callbacks run one after another.
PLACE = """
const [mean, sd] = [asked.data.mean[0], asked.data.sd[0]]
line.location = mean
band.left = mean - sd
band.right = mean + sd
"""
FOLLOW = """
const [wanted, reach] = [asked.data.mean[0], asked.data.sd[0]]
if (band.left === wanted - reach && band.right === wanted + reach) return
const mean = (band.left + band.right) / 2
line.location = mean
if (band.right > band.left) told.data = {mean: [mean], sd: [(band.right - band.left) / 2]}
"""


class TargetRow(pn.viewable.Viewer):
    """Follows its fields and its band.

    Args:
        name: of the statistic.
        unit: of it, as people write it.
        values: (n,) simulated from the prior, some NaN.
        target: mean and sd to begin with.
        ticked: whether it is wanted.
    """

    ticked = param.Boolean(doc="Whether it is wanted.")
    target: Any = param.Parameter(
        doc="(mean, sd); None while they are no numbers or the sd is not above zero."
    )

    def __init__(self, name: str, unit: str, values: np.ndarray, target: Pair, *, ticked: bool) -> None:
        self.statistic, self.unit, self._is_dragging = name, unit, False
        self.values = values[np.isfinite(values)].astype(float)
        self.num_undefined = len(values) - len(self.values)
        super().__init__(ticked=ticked and not self.num_undefined, target=target)
        self.low, self.high = _range(self.values, target)
        words = f"{name.replace('_', ' ')} ({unit})" if unit else name.replace("_", " ")
        self.tick = pmui.Checkbox(
            label=words, value=self.ticked, disabled=self.num_undefined > 0, margin=0, size="small"
        )
        self.fields = [
            pmui.TextInput(label=f"{part} of {name.replace('_', ' ')}", value=f"{value:.6g}", **_SMALL)
            for part, value in zip(("Mean", "SD"), target, strict=True)
        ]
        self.figure = self._figure()
        self.summary = shell.Line(testid=f"target-{name}")
        self.tick.param.watch(lambda event: self.param.update(ticked=event.new), "value")
        for field in self.fields:
            field.param.watch(self._typed, "value")
        self._show()

    def __panel__(self) -> pn.Column:
        controls = pmui.Column(
            self.tick, pmui.Row(*self.fields, margin=0, sizing_mode="stretch_width", sx={"gap": "12px"}),
            margin=0, sizing_mode="stretch_width", sx={"gap": "10px"},
        )  # fmt: skip
        picture = pn.Column(shell.plot(self.figure), self.summary, margin=0, sizing_mode="stretch_width")
        return pn.Column(controls, picture, styles=_GRID, margin=(0, 0, 18, 0), sizing_mode="stretch_width")

    def _typed(self, *_: object) -> None:
        if not self._is_dragging:
            self._read()

    def _read(self) -> None:
        mean, sd = (read_number(field.value, float) for field in self.fields)
        self.fields[0].error_state = mean is None or not math.isfinite(mean)
        self.fields[1].error_state = sd is None or not 0 < sd < math.inf
        is_wrong = any(field.error_state for field in self.fields)
        self.target = None if is_wrong else (mean, sd)

    def _dragged(self, attr: str, old: object, new: Any) -> None:
        """Somebody has moved the band in the browser."""
        del attr, old
        fine = (self.high - self.low) / 1000
        mean, sd = (round(float(new[name][0]) / fine) * fine for name in ("mean", "sd"))
        self._is_dragging = True  # the band is where it should be, and the fields are read once
        for field, value in zip(self.fields, (mean, max(sd, fine)), strict=True):
            field.value = _plain(value, fine)
        self._read()
        self._is_dragging = False

    @param.depends("target", "ticked", watch=True)
    def _show(self) -> None:
        for field in self.fields:
            field.disabled = not self.ticked
        is_shown = self.ticked and self.target is not None
        self._band.visible = self._line.visible = is_shown
        if self.target is not None and not self._is_dragging:
            mean, sd = self.target
            turn = self._asked.data["turn"][0] + 1  # the same values again, after a drag, are a change too
            self._asked.data = {"mean": [mean], "sd": [sd], "turn": [turn]}
            reach = self.figure.x_range
            reach.update(start=min(self.low, mean - 1.5 * sd), end=max(self.high, mean + 1.5 * sd))
        self.summary.text = self.sentence()

    def sentence(self) -> str:
        """Where the target lies among the simulations."""
        name, num = self.statistic.replace("_", " "), len(self.values) + self.num_undefined
        if self.num_undefined:
            share = number(100 * self.num_undefined / num, 2)
            return f"{name} is undefined in {share} % of {count(num, 'simulation')}: EPI cannot use it."
        among = f"{count(num, 'simulation')} from the prior: {number(self.values.mean())} ± "
        among += f"{number(self.values.std())} {self.unit}".strip()
        among += " (the tallest bar is cut off)" if self.is_cut else ""
        if not self.ticked or self.target is None:
            return f"{among}."
        mean, sd = self.target
        inside = 100 * np.mean(np.abs(self.values - mean) <= sd)
        return f"{among}; {number(float(inside), 2)} % lie within one sd of the target mean."

    def _tallest(self, counts: np.ndarray) -> float:
        """The bar that fills the figure; one that towers over all others is cut off."""
        first, second = np.sort(counts)[:-3:-1]
        self.is_cut = bool(first > TOWERS * second > 0)
        return float(TOWERS / 2 * second if self.is_cut else max(first, 1))

    def _figure(self) -> Any:
        edges = np.linspace(self.low, self.high, NUM_BINS + 1)
        counts, _ = np.histogram(self.values, edges)
        words = self.statistic.replace("_", " ")
        fig = theme.figure(
            f"{words} ({self.unit})" if self.unit else words, "", height=HEIGHT, tools="", min_border_left=8,
            toolbar_location=None, x_range=span(self.low, self.high), y_range=span(0, 1.08),
        )  # fmt: skip
        fig.yaxis.visible = False
        fig.ygrid.grid_line_color = None
        heights = counts / self._tallest(counts)
        source = columns(left=edges[:-1], right=edges[1:], top=heights, bottom=0 * heights)
        bars = fig.quad("left", "right", "top", "bottom", source=source, fill_alpha=0.55, line_width=0)
        theme.paint(bars, fill_color="prior", line_color="prior")
        self._band: Any = BoxAnnotation(
            editable=True, resizable="x", movable="x", symmetric=True, fill_alpha=0.22, line_width=1.5
        )
        self._line: Any = Span(dimension="height", line_width=2.5)
        theme.paint(self._band, fill_color="model", line_color="model")
        theme.paint(self._line, line_color="model")
        fig.add_layout(self._band)
        fig.add_layout(self._line)
        mean, sd = self.target
        self._line.location, self._band.left, self._band.right = mean, mean - sd, mean + sd
        self._asked = columns(mean=[mean], sd=[sd], turn=[0])
        told = theme.source("mean", "sd")
        told.on_change("data", self._dragged)
        args = {"band": self._band, "line": self._line, "told": told, "asked": self._asked}
        self._asked.js_on_change("data", CustomJS(args=args, code=PLACE))
        for edge in ("left", "right"):
            self._band.js_on_change(edge, CustomJS(args=args, code=FOLLOW))
        return fig


def _range(values: np.ndarray, target: Pair) -> Pair:
    """Of the histogram: the middle 99 % of the simulations."""
    mean, sd = target
    low, high = np.percentile(values, CENTRAL) if values.size else (mean - 3 * sd, mean + 3 * sd)
    air = 0.03 * (high - low) or 3 * sd
    return float(low - air), float(high + air)


def _plain(value: float, fine: float) -> str:
    """With as many decimals as a step of the band needs."""
    return f"{value:.{max(0, math.ceil(-math.log10(fine)))}f}"


_GRID = {
    "display": "grid",
    "grid-template-columns": "repeat(auto-fit, minmax(min(100%, 330px), 1fr))",
    "gap": "20px",
}
_SMALL: Any = {"size": "small", "margin": 0, "sizing_mode": "stretch_width"}
