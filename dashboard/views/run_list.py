"""The runs: those in progress with their bars, those that ended as a table; all, or those looked for."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import links, shell
from dashboard.background import in_background, repeat
from dashboard.results import verdict_of
from dashboard.run_search import HINT, matches
from dashboard.views import run_rows
from dashboard.views.run_rows import RunRow
from dashboard.views.verdict_words import reason
from inference.diagnostics import Verdict
from inference.runs import RunStore

POLL_MILLISECONDS = 1500
LONGEST_FIND = 200  # characters
SHOWN = 10  # ended runs, unless all are asked for


class RunList(pn.viewable.Viewer):
    """Follows a store. Only what has changed is sent to the browser, so that focus and scrolling stay."""

    rows = param.List(item_type=RunRow, doc="Newest first.")
    notes = param.List(item_type=str, doc="One sentence per run folder that cannot be read.")
    is_all = param.Boolean(default=False, doc="Whether all ended runs are listed, not only the newest.")
    find = param.String(doc="What is looked for, see `run_search`; empty: all runs.")

    def __init__(self, store: RunStore, **choices) -> None:
        super().__init__(**choices)
        self.store = store
        self.active = pmui.Column(sizing_mode="stretch_width", margin=0, sx={"gap": "2px"})
        self.ended = shell.html("")
        self.search = pmui.TextInput(
            label="Find runs", value=self.find, placeholder=HINT, size="small", max_length=LONGEST_FIND,
            width=420, margin=(0, 0, 8, 0), visible=False,
        )  # fmt: skip
        self.search.param.watch(lambda event: self.param.update(find=event.new or ""), "value_input")
        self._progress: dict[str, pn.pane.HTML] = {}
        self._show()
        self._take(read(store))

    def __panel__(self) -> pmui.Column:
        if pn.state.curdoc is not None:
            repeat(self.refresh, milliseconds=POLL_MILLISECONDS)
            self.refresh()  # with the verdicts, for which the first look does not wait
        return pmui.Column(self.search, self.active, self.ended, sizing_mode="stretch_width", margin=0)

    def refresh(self) -> None:
        """Look at the store again."""
        num_judged = None if self.is_all or self.find else SHOWN
        in_background(lambda: judged(self.store, num_judged), self._take)

    def _take(self, found: tuple[list[RunRow], list[str]]) -> None:
        self.param.update(rows=found[0], notes=found[1])

    @param.depends("find", watch=True)
    def _find(self) -> None:
        self._show()
        if self.find and pn.state.curdoc is not None:
            self.refresh()  # older runs are shown now, whose verdicts have not been read

    @param.depends("rows", "notes", "is_all", watch=True)
    def _show(self) -> None:
        found = [row for row in self.rows if matches(row, self.find)]
        active = [row for row in found if row.is_active]
        self.search.visible = bool(self.rows)
        if [row.id for row in active] != list(self._progress):
            self._progress = {row.id: shell.html("") for row in active}
            self.active.objects = [_active_row(row, self._progress[row.id]) for row in active]
        for row in active:
            _set(self._progress[row.id], run_rows.progress_cell(row))
        _set(self.ended, self._ended_markup(found))

    def _ended_markup(self, found: list[RunRow]) -> str:
        ended = [row for row in found if not row.is_active]
        notes = "".join(f'<p class="error small">{escape(note)}</p>' for note in self.notes)
        if not self.rows:
            return EMPTY + notes
        if not found:
            return f'<p class="quiet" data-testid="none-found">No run has all of this. {_ALL}</p>' + notes
        shown = ended if self.is_all else ended[:SHOWN]
        table = run_rows.table(shown) if shown else ""
        if len(shown) < len(ended):
            url = escape(links.runs_url(self.find, runs="all"))
            table += f'<p><a href="{url}">Show all {len(ended)} runs</a></p>'
        return table + notes


def read(store: RunStore) -> tuple[list[RunRow], list[str]]:
    """Rows of all runs, newest first, and one sentence per folder that cannot be read."""
    runs, notes = store.scan()
    rows = []
    for run in runs:
        try:
            rows.append(run_rows.overview(run))
        except (ValueError, OSError) as error:  # damaged, or being removed while we look
            notes.append(f"Run {run.id} cannot be read: {error}")
    return rows, notes


def judged(store: RunStore, num: int | None) -> tuple[list[RunRow], list[str]]:
    """The same with the verdicts on the newest ``num`` finished runs (None: on all), each read once."""
    rows, notes = read(store)
    done = [row.id for row in rows if row.state == "done"][:num]
    verdicts = {run_id: verdict_of(store.get(run_id)) for run_id in done}
    return [_with_verdict(row, verdicts.get(row.id)) for row in rows], notes


def _with_verdict(row: RunRow, found: Verdict | None) -> RunRow:
    return row if found is None else replace(row, level=found.level, reason=reason(found))


_ALL = f'<a href="{links.runs_url()}">Show all runs</a>'
EMPTY = f"""<div class="empty" data-testid="no-runs"><p><strong>No runs yet.</strong>
A run takes a model and an observation, and finds every parameter setting that explains it.</p>
<ol><li>Choose a model above and move its sliders, to see what it can do.</li>
<li>Press <em>New run</em> and give it a recording, or take the built-in observation.</li>
<li>Watch it simulate and learn, then explore the posterior here.</li></ol>
<p><a class="button strong" href="{links.first_url()}">A first run in three steps</a></p>
<p class="quiet small">Runs started with <code>posterior-lab run</code> in this folder appear here too.</p>
</div>"""


def _active_row(row: RunRow, progress: pn.pane.HTML) -> pmui.Column:
    observation = f'<span class="quiet">{escape(row.observation)}</span>'
    name = shell.html(f'<div class="active">{run_rows.name_cell(row)}{observation}</div>')
    return shell.columns(name, progress, widths="minmax(0, 5fr) minmax(0, 6fr)", align="center")


def _set(pane: pn.pane.HTML, markup: str) -> None:
    if pane.object != markup:
        pane.object = markup
