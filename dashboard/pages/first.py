"""The guide through a first run. ``?model=autapse&explain=shipped&seed=3``."""

from __future__ import annotations

import secrets

import panel as pn
import panel_material_ui as pmui

from dashboard import links, rights, shell
from dashboard.jobs import get_jobs
from dashboard.views.first_steps import EXPLAIN, TEACH, FirstSteps
from dashboard.views.method_choice import LARGEST_SEED
from inference.requests import Request
from simulators import all_simulators

LEAD = "Three steps, and nothing to prepare. You will end with a posterior and know how to read it."


def page() -> pmui.Page:
    """The page at the current address."""
    query = links.read_query()
    query.check_known(["model", "explain", "seed"])
    model = query.choice("model", TEACH, "two_moons")
    explained = query.choice("explain", EXPLAIN, "hidden")
    seed = query.integer("seed", secrets.randbelow(1000), low=0, high=LARGEST_SEED)
    steps = FirstSteps(all_simulators(), submit, seed=seed, model=model, explained=explained)
    links.keep_address(lambda: {"model": steps.model, "explain": steps.explained, "seed": seed})
    return shell.page("First run", shell.heading("A first run", lead=LEAD), steps, problems=query.problems)


def submit(request: Request) -> None:
    """Queue the run, and go and watch it with the guide."""
    run = rights.store().create(request)
    get_jobs().submit(run)
    links.go_to(links.run_url(run.id, guide="yes"))


if pn.state.served:
    shell.serve(page)
