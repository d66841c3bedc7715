"""The home page: the models on offer, and the runs. ``?runs=all`` lists every run."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from dashboard import links, rights, shell
from dashboard.views.gallery import Gallery
from dashboard.views.run_list import RunList
from simulators import all_simulators

LEAD = (
    "Choose a mechanistic model, give it a recording, and find every parameter setting that explains it, "
    "with a measure of how far to trust the answer."
)


def page() -> pmui.Page:
    """The page at the current address."""
    query = links.read_query()
    is_all = query.choice("runs", ("all", "newest"), "newest") == "all"
    query.check_known(["runs"])
    links.show_in_address({"runs": "all" if is_all else ""})
    return shell.page(
        "Models and runs",
        shell.heading("Models", lead=LEAD),
        Gallery(all_simulators()),
        shell.heading("Runs", level=2),
        shell.card(RunList(rights.store(), is_all=is_all), margin=(12, 0, 0, 0)),
        active="home",
        problems=query.problems,
    )


if pn.state.served:
    shell.serve(page)
