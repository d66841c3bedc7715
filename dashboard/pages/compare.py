"""The page that compares runs of one model. ``?runs=20261126-...-1a2b,20261126-...-3c4d``."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from dashboard import links, rights, shell
from dashboard.run_choice import RunChoice, read_runs

LEAD = (
    "How far apart are the answers of different methods, settings or seeds, in what, and what did each of "
    "them cost?"
)


def page() -> pmui.Page:
    """The page at the current address."""
    query = links.read_query()
    query.check_known(["runs"])
    store = rights.store()
    runs, problems = read_runs(store, links.read_list("runs"))
    choice = RunChoice(store, runs)
    links.keep_address(lambda: {"runs": ",".join(choice.chosen)})
    return shell.page(
        "Compare runs",
        shell.heading("Compare runs", lead=LEAD),
        choice,
        active="compare",
        problems=[*query.problems, *problems],
    )


if pn.state.served:
    shell.serve(page)
