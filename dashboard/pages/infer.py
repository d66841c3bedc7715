"""The page of a new run: model, observation, method. ``?model=hodgkin_huxley&observation=cell.nc&seed=1``.

In the address an observation is "none", the file name of a recording on the server, or left out (built-in);
`dashboard/set_address.py` says how several are told, `dashboard/property_address.py` how an emergent property
is; ``from=RUN`` alone fills in everything of a run, beside other keys it offers the run's recordings; every
other key is a setting of the method. An uploaded file is nobody else's, so never in an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import duplicating, links, observations, property_address, rights, set_address, settings, shell
from dashboard.jobs import get_jobs
from dashboard.property_form import PropertyChoice
from dashboard.views.extra_choice import ExtraChoice
from dashboard.views.extras_preview import ExtrasPreview
from dashboard.views.launch import Launch
from dashboard.views.method_choice import LARGEST_SEED, MethodChoice
from dashboard.views.model_choice import ModelChoice
from dashboard.views.observation_choice import ObservationChoice
from dashboard.views.observation_preview import ObservationPreview
from dashboard.views.plan import USUAL, Plan, fitting_method, goal_of
from dashboard.views.recording_set import RecordingSet
from inference.methods import METHODS
from inference.requests import Request
from inference.runs import Run
from inference.settings import make_config
from inference.turns import NORMAL, PRIORITIES
from simulators import Simulator, all_simulators

LEAD = "What should be explained, by which model, and how much computing may it take?"
NOT_SETTINGS = ("from", "model", "observation", "sweep", "method", "seed", "priority")


def page() -> pmui.Page:
    """The page at the current address."""
    query, simulators = links.read_query(), all_simulators()
    kinds = observations.kinds_of(simulators.values())
    offered = observations.offered(settings.data_folders(), kinds)
    source = duplicating.source_of(query, rights.store())
    if source is not None:
        offered = {**offered, **duplicating.recordings_of(source)}
    plan = started(query, simulators, offered, source)
    steps = pmui.Column(
        shell.step(1, "Model", ModelChoice(plan)),
        shell.step(
            2,
            "Observation",
            ObservationChoice(plan, offered, limit=settings.upload_limit()),
            PropertyChoice(plan),
            RecordingSet(plan, offered, limit=settings.upload_limit()),
            ExtraChoice(plan),
            ExtrasPreview(plan),
            ObservationPreview(plan),
        ),
        shell.step(3, "Method", MethodChoice(plan, METHODS)),
        sizing_mode="stretch_width",
        margin=0,
    )
    links.keep_address(lambda: choices(plan, offered) | duplicating.told(source, plan))
    launch = shell.card(
        shell.heading("Your run", level=3),
        Launch(plan, lambda request: submit(request, plan.priority)),
        styles={"position": "sticky", "top": "16px"},  # beside long steps the estimate and Run stay in view
    )
    return shell.page(
        "New run",
        shell.heading("New run", lead=LEAD),
        shell.columns(steps, launch, widths="minmax(0, 1fr) minmax(260px, 320px)"),
        active="infer",
        problems=query.problems,
        extensions=("filedropper",),
    )


def started(
    query: links.Query, simulators: Mapping[str, Simulator], offered: Mapping[str, Path], source: Run | None
) -> Plan:
    """The plan that an address describes: that of a run, where it says no more than which."""
    if source is not None and "model" not in query.values:
        plan = duplicating.plan_of(source, simulators, query.problems)
        if plan is not None:
            return plan
    return from_query(query, simulators, offered)


def from_query(query: links.Query, simulators: Mapping[str, Simulator], offered: Mapping[str, Path]) -> Plan:
    """The plan that an address describes."""
    model = query.choice("model", simulators, "hodgkin_huxley")
    files = set_address.read_files(query, offered) if query.text("observation") != "property" else []
    if files and simulators[model].drive is None:
        query.problems.append(f"The model '{model}' takes no recordings; its built-in observation is shown.")
        files = []
    sweep = query.integer("sweep", -1, low=0, high=10**6)
    method = query.choice("method", METHODS, "snpe")
    kind = "recording" if files else "none" if query.text("observation") == "none" else "default"
    kind = "property" if property_address.is_wanted(query, simulators[model], method) else kind
    method = fitting_method(kind, method)
    config = config_from(query, method)
    return Plan(
        simulators,
        model=model,
        kind=kind,
        targets=property_address.read_targets(query, simulators[model]) if kind == "property" else {},
        file=files[0] if files else None,
        sweep=None if sweep < 0 else sweep,
        method=method,
        config=config,
        seed=query.integer("seed", 0, low=0, high=LARGEST_SEED),
        priority=query.choice("priority", PRIORITIES, NORMAL),
        **set_address.read_choices(query, simulators[model], files),
    )


def config_from(query: links.Query, method: str) -> Any:
    """The method's config with the settings of the address; the defaults and a sentence if they are wrong."""
    about_method = (key for key in query.values if _is_setting(key))
    asked = {key: query.values[key] for key in about_method}
    try:
        return make_config(method, asked)
    except ValueError as error:
        query.problems.append(f"{error} The defaults are shown.")
        return make_config(method, {})


def _is_setting(key: str) -> bool:
    return not (key in NOT_SETTINGS or set_address.is_ours(key) or property_address.is_ours(key))


def choices(plan: Plan, offered: Mapping[str, Path]) -> dict[str, object]:
    """What the address says: the model, and whatever differs from the defaults."""
    names = {path: name for name, path in offered.items()}
    known = ",".join(names[path] for path in plan.files if path in names)
    observation = {"default": "", "none": "none", "recording": known, "property": "property"}[plan.kind]
    sweep = plan.sweep if known and plan.sweep is not None else ""
    several = set_address.told(plan) if known or plan.kind != "recording" else {}
    wanted = property_address.told(plan.targets) if plan.kind == "property" else {}
    first = {"model": plan.model, "observation": observation, "sweep": sweep, **several, **wanted}
    method = "" if plan.method == USUAL[goal_of(plan.kind)] else plan.method
    priority = "" if plan.priority == NORMAL else plan.priority
    return {**first, "method": method, "seed": plan.seed or "", "priority": priority, **plan.settings}


def submit(request: Request, priority: str = NORMAL) -> None:
    """Queue a run, and go and watch it."""
    run = rights.store().create(request)
    if priority != NORMAL:
        rights.set_priority(run, priority)
    get_jobs().submit(run)
    links.go_to(links.run_url(run.id))


if pn.state.served:
    shell.serve(page)
