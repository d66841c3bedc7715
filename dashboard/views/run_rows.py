"""What a list shows of a run, as plain values and as markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape

from dashboard import links
from dashboard.notes import read_notes
from dashboard.run_title import model_title
from dashboard.words import method_name
from inference.runs import ACTIVE, Run
from inference.turns import priority_of

SIGNS = {
    "queued": "○",
    "running": "●",
    "stopping": "◐",
    "stopped": "■",
    "failed": "▲",
    "lost": "▲",
    "done": "✓",
}
LONGEST_REMARK = 140  # characters of a note in a list
VERDICTS = {"good": "✓ good", "caution": "! caution", "bad": "✕ bad"}  # a sign too: colour is not all
_STAGES = {
    "simulate": "simulating",
    "train": "training",
    "sample": "sampling",
    "predict": "predicting",
    "diagnose": "checking",
}
_OBSERVATIONS = {
    "property": "an emergent property",
    "default": "built-in observation",
    "none": "none (amortised)",
    "hidden": "simulation with hidden parameters",
}


@dataclass(frozen=True)
class RunRow:
    """One run in a list.

    Attributes:
        fraction: of the current stage, 0 to 1; None when there is no progress to show.
        note: what it is doing, or the sentence about its state.
        level: of the verdict on its result: "good", "caution" or "bad"; empty while that is unknown.
        reason: of the verdict, and what to do next.
        remark: what its owner has noted.
        tags: of its owner.
    """

    id: str
    model: str
    method: str
    observation: str
    state: str
    created: datetime
    fraction: float | None = None
    note: str = ""
    level: str = ""
    reason: str = ""
    remark: str = ""
    tags: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """Whether it is still going to change by itself."""
        return self.state in ACTIVE


def overview(run: Run) -> RunRow:
    """The row of a run, read from its folder."""
    request, notes = run.request, read_notes(run.record)
    kind = request.observation["kind"]
    kind = "hidden" if request.observation.get("hidden") is not None else kind
    observation = str(request.observation.get("label") or _OBSERVATIONS.get(kind, kind))
    method = method_name(request.method)
    row = RunRow(
        run.id, request.simulator, method, observation, run.state, run.created, note=run.message,
        remark=notes.note, tags=notes.tags,
    )  # fmt: skip
    if row.state == "queued":
        row = replace(row, note=f"{priority_of(run.record)} priority")
    event = run.latest() if row.is_active else None
    if event is None:
        return row
    done, total = int(event["done"]), max(int(event["total"]), 1)
    doing = f"{_STAGES.get(event['stage'], event['stage'])}, {done} of {total}"
    return replace(row, fraction=min(1.0, done / total), note=row.note or doing)


def table(rows: Iterable[RunRow]) -> str:
    """Markup of a table of runs; each row leads to its run."""
    names = ("run", "observation", "state", "verdict", "asked for")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = list(rows)
    body = "".join(_row(row) for row in rows)
    compare = "" if sum(row.state == "done" for row in rows) < 2 else _COMPARE
    return (
        f'<form action="{links.COMPARE}"><table class="runs"><thead><tr><th scope="col"></th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table>{compare}</form>"
    )


def name_cell(row: RunRow) -> str:
    """Markup of the link to a run: its model, and its method and id in small."""
    run_id = escape(row.id)
    title = escape(model_title(row.model))
    anchor = f'<a class="plain" href="{links.run_url(row.id)}" data-testid="run-{run_id}">{title}</a>'
    return f'{anchor}<small class="quiet">{escape(row.method)} {run_id}</small>{remark(row)}'


def remark(row: RunRow) -> str:
    """Markup of what its owner has written on a run: the tags as links to all that have them, the note."""
    tags = "".join(map(tag, row.tags))
    short = row.remark if len(row.remark) <= LONGEST_REMARK else f"{row.remark[:LONGEST_REMARK]} …"
    if not tags and not short:
        return ""
    words = f'<span class="small quiet">{escape(short)}</span>'
    return f'<span class="remark" data-testid="remark">{tags}{words}</span>'


def tag(name: str) -> str:
    """Markup of a tag: a link to all runs that have it."""
    return f'<a class="tag" href="{escape(links.runs_url(f"tag:{name}"))}">{escape(name)}</a>'


def progress_cell(row: RunRow) -> str:
    """Markup of how far a run is: state, bar, words."""
    note = f'<span class="quiet small">{escape(row.note)}</span>'
    bar = ""
    if row.fraction is not None:
        percent = round(100 * row.fraction)
        bar = f'<progress max="100" value="{percent}" aria-label="progress of this stage"></progress>'
    return f'<div class="progress">{chip(row.state)}{bar}{note}</div>'


def chip(state: str) -> str:
    """Markup of a state: a sign and the word, so that colour is not all."""
    return f'<span class="chip {state}" data-testid="state">{SIGNS[state]} {state}</span>'


def moment(when: datetime) -> str:
    """Markup of a time, in the server's time zone."""
    local = when.astimezone()
    return f'<time datetime="{when.isoformat()}">{local.day} {local:%b %Y, %H:%M}</time>'


_COMPARE = """<p class="below"><button class="button" type="submit">Compare the ticked runs</button></p>"""


def verdict_cell(level: str, reason: str) -> str:
    """Markup of a verdict: its level as a chip, its reason and what to do next."""
    chip = f'<span class="chip {level}" data-testid="verdict">{VERDICTS[level]}</span>'
    return f'{chip} <span class="small quiet reason">{escape(reason)}</span>'


def _row(row: RunRow) -> str:
    tick = ""
    if row.state == "done":
        words = f"compare {row.id}"
        tick = f'<input type="checkbox" name="runs" value="{escape(row.id)}" aria-label="{escape(words)}">'
    note = f'<span class="small">{escape("" if row.state == "done" else row.note)}</span>'
    if row.level:
        note = verdict_cell(row.level, row.reason)
    cells = (tick, name_cell(row), escape(row.observation), chip(row.state), note, moment(row.created))
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
