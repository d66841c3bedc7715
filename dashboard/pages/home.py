"""The home page: the models on offer, and the runs. ``?runs=all`` lists every run, ``?find=tag:good`` some.

``?deleted=ID`` offers to bring a run back that was deleted a moment ago, ``?bring=yes`` takes one from
elsewhere: apart, because a box for files makes the page slower. ``?trash=yes`` lists what was deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import links, rights, settings, shell
from dashboard.views.bring_in import BringIn
from dashboard.views.gallery import Gallery
from dashboard.views.run_list import LONGEST_FIND, RunList
from dashboard.views.trash_list import Deeds, TrashList
from dashboard.views.undo import Undo
from inference.runs import Run
from simulators import all_simulators

MOST_EXAMPLES = 3  # more runs are not only those that ship with the program
LEAD = (
    "Choose a mechanistic model, give it a recording, and find every parameter setting that explains it, "
    "with a measure of how far to trust the answer."
)

FIRST = (
    '<div class="between"><div><h2 class="tight">New here?</h2><p>A first posterior in three steps: '
    "about a minute, and nothing to prepare.</p></div>"
    f'<a class="button strong" data-testid="first" href="{links.first_url()}">Begin</a></div>'
)
BRING = f'<a class="button" href="{links.runs_url(bring="yes")}">Bring in a run from elsewhere</a>'
TRASH = f'<a class="button" href="{links.runs_url(trash="yes")}">Deleted runs</a>'


def page() -> pmui.Page:
    """The page at the current address."""
    query = links.read_query()
    is_all = query.choice("runs", ("all", "newest"), "newest") == "all"
    query.check_known(["runs", "find", "deleted", "bring", "trash"])
    runs = RunList(rights.store(), is_all=is_all, find=query.text("find")[:LONGEST_FIND])
    undo = [Undo(f"Run {run_id} was deleted.", _restorer(run_id, runs)) for run_id in _deleted(query)]
    bring = [BringIn(rights.bringing, _watch, limit=settings.upload_limit())] if query.text("bring") else []
    links.keep_address(
        lambda: {
            "runs": "all" if is_all else "",
            "find": runs.find,
            "bring": "yes" if bring else "",
            "trash": "yes" if query.text("trash") else "",
            "deleted": query.text("deleted") if undo and undo[0].is_open else "",
        }
    )
    return shell.page(
        "Models and runs",
        *bring,
        *undo,  # above all, where it is seen
        *([shell.card(shell.html(FIRST))] if is_new_here(runs) else []),
        *(deleted(runs) if query.text("trash") else []),
        shell.heading("Models", lead=LEAD),
        Gallery(all_simulators()),
        shell.heading("Runs", level=2),
        shell.card(runs, margin=(12, 0, 0, 0)),
        shell.html(_ways_on(query), margin=(16, 0, 0, 0)),
        active="home",
        problems=query.problems,
        extensions=("filedropper",) if bring else (),
    )


def is_new_here(runs: RunList) -> bool:
    """Whether the current person sees no runs but those that ship with the program."""
    shown = [row.id for row in runs.rows]
    store = rights.store()
    return len(shown) <= MOST_EXAMPLES and all(store.get(name).owner == rights.EXAMPLE for name in shown)


def deleted(runs: RunList) -> list[Any]:
    """What the current person has deleted."""
    deeds = Deeds(rights.my_deleted_runs, rights.restore, rights.remove)
    listed = TrashList(deeds, runs.refresh)
    return [shell.heading("Deleted runs", level=2), shell.card(listed, margin=(12, 0, 28, 0))]


def _ways_on(query: links.Query) -> str:
    """Links to what this page can show besides, and does not."""
    ways = (("bring", BRING), ("trash", TRASH))
    return " ".join(link for key, link in ways if not query.text(key))


def _watch(run: Run) -> None:
    links.go_to(links.run_url(run.id))


def _deleted(query: links.Query) -> list[str]:
    """The run that was deleted a moment ago, if it is still in the trash."""
    run_id = query.text("deleted")
    try:
        return [rights.deleted_runs().get(run_id).id] if run_id else []
    except ValueError:
        return []  # brought back, or gone for good


def _restorer(run_id: str, runs: RunList) -> Callable[[], str]:
    def restore() -> str:
        run = rights.restore(run_id)
        runs.refresh()
        return f"Run {run.id} is back."

    return restore


if pn.state.served:
    shell.serve(page)
