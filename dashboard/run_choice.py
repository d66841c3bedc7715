"""Which runs are compared: chosen from all finished runs of a model, as a link says them."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr

from dashboard import links, shell
from dashboard.background import Latest
from dashboard.comparison import Comparison, read_trees
from dashboard.references import title_of
from dashboard.run_title import model_title
from inference.runs import Run, RunStore


class RunChoice(pn.viewable.Viewer):
    """A list to choose runs from, and the comparison of those that are chosen.

    Args:
        store: of all runs.
        runs: chosen to begin with, of one model.
    """

    model = param.Selector(doc="Name of the model whose runs are on offer.")
    chosen = param.ListSelector(default=[], doc="Ids of the runs that are compared.")

    def __init__(self, store: RunStore, runs: Sequence[Run] = ()) -> None:
        super().__init__()
        offered = finished(store)
        models = list(dict.fromkeys(run.request.simulator for run in offered))
        self.param["model"].objects = {model_title(name): name for name in models}
        self._by_model = {m: [run for run in offered if run.request.simulator == m] for m in models}
        self.comparison: Comparison | None = None
        self.body = pn.Column(margin=0, sizing_mode="stretch_width")
        self._latest = Latest(_read, self._show, self._fail)
        if models:
            self.model = runs[0].request.simulator if runs else max(models, key=self._num_runs)
            self._offer()
            self.chosen = [run.id for run in runs]
        self._follow()
        self.param.watch(self._change_model, "model")
        self.param.watch(self._follow, "chosen")

    def __panel__(self) -> pn.Column:
        if not self._by_model:
            return pn.Column(shell.card(shell.html(EMPTY)), margin=0, sizing_mode="stretch_width")
        common = {"description": "", "margin": 0}
        model = pmui.Select.from_param(self.param.model, label="Model", width=240, **common)
        runs = pmui.MultiChoice.from_param(
            self.param.chosen, label="Runs", sizing_mode="stretch_width", **common
        )
        row = pmui.Row(model, runs, margin=0, sizing_mode="stretch_width", sx={"gap": "16px"})
        return pn.Column(shell.card(row), self.body, margin=0, sizing_mode="stretch_width")

    def _num_runs(self, model: str) -> int:
        return len(self._by_model[model])

    def _offer(self) -> None:
        self.param["chosen"].objects = {title_of(run): run.id for run in self._by_model[self.model]}

    def _change_model(self, *_: object) -> None:
        self.chosen = []
        self._offer()

    def _follow(self, *_: object) -> None:
        if self.comparison is not None:
            self.comparison.stop()
        runs = [run for run in self._by_model.get(self.model, []) if run.id in self.chosen]
        runs.sort(key=lambda run: self.chosen.index(run.id))
        if len(runs) < 2:
            self.comparison = None
            self.body.objects = [shell.html(ONE_MORE if runs else CHOOSE)]
        else:
            self.body.objects = [shell.html(LOADING)]
            self._latest.ask(tuple(runs))

    def _show(self, found: tuple[tuple[Run, ...], list[xr.DataTree]]) -> None:
        runs, trees = found
        if [run.id for run in runs] == self.chosen:  # else others have been chosen meanwhile
            self.comparison = Comparison(runs, trees)
            self.body.objects = [self.comparison]

    def _fail(self, error: Exception) -> None:
        self.body.objects = [shell.alert(str(error), "error", "comparison-error")]


def read_runs(store: RunStore, run_ids: Sequence[str]) -> tuple[list[Run], list[str]]:
    """The runs of a link that can be compared, and one sentence for each that cannot."""
    runs: list[Run] = []
    problems: list[str] = []
    for run_id in run_ids:
        try:
            run = store.get(run_id)
            problem = _problem(run, runs[0] if runs else None)
        except (ValueError, OSError) as error:
            problem = str(error)
        if problem:
            problems.append(problem)
        else:
            runs.append(run)
    return runs, problems


def finished(store: RunStore) -> list[Run]:
    """The runs with posterior draws, newest first."""
    return [run for run in store.list() if run.state == "done" and run.request.observation["kind"] != "none"]


def _problem(run: Run, first: Run | None) -> str:
    """Why a run cannot be compared with the first one; nothing if it can."""
    if run.state != "done":
        return f"The run {run.id} is {run.state}; only finished runs can be compared."
    if run.request.observation["kind"] == "none":
        return f"The run {run.id} was given no observation, so it has no posterior draws to compare."
    if first is not None and run.request.simulator != first.request.simulator:
        return (
            f"Only runs of one model can be compared: {run.id} is of {run.request.simulator}, and {first.id} "
            f"of {first.request.simulator}; the first one's model is shown."
        )
    return ""


def _read(runs: tuple[Run, ...]) -> tuple[tuple[Run, ...], list[xr.DataTree]]:
    return runs, read_trees(runs)


LOADING = '<p class="quiet" data-testid="loading">Reading the results …</p>'
CHOOSE = '<p class="quiet" data-testid="compare-hint">Choose two or more runs above.</p>'
ONE_MORE = '<p class="quiet" data-testid="compare-hint">Choose at least one more run to compare it with.</p>'
EMPTY = f"""<div class="empty" data-testid="nothing-to-compare"><p><strong>No finished runs yet.</strong>
Once two runs of one model are done, their posteriors can be laid over each other here.</p>
<ol><li>Start a run, for instance of SNPE.</li>
<li>Start another one on the same observation: another method, estimator, budget or seed.</li>
<li>Come back, or tick both in the list of runs at home.</li></ol>
<p><a class="button strong" href="{links.infer_url("two_moons")}">Start a first run</a></p></div>"""
