"""The run page: one run while it goes, and its result. ``?id=...&tab=predictions&sel=g_Na:40:52``.

``tab=explore&part=walk`` is a part of the Explore tab, ``pins=g_Na:40,g_K:3`` what is pinned there.

``ref`` is the id of the run that the result is compared with, or "none"; ``guide=yes`` explains what is seen.
"""

from __future__ import annotations

from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import links, rights, shell
from dashboard.explore_address import KEYS
from dashboard.guide import Guide
from dashboard.jobs import get_jobs
from dashboard.notes import Notes, read_notes
from dashboard.references import References
from dashboard.run_overview import RunOverview
from dashboard.views.note_editor import NoteEditor
from dashboard.views.priority_choice import PriorityChoice
from dashboard.views.sharing import SharingChoice
from inference.runs import Run
from inference.turns import priority_of


def page() -> pmui.Page:
    """The page at the current address."""
    query = links.read_query()
    query.check_known(["id", "tab", "sel", "ref", "guide", *KEYS])
    store = rights.store()
    try:
        run = store.get(query.text("id"))
        run.record  # noqa: B018  a damaged run is told here and not in the middle of the page
    except (ValueError, OSError) as error:
        return shell.page("Run", *not_found(str(error)))
    references = None
    if run.request.observation["kind"] not in ("none", "property"):
        references = References(run, store, chosen=query.text("ref"), submit=_submit)
    overview = RunOverview(
        run, view=query.values, on_stop=_stop, on_resume=_submit, references=references,
    )  # fmt: skip
    guide = [Guide(overview)] if query.text("guide") else []
    links.keep_address(lambda: overview.address | ({"guide": "yes"} if guide else {}))
    return shell.page(
        f"Run {run.id}",
        *guide,
        overview,
        *priority(run, overview),
        *notes(run),
        *sharing(run),
        *deletion(run),
        problems=query.problems,
    )


def priority(run: Run, overview: RunOverview) -> list[pn.viewable.Viewable]:
    """The choice of how soon a run is performed, for its owner while it is queued."""
    if overview.state == "done" or not rights.may_change(rights.person(), run):
        return []
    choice = PriorityChoice(priority_of(run.record), lambda new: rights.set_priority(run, new))
    card = shell.card(choice, margin=(20, 0, 0, 0), visible=overview.param.state.rx() == "queued")
    return [card]


def notes(run: Run) -> list[pn.viewable.Viewable]:
    """What is noted on a run; nothing where it is somebody else's who has noted nothing."""
    written, is_mine = read_notes(run.record), rights.may_change(rights.person(), run)
    if not is_mine and written == Notes():
        return []
    editor = NoteEditor(written, (lambda new: rights.annotate(run, new)) if is_mine else None)
    return [shell.card(shell.heading("Notes", level=3), editor, margin=(28, 0, 0, 0))]


def deletion(run: Run) -> list[Any]:
    """The button that deletes a run, for its owner."""
    if run.owner == rights.EXAMPLE or not rights.may_change(rights.person(), run):
        return []
    line = shell.Line(testid="delete-state", kind="error")

    def delete() -> None:
        try:
            rights.delete(run)
        except (ValueError, OSError) as error:
            line.text = str(error)
        else:
            links.go_to(links.runs_url(deleted=run.id))

    return [shell.button("Delete this run", delete, margin=(20, 0, 0, 0)), line]


def sharing(run: Run) -> list[SharingChoice]:
    """Whose run it is and who may see it, on a server with users."""
    name = rights.person()
    if name is None or run.owner == rights.EXAMPLE:
        return []
    share = (lambda way: rights.share(run, way)) if rights.may_change(name, run) else None
    return [SharingChoice(run.owner, rights.sharing_of(run), share)]


def not_found(sentence: str) -> list[pn.viewable.Viewable]:
    """One sentence and the way home."""
    words = f'<p class="lead" data-testid="run-error">{escape(sentence)}</p>'
    return [
        shell.html(
            f'<h1>No such run</h1>{words}<p><a class="button" href="{links.home_url()}">All runs</a></p>'
        )
    ]


def _stop(run: Run) -> None:
    rights.check_change(run)
    get_jobs().stop(run)


def _submit(run: Run) -> None:
    rights.check_change(run)
    get_jobs().submit(run)


if pn.state.served:
    shell.serve(page)
