"""The page of a new run: model, observation, method. ``?model=hodgkin_huxley&observation=cell.nc&seed=1``.

In the address an observation is "none", the file name of a recording on the server, or left out (built-in);
`dashboard/set_address.py` says how several are told; every other key is a setting of the method. An uploaded
file is nobody else's, so it is never in an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import links, observations, set_address, settings, shell
from dashboard.jobs import get_jobs
from dashboard.views.extra_choice import ExtraChoice
from dashboard.views.extras_preview import ExtrasPreview
from dashboard.views.launch import Launch
from dashboard.views.method_choice import LARGEST_SEED, MethodChoice
from dashboard.views.model_choice import ModelChoice
from dashboard.views.observation_choice import ObservationChoice
from dashboard.views.observation_preview import ObservationPreview
from dashboard.views.plan import Plan
from dashboard.views.recording_set import RecordingSet
from inference.methods import METHODS
from inference.methods.base import Method
from inference.requests import Request
from inference.runs import RunStore
from inference.settings import make_config
from simulators import Simulator, all_simulators

LEAD = "What should be explained, by which model, and how much computing may it take?"
NOT_SETTINGS = ("model", "observation", "sweep", "method", "seed")


def page() -> pmui.Page:
    """The page at the current address."""
    query, simulators = links.read_query(), all_simulators()
    kinds = observations.kinds_of(simulators.values())
    offered = observations.offered(settings.data_folders(), kinds)
    plan = from_query(query, simulators, offered)
    steps = pmui.Column(
        _step(1, "Model", ModelChoice(plan)),
        _step(
            2,
            "Observation",
            ObservationChoice(plan, offered, limit=settings.upload_limit()),
            RecordingSet(plan, offered, limit=settings.upload_limit()),
            ExtraChoice(plan),
            ExtrasPreview(plan),
            ObservationPreview(plan),
        ),
        _step(3, "Method", MethodChoice(plan, offered_methods())),
        sizing_mode="stretch_width",
        margin=0,
    )
    links.keep_address(lambda: choices(plan, offered))
    launch = shell.card(shell.heading("Your run", level=3), Launch(plan, submit))
    return shell.page(
        "New run",
        shell.heading("New run", lead=LEAD),
        shell.columns(steps, launch, widths="minmax(0, 1fr) minmax(260px, 320px)"),
        active="infer",
        problems=query.problems,
        extensions=("filedropper",),
    )


def offered_methods() -> dict[str, Method]:
    """The methods that explain an observation; there is no form of an emergent property."""
    return {name: method for name, method in METHODS.items() if method.goal == "observation"}


def from_query(query: links.Query, simulators: Mapping[str, Simulator], offered: Mapping[str, Path]) -> Plan:
    """The plan that an address describes."""
    model = query.choice("model", simulators, "hodgkin_huxley")
    files = set_address.read_files(query, offered)
    if files and simulators[model].drive is None:
        query.problems.append(f"The model '{model}' takes no recordings; its built-in observation is shown.")
        files = []
    is_none = query.text("observation") == "none"
    sweep = query.integer("sweep", -1, low=0, high=10**6)
    method = query.choice("method", offered_methods(), "snpe")
    config = config_from(query, method)
    return Plan(
        simulators,
        model=model,
        kind="recording" if files else "none" if is_none else "default",
        file=files[0] if files else None,
        sweep=None if sweep < 0 else sweep,
        method=method,
        config=config,
        seed=query.integer("seed", 0, low=0, high=LARGEST_SEED),
        **set_address.read_choices(query, simulators[model], files),
    )


def config_from(query: links.Query, method: str) -> Any:
    """The method's config with the settings of the address; the defaults and a sentence if they are wrong."""
    about_method = (key for key in query.values if key not in NOT_SETTINGS and not set_address.is_ours(key))
    asked = {key: query.values[key] for key in about_method}
    try:
        return make_config(method, asked)
    except ValueError as error:
        query.problems.append(f"{error} The defaults are shown.")
        return make_config(method, {})


def choices(plan: Plan, offered: Mapping[str, Path]) -> dict[str, object]:
    """What the address says: the model, and whatever differs from the defaults."""
    names = {path: name for name, path in offered.items()}
    known = ",".join(names[path] for path in plan.files if path in names)
    observation = {"default": "", "none": "none", "recording": known}[plan.kind]
    sweep = plan.sweep if known and plan.sweep is not None else ""
    several = set_address.told(plan) if known or plan.kind != "recording" else {}
    first = {"model": plan.model, "observation": observation, "sweep": sweep, **several}
    method = "" if plan.method == "snpe" else plan.method
    return {**first, "method": method, "seed": plan.seed or "", **plan.settings}


def submit(request: Request) -> None:
    """Queue a run, and go and watch it."""
    run = RunStore(settings.root()).create(request)
    get_jobs().submit(run)
    links.go_to(links.run_url(run.id))


def _step(number: int, name: str, *content: Any) -> pmui.Paper:
    head = shell.html(f'<div class="step"><i aria-hidden="true">{number}</i><h2>{name}</h2></div>')
    return shell.card(head, *content)


if pn.state.served:
    shell.serve(page)
