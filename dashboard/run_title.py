"""What a run is called: its model, and what it was asked to explain."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.emergent import property_words
from dashboard.words import count
from inference.goals import EmergentProperty
from inference.observations import count_extra
from inference.runs import Run
from simulators import get_simulator


def title_of(run: Run) -> str:
    """The model and what it was asked to explain, in words."""
    request = run.request
    kind = request.observation["kind"]
    known = {"default": "its built-in observation", "none": "no observation (amortised)"}
    if request.observation.get("hidden") is not None:
        known["default"] = "a simulation with hidden parameters"
    label = known.get(kind) or request.observation.get("label", "a recording")
    if kind == "property":
        wanted = request.observation["mean"], request.observation["sd"]
        label = property_words(EmergentProperty(*wanted), _units(request.simulator))
    if num := count_extra(request.observation):
        label = f"{label} and {count(num, 'other')}"
    return f"{model_title(request.simulator)} {'with' if kind == 'property' else 'on'} {label}"


def _units(name: str) -> Mapping[str, str]:
    try:
        return get_simulator(name).feature_units
    except ValueError:
        return {}


def model_title(name: str) -> str:
    """What a model is called on all pages; its name where it has no title, or is not known here."""
    try:
        return get_simulator(name).title or name
    except ValueError:
        return name  # of a simulator that this server does not have
