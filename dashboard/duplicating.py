"""A new run like another one: everything that it was asked, filled in, to be changed. ``infer?from=RUN``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboard.links import Query
from dashboard.views.plan import Plan, Sources
from inference.observations import files_of, within
from inference.requests import Request
from inference.runs import Run, RunStore
from inference.settings import make_config, make_settings
from simulators import Simulator
from simulators.recordings import kind_of
from simulators.registry import unknown_name


def source_of(query: Query, store: RunStore) -> Run | None:
    """The run that an address names; None, and a sentence, where there is none for this person."""
    run_id = query.text("from")
    try:
        run = store.get(run_id) if run_id else None
        if run is not None:
            within(run.request.observation, run.folder)
    except (ValueError, OSError) as error:
        query.problems.append(str(error))
        return None
    return run


def recordings_of(run: Run) -> dict[str, Path]:
    """Short names, for an address, of the recordings in a run folder: name -> path."""
    observation = within(run.request.observation, run.folder)
    return {f"run.{k}": Path(file) for k, file in enumerate(files_of(observation), 1) if Path(file).is_file()}


def plan_of(run: Run, simulators: Mapping[str, Simulator], problems: list[str]) -> Plan | None:
    """What a run was asked, as a plan; None, and a sentence, where that cannot be asked here."""
    request = run.request
    try:
        if request.simulator not in simulators:
            raise ValueError(unknown_name("model", request.simulator, simulators))
        config = make_config(request.method, request.config)
        observed = _observed(simulators[request.simulator], request, run.folder, problems)
    except ValueError as error:
        problems.append(f"{error} The defaults are shown.")
        return None
    return Plan(
        simulators, model=request.simulator, method=request.method, config=config,
        settings=dict(request.config), seed=request.seed, **observed,
    )  # fmt: skip


def told(run: Run | None, plan: Plan) -> dict[str, object]:
    """What the address says of the run while the plan has a recording of it."""
    is_used = run is not None and any(file.is_relative_to(run.folder) for file in plan.files)
    return {"from": run.id} if run is not None and is_used else {}


def _observed(simulator: Simulator, request: Request, folder: Path, problems: list[str]) -> dict[str, Any]:
    """The choices of a `Plan` that are about the observation; a sentence where its recording is gone."""
    observation = within(request.observation, folder)
    kind, extra = observation["kind"], observation.get("extra") or ()
    if observation.get("hidden") is not None:
        problems.append("The built-in observation is shown, not the one with hidden parameters of that run.")
    if kind == "property":
        mean, sd = observation["mean"], observation["sd"]
        return {"kind": kind, "targets": {name: (float(mean[name]), float(sd[name])) for name in mean}}
    if kind != "recording":
        if not isinstance(extra, Mapping):
            return {"kind": kind}
        is_diverse = bool(extra.get("is_diverse", True))
        return {"kind": kind, "num_simulated": int(extra["num"]), "is_diverse": is_diverse}
    files = [Path(file) for file in files_of(observation)]
    missing = next((file.name for file in files if not file.is_file()), None)
    if missing is not None:
        words = f"The recording '{missing}' of run {folder.name} is not there"
        problems.append(f"{words}; the model's built-in observation is shown.")
        return {"kind": "default"}
    found: dict[str, Any] = {"kind": kind, "file": files[0]}
    if not simulator.prior.shared:
        return {**found, "sweep": observation.get("sweep")}
    reader = kind_of(simulator).options
    if reader is not None:
        found["options"] = make_settings(reader, observation.get("options") or {}, of="reading")
    return {**found, "others": files[1:], "sources": _sources(observation)}


def _sources(observation: Mapping[str, Any]) -> Sources:
    """Files and sweeps, that of x_0 first."""
    named = (observation, *(observation.get("extra") or ()))
    return [(str(one["file"]), one.get("sweep")) for one in named]
