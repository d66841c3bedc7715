"""What the address of a new run says of an emergent property.

observation=property&mean.frequency=1&sd.frequency=0.1      or method=epi alone, to be asked for targets
"""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.emergent import why_none
from dashboard.links import Query
from inference.settings import find_method
from simulators import Simulator
from simulators.registry import unknown_name

WORD = "property"
MEAN, SD = "mean.", "sd."
SMALLEST, LARGEST = 1e-30, 1e30

Targets = dict[str, tuple[float, float] | None]


def is_wanted(query: Query, simulator: Simulator, method: str) -> bool:
    """Whether an address asks for a property; a sentence where the model has none to ask for."""
    is_asked = query.text("observation") == WORD or find_method(method).goal == WORD
    problem = why_none(simulator) if is_asked else ""
    if problem:
        query.problems.append(f"{problem} Its built-in observation is shown.")
    return is_asked and not problem


def read_targets(query: Query, simulator: Simulator) -> Targets:
    """Name -> (mean, sd) of the statistics that an address names; sentences for what is wrong."""
    found: Targets = {}
    for key in query.values:
        name = key.removeprefix(MEAN)
        if name == key:
            continue
        if name not in simulator.feature_names:
            query.problems.append(unknown_name("statistic", name, list(simulator.feature_names)))
            continue
        mean = query.number(key, 0.0, low=-LARGEST, high=LARGEST)
        found[name] = (mean, query.number(f"{SD}{name}", 1.0, low=SMALLEST, high=LARGEST))
    return found


def told(targets: Mapping[str, tuple[float, float] | None]) -> dict[str, object]:
    """What the address should say of targets."""
    known = {name: pair for name, pair in targets.items() if pair is not None}
    means: dict[str, object] = {f"{MEAN}{name}": f"{mean:.6g}" for name, (mean, _) in known.items()}
    return means | {f"{SD}{name}": f"{sd:.6g}" for name, (_, sd) in known.items()}


def is_ours(key: str) -> bool:
    """Whether a key of the address is about a property, and no setting of a method."""
    return key.startswith((MEAN, SD))
