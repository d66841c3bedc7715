"""What the address of a new run says of several observations that share parameters.

observation=a.fif,b.fif&first=0&extras=3,4&read.channel=Oz     or extras=all, extras=none
extras=9&alike=yes                                             beside the built-in observation
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dashboard.links import Query
from dashboard.views.plan import Plan
from inference.settings import changes, make_settings
from simulators import Simulator
from simulators.recordings import kind_of
from simulators.registry import unknown_name

KEYS = ("first", "extras", "alike")
READ = "read."
MOST = 200
ALL, NONE = "all", "none"


def read_files(query: Query, offered: Mapping[str, Path]) -> list[Path]:
    """The recordings that an address names, in order; a sentence for each that is not on the server."""
    names = [name for name in query.text("observation").split(",") if name not in ("", NONE)]
    for name in names:
        if name not in offered:
            query.problems.append(unknown_name("recording on this server", name, [*offered, NONE]))
    return [offered[name] for name in names if name in offered]


def read_choices(query: Query, simulator: Simulator, files: list[Path]) -> dict[str, Any]:
    """What of a ``Plan`` an address says of several observations; nothing for a model that shares nothing."""
    if not simulator.prior.shared:
        return {}
    found: dict[str, Any] = {"others": files[1:], "options": _options(query, simulator)}
    if not files:
        num = query.integer("extras", Plan.param["num_simulated"].default, low=0, high=MOST)
        return {**found, "num_simulated": num, "is_diverse": not query.text("alike")}
    first = query.integer("first", -1, low=-1, high=10**6)
    return {**found, "first": None if first < 0 else first, "ticked": _ticked(query)}


def told(plan: Plan) -> dict[str, object]:
    """What the address should say of a plan."""
    if not plan.shares:
        return {}
    if plan.kind != "recording":
        is_usual = plan.num_simulated == Plan.param["num_simulated"].default
        extras = plan.num_simulated if plan.uses_extras and not is_usual else ""
        return {"extras": extras, "alike": "" if plan.is_diverse or not plan.uses_extras else "yes"}
    read = {} if plan.options is None else changes(plan.options)
    options: dict[str, object] = {f"{READ}{name}": _written(value) for name, value in read.items()}
    others = [k for k in range(len(plan.found.candidates)) if k != plan.first]
    if not plan.found.candidates:
        return options
    extras = ALL if plan.ticked == others else ",".join(map(str, plan.ticked)) or NONE
    return {"first": plan.first, "extras": extras, **options}


def is_ours(key: str) -> bool:
    """Whether a key of the address is about observations, and no setting of a method."""
    return key in KEYS or key.startswith(READ)


def _ticked(query: Query) -> list[int] | None:
    """Which stand beside x_0; None: as it comes."""
    text = query.text("extras")
    if text in ("", ALL):
        return list(range(10**3)) if text else None
    parts = [] if text == NONE else text.split(",")
    if not all(part.strip().isdecimal() for part in parts):
        query.problems.append(
            f"extras = '{text}' is no list of numbers such as 0,3; the first ones are shown."
        )
        return None
    return [int(part) for part in parts]


def _options(query: Query, simulator: Simulator) -> Any:
    """How to read, as the kind of recording wants it; as it comes, and a sentence, if it is wrong."""
    kind = kind_of(simulator).options
    given = {key.removeprefix(READ): value for key, value in query.values.items() if key.startswith(READ)}
    if kind is None:
        if given:
            query.problems.append(f"There are no options of how to read for '{simulator.name}'.")
        return None
    try:
        return make_settings(kind, given, of="reading")
    except ValueError as error:
        query.problems.append(f"{error} The recording is read as usual.")
        return kind()


def _written(value: Any) -> str:
    return (
        ",".join(map(str, value))
        if isinstance(value, list)
        else str(value).lower()
        if value is None
        else str(value)
    )
