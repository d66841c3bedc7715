"""Simulations of posterior draws with the recording and the stimulus: do they do what the neuron did?"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from jaxtyping import Float

from dashboard import shell
from dashboard.export import Cell, csv, downloads, picture, view_code
from dashboard.views.course_data import is_of_property
from dashboard.views.draws import posterior_draws
from dashboard.views.markup import run_html
from dashboard.views.selection import Selection
from dashboard.views.tables import parameter_list
from dashboard.views.trace_data import read_traces
from dashboard.views.trace_lanes import Lanes
from dashboard.words import count

FIRST_SHOWN = 6  # of the traces; more hide the recording, and the slider is beside the plot
OVERLAID_SHOWN = 1  # where each of them has many sweeps


class PredictiveTraces(pn.viewable.Viewer):
    """Traces over the recording; those of selected draws stand out, and a click on one shows its parameters.

    Args:
        tree: of a result with traces.
        selection: shared with other views; None: of its own.
        file_name: what files are called.
    """

    num_shown = param.Integer(FIRST_SHOWN, bounds=(1, None), label="Other simulations shown")

    def __init__(
        self, tree: xr.DataTree, selection: Selection | None = None, *, file_name: str = "result"
    ) -> None:
        super().__init__()
        self.file_name = file_name
        traces = read_traces(tree)
        if traces is None:
            raise ValueError("This result holds no traces: its simulator has no recording to draw.")
        self.traces, self.draws, self.is_of_property = traces, posterior_draws(tree), is_of_property(tree)
        self.selection = selection or Selection()
        self.param["num_shown"].bounds = (1, len(traces.predicted))
        self.num_shown = min(OVERLAID_SHOWN if traces.is_overlaid else FIRST_SHOWN, len(traces.predicted))
        self.summary, self._parameters = shell.Line(testid="trace-summary"), run_html("")
        self.cell = Cell(file_name, lambda: view_code("traces", "PredictiveTraces", self.selection))
        self._lanes = Lanes(traces, self._pick_draw)
        self._picker = pmui.Select(label="Look at", options=self._choices, width=150, margin=0)
        self._draw()
        self._pick()
        self.param.watch(self._draw, "num_shown")
        self.selection.param.watch(self._draw, "ranges")
        self.selection.param.watch(self._pick, "picked")

    def __panel__(self) -> pn.Column:
        panes = [shell.plot(figure) for figure in self._lanes.figures]
        slider = pmui.IntSlider.from_param(self.param.num_shown, width=230, margin=0, description="")
        picker = self._picker
        picker.link(self.selection, value="picked", bidirectional=True)
        controls = pn.FlexBox(slider, picker, gap="28px", align_items="end", margin=(0, 0, 10, 0))
        return pn.Column(
            controls, shell.legend(*self._meanings()), *panes, self.summary, self._parameters,
            self._files(), margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def _files(self) -> pn.Column:
        draw = picture(
            lambda: [[figure] for figure in self._lanes.figures], f"Simulations of draws · {self.file_name}",
            note=lambda: self.summary.text, meanings=self._meanings,
        )  # fmt: skip
        self.selection.param.watch(lambda _: self.cell.refresh(), ["ranges", "picked"])
        files = downloads(f"{self.file_name}-traces", draw, self.file, words="These traces as CSV")
        return pn.Column(files, self.cell, margin=0, sizing_mode="stretch_width")

    def file(self) -> io.BytesIO:
        """A line for each time: stimulus, recording and the traces that are drawn, in their units."""
        traces = self.traces
        rows, value = traces.rows or ("",), f"[{traces.channel_unit}]" if traces.channel_unit else ""
        columns = {f"time [{traces.time_unit}]": traces.time}
        if traces.stimulus is not None:
            columns[f"{traces.stimulus_name} [{traces.stimulus_unit}]"] = traces.stimulus
        lines = {} if traces.observed is None else {"recording": traces.observed}
        for role in ("model", "selection", "picked"):
            shown = self._lanes.sources[role].data["draw"]
            lines |= {f"draw {k}": traces.predicted[traces.places([k])[0]] for k in shown}
        for called, values in lines.items():
            columns |= {
                " ".join(filter(None, [called, row, value])): line
                for row, line in zip(rows, values, strict=True)
            }
        return csv(pd.DataFrame(columns))

    def add(self, numbers: Sequence[int], predicted: Float[np.ndarray, "m R T"]) -> None:
        """Show simulations of other draws as well."""
        self.traces = self._lanes.traces = self.traces.with_more(numbers, predicted)
        self.param["num_shown"].bounds = (1, len(self.traces.predicted))
        self._picker.options = self._choices
        self._draw()
        self._pick()

    @property
    def _choices(self) -> dict[str, int | None]:
        return {"none": None, **{f"draw {k}": k for k in map(int, self.traces.of_draws)}}

    @property
    def _selected(self) -> np.ndarray | None:
        """Which of the traces belong to selected draws; None when nothing is selected."""
        if not self.selection.ranges:
            return None
        return self.draws.within(self.selection.ranges)[self.traces.of_draws]

    @property
    def _num_drawn(self) -> int:
        return sum(len(set(self._lanes.sources[role].data["draw"])) for role in ("selection", "model"))

    def _draw(self, *_: object) -> None:
        selected = self._selected
        numbers = self.traces.of_draws
        chosen = numbers[:0] if selected is None else numbers[selected]
        others = numbers if selected is None else numbers[~selected]
        with pn.io.hold():
            self._lanes.show("selection", chosen)  # all: those, and no others
            self._lanes.show("model", others[: self.num_shown])
            self._lanes.fade(0.55 if selected is None else 0.2)
            self.summary.text = self._sentence(None if selected is None else chosen.size)

    def _pick(self, *_: object) -> None:
        k = self.selection.picked
        if k is None or k not in self.traces.of_draws:
            shown, words = [], ""
        else:
            shown, words = [k], parameter_list(self.draws, k)
        with pn.io.hold():
            self._lanes.show("picked", shown)
            self._parameters.object = words

    def _pick_draw(self, k: int) -> None:
        self.selection.picked = k

    def _meanings(self) -> list[tuple[str, str]]:
        entries = [("data", "recording")] if self.traces.observed is not None else []
        entries += [("model", "simulations of posterior draws"), ("selection", "of selected draws")]
        entries += [("truth", "the one looked at")]
        return entries + ([] if self.traces.stimulus is None else [("stimulus", self.traces.stimulus_name)])

    def _sentence(self, num_selected: int | None) -> str:
        num = len(self.traces.predicted)
        words = f"{self._num_drawn} of {count(num, 'simulation')} of posterior draws"
        if self.traces.observed is None and not self.is_of_property:
            words += "; what was observed are features alone, or its recording is not in this result"
        if num_selected is None:
            return f"{words}. Click one to see its parameters."
        if num_selected == 0:
            return f"{words}. None of the {num} belongs to a selected draw; select more widely to see some."
        return f"{words}. {num_selected} of the {num} belong to selected draws and stand out."
