"""The features of the ticked observations over each other, coloured by condition, x_0 on top."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import panel as pn

from dashboard import shell, theme, words
from dashboard.views.drawing import rows_of
from dashboard.views.plan import Plan

NUM_COLOURS = 7
HEIGHT, STRIP = 260, 130  # pixels, of curves and of dots


class ExtrasPreview(pn.viewable.Viewer):
    """Follows a plan; curves for features that form one, else a dot for each value of each feature."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.summary = shell.Line(testid="extras-summary")
        self.legend = shell.html("", margin=(14, 0, 0, 0))
        self.place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.content = pn.Column(self.legend, self.place, self.summary, margin=0, sizing_mode="stretch_width")
        self.sources: dict[str, Any] = {}
        self._model = ""
        plan.param.watch(self._draw, ["found", "first", "ticked", "method", "kind"])
        self._draw()

    def __panel__(self) -> pn.Column:
        return self.content

    def _draw(self, *_: object) -> None:
        plan = self.plan
        self.content.visible = (
            plan.shares and plan.seen is not None and plan.uses_extras and bool(plan.extras)
        )
        if not self.content.visible:
            return
        if self._model != plan.model:
            self._model = plan.model
            self.place.objects = [shell.plot(self._figure(axis_of(plan)))]
        labels = list(dict.fromkeys(one.label for one in plan.found.candidates))
        chosen: dict[str, list[np.ndarray]] = {role: [] for role in self.sources}
        for one in plan.extras:
            chosen[theme.role_of(labels.index(one.label))].append(one.seen.x)
        assert plan.seen is not None
        chosen["data"] = [plan.seen.x]
        axis = axis_of(plan)
        for role, rows in chosen.items():
            self.sources[role].data = _drawn(axis, rows, "x₀" if role == "data" else "beside it")
        used = dict.fromkeys(one.label for one in plan.extras)
        entries = [(theme.role_of(labels.index(label)), label or "beside it") for label in used]
        self.legend.object = shell.legend_html(("data", "x₀"), *entries)
        self.summary.text = describe(plan)

    def _figure(self, axis: Axis) -> Any:
        value = words.with_unit(axis.value, axis.value_unit)
        is_curve = len(axis.at) > 1
        if is_curve:
            fig = theme.figure(words.with_unit(axis.name, axis.unit), value, height=HEIGHT)
        else:
            fig = theme.figure(value, "", height=STRIP, y_range=rows_of(["x₀", "beside it"]))
            fig.ygrid.grid_line_color = None
        for role in (*(theme.role_of(k) for k in range(NUM_COLOURS)), "data"):
            self.sources[role] = theme.source("x", "y")
            is_first = role == "data"
            if is_curve:
                width, alpha = (2.4, 1.0) if is_first else (1.2, 0.75)
                drawn = fig.multi_line(
                    "x", "y", source=self.sources[role], line_width=width, line_alpha=alpha
                )
                theme.paint(drawn, line_color=role)
            else:
                drawn = fig.scatter(
                    "x", "y", source=self.sources[role], size=10, fill_alpha=0.75, line_color=None
                )
                theme.paint(drawn, fill_color=role)
        return fig


def _drawn(axis: Axis, rows: list[np.ndarray], name: str) -> dict[str, list]:
    """The columns of a source: a curve for each row, or a dot in the line of that name."""
    if len(axis.at) == 1:
        return {"x": [float(row[0]) for row in rows], "y": [name] * len(rows)}
    return {"x": [axis.at.tolist()] * len(rows), "y": [row.tolist() for row in rows]}


class Axis(NamedTuple):
    """Along what the features lie, and what they are, with units."""

    at: np.ndarray
    name: str
    unit: str
    value: str
    value_unit: str


def axis_of(plan: Plan) -> Axis:
    """As the model says of its one array of features, else one after the other."""
    assert plan.seen is not None
    simulator = plan.seen.simulator
    names = simulator.feature_names
    value_unit = simulator.feature_units.get(names[0], "")
    array, _ = simulator.feature_shapes[0]
    axis = simulator.feature_axes.get(array)
    if axis is not None and len(axis.places) == len(names):
        return Axis(axis.places, axis.name, axis.unit, array.replace("_", " "), value_unit)
    value = words.label_html(names[0]) if len(names) == 1 else "value"
    return Axis(
        np.arange(len(names), dtype=float), "feature", "", value, value_unit if len(names) == 1 else ""
    )


def describe(plan: Plan) -> str:
    """One sentence: how the ticked observations differ from x_0."""
    assert plan.seen is not None
    axis, x_o = axis_of(plan), np.asarray(plan.seen.x)
    rows = np.stack([one.seen.x for one in plan.extras])
    if len(x_o) == 1:
        ends = " to ".join(words.number(float(end)) for end in (rows.min(), rows.max()))
        return f"x₀ is {words.number(float(x_o[0]))}; those beside it are {ends}."
    peak = axis.at[int(np.argmax(rows.mean(axis=0)))]
    own = axis.at[int(np.argmax(x_o))]
    unit = words.unit(axis.unit)
    return (
        f"The {axis.value} of x₀ is highest at {words.number(float(own))} {unit}, that of the "
        f"{words.count(len(rows), 'other')} on average at {words.number(float(peak))} {unit}."
    )
