"""One run from its folder: what was asked, how far it is, and its result as soon as there is one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

import panel as pn
import param
import xarray as xr

from dashboard import explore_address, links, shell
from dashboard.background import in_background, repeat
from dashboard.driven import of_request
from dashboard.explore_address import Start, read_start
from dashboard.explore_tab import parts_of
from dashboard.live_course import LiveCourse
from dashboard.references import References
from dashboard.result_tabs import Origin, ResultTabs, tab_names
from dashboard.results import Journal, posterior_of, tree_of
from dashboard.run_title import title_of
from dashboard.taking import take_home
from dashboard.views.draws import posterior_draws
from dashboard.views.markup import run_html
from dashboard.views.progress import RunProgress, state_chip
from dashboard.views.provenance import settings_words
from dashboard.views.selection import Selection, read_ranges, write_ranges
from dashboard.views.training import TrainingCurve
from dashboard.words import ago, method_name
from inference.observations import labels_of
from inference.runs import Run
from inference.simulation_store import words_of
from simulators.registry import unknown_name

log = logging.getLogger(__name__)
POLL_MILLISECONDS = 700


class RunOverview(pn.viewable.Viewer):
    """Follows a run folder.

    Args:
        run: which.
        view: what a link says of the result: "tab", "sel" (the selection), and of the Explore tab
            "part" and "pins".
        on_stop: called with the run by the Stop button.
        on_resume: called with the run by the Resume button.
        references: the runs to compare the result with; None: none.
    """

    state = param.String(doc="As the run folder says.")

    def __init__(
        self,
        run: Run,
        *,
        view: Mapping[str, str] = MappingProxyType({}),
        on_stop: Callable[[Run], Any] = Run.request_stop,
        on_resume: Callable[[Run], Any] = Run.enqueue,
        references: References | None = None,
    ) -> None:
        super().__init__()
        self.run, self.selection, self.references = run, Selection(), references
        self._wanted = {key: view.get(key, "") for key in ("tab", "sel", *explore_address.KEYS)}
        self.tabs: ResultTabs | None = None
        self._journal = Journal(run)
        self._head = run_html("", margin=(0, 0, 18, 0))
        self._body = pn.Column(margin=0, sizing_mode="stretch_width")
        self.progress = RunProgress(lambda: on_stop(run), lambda: on_resume(run))
        self.training: TrainingCurve | LiveCourse = (
            LiveCourse(run) if run.request.observation["kind"] == "property" else TrainingCurve()
        )
        self._shown: list[pn.viewable.Viewer] = []
        self.refresh()

    def __panel__(self) -> pn.Column:
        if pn.state.curdoc is not None:
            repeat(self._poll, milliseconds=POLL_MILLISECONDS)
        return pn.Column(self._head, self._body, margin=0, sizing_mode="stretch_width")

    @property
    def address(self) -> dict[str, Any]:
        """What a link to this view says."""
        chosen = {} if self.references is None else {"ref": self.references.chosen}
        if self.tabs is None:
            return {"id": self.run.id, **self._wanted, **chosen}
        tab = "" if self.tabs.tab == self.tabs.first else self.tabs.tab
        selected = write_ranges(self.selection.ranges)
        return {"id": self.run.id, "tab": tab, "sel": selected, **self.tabs.explored, **chosen}

    def refresh(self) -> None:
        """Look at the folder again."""
        if self.state == "done":
            return  # a result never changes
        try:
            state, message = self.run.state, self.run.message
        except (ValueError, OSError) as error:
            self._fail(error)
            return
        was = self.state
        self.state = state
        if state != was:
            self._head.object = _head(self.run, state)
        if state == "done":
            self._read_result(is_watched=bool(was))
            return
        self._follow(message)

    def _poll(self) -> None:
        """What changes between a page being sent and being drawn would not reach the browser."""
        if pn.state.loaded:
            self.refresh()

    def _read_result(self, *, is_watched: bool) -> None:
        """At once for a page that opens with it; in the background for one that somebody is looking at."""
        if is_watched:
            self._body.objects = [shell.html(_READING)]
            in_background(lambda: tree_of(self.run), self._show_result, self._fail)
            return
        try:
            self._show_result(tree_of(self.run))
        except Exception as error:  # noqa: BLE001  whatever is wrong with a stored result, the page says it
            self._fail(error)

    def _follow(self, message: str) -> None:
        events = self._journal.read()
        self.progress.update(self.state, events, message)
        has_trained = any(event["stage"] == "train" and event.get("values") for event in events)
        if has_trained:
            self.training.update(events)
        wanted: list[pn.viewable.Viewer] = [self.progress, self.training] if has_trained else [self.progress]
        if wanted != self._shown:
            self._shown = wanted
            self._body.objects = [shell.card(view) for view in wanted]

    def _show_result(self, tree: xr.DataTree) -> None:
        problems, tab, start = [], self._wanted["tab"], Start()
        if self.references is not None and self.references.problem:
            problems.append(self.references.problem)
        if tab and tab not in tab_names(tree):
            problems.append(unknown_name("tab", tab, tab_names(tree)))
            tab = ""
        if "posterior" in tree.children:
            names = list(map(str, tree["posterior"].data_vars))
            self.selection.ranges, wrong = read_ranges(self._wanted["sel"], names)
            problems += wrong
        if tab == "explore":
            start, wrong = read_start(self._wanted, parts_of(tree), posterior_draws(tree))
            problems += wrong
        self.tabs = ResultTabs(
            tree, lambda: posterior_of(self.run), self.selection, tab=tab, origin=self._origin(), start=start
        )
        with pn.io.hold():
            self._body.objects = [*map(shell.alert, problems), self.tabs]

    def _origin(self) -> Origin:
        request, folder = self.run.request, self.run.folder
        return Origin(
            self.run.id, self.references, labels_of(request.observation),
            drive=lambda: of_request(request, folder), leave=lambda tree: take_home(self.run, tree),
        )  # fmt: skip

    def _fail(self, error: Exception) -> None:
        is_known = isinstance(error, ValueError | OSError)  # whose words are meant for people
        words = str(error) if is_known else f"The result cannot be shown ({type(error).__name__}: {error})."
        if not is_known:
            log.error("Run %s cannot be shown", self.run.id, exc_info=error)
        self._body.objects = [shell.alert(words, "error", "run-error")]


_READING = '<p class="quiet" data-testid="loading">Reading the result …</p>'


def _head(run: Run, state: str) -> str:
    request = run.request
    kind = request.observation["kind"]
    facts = [
        f"<b>{escape(method_name(request.method))}</b>",
        escape(settings_words(request.method, request.config)) or "settings as they come",
        f"seed {request.seed}",
        f"asked for {ago(run.created)}",
        f'<a href="{links.model_url(request.simulator)}">the model</a>',
        f'<a href="{links.duplicate_url(run.id)}">a new run with other settings</a>',
    ]
    if state == "done" and kind not in ("none", "property"):
        facts.append(f'<a href="{links.compare_url([run.id])}">compare with other runs</a>')
    if state == "done" and (words := words_of(run.progress())):
        facts.append(f'<span data-testid="simulations-told">{escape(words)}</span>')
    items = "".join(f"<li>{fact}</li>" for fact in facts)
    return (
        f'<div class="between"><div><h1>{escape(title_of(run))}</h1>'
        f'<ul class="facts">{items}</ul></div>{state_chip(state)}</div>'
    )
