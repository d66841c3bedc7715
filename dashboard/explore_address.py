"""What the address of a run says of its Explore tab: ``part=pin&pins=g_Na:40,g_K:3.5``, or ``pins=none``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dashboard.links import read_number
from dashboard.views.draws import PosteriorDraws
from simulators.registry import unknown_name

NONE = "none"
KEYS = ("part", "pins")

Pins = Mapping[int, float]


@dataclass(frozen=True)
class Start:
    """What of the tab a link opens.

    Attributes:
        part: empty: the first.
        pinned: parameter number -> value; None: as it comes.
        pins_text: the same as in the address.
    """

    part: str = ""
    pinned: Pins | None = None
    pins_text: str = ""


def read_start(
    view: Mapping[str, str], parts: Iterable[str], draws: PosteriorDraws
) -> tuple[Start, list[str]]:
    """What an address asks for, and one sentence for each part of it that cannot be."""
    problems, part, names = [], view.get("part", ""), list(parts)
    if part and part not in names:
        problems.append(unknown_name("part", part, names))
        part = ""
    text = view.get("pins", "")
    pinned, wrong = read_pins(text, draws)
    return Start(part, pinned, "" if pinned is None else text), problems + wrong


def read_pins(text: str, draws: PosteriorDraws) -> tuple[Pins | None, list[str]]:
    """The pins in a link, and a sentence for each that is none; None where the link says nothing."""
    if text in ("", NONE):
        return (MappingProxyType({}) if text else None), []
    pins: dict[int, float] = {}
    problems = []
    for written in filter(None, text.split(",")):
        name, _, number = written.rpartition(":")
        problem = _problem(name, read_number(number), draws)
        if problem:
            problems.append(f"{problem} It is not pinned.")
        else:
            pins[draws.names.index(name)] = read_number(number)
    if len(pins) >= draws.dim:
        return None, [*problems, f"All {draws.dim} parameters are pinned; leave one free."]
    return (pins or None), problems


def write_pins(pinned: Pins, draws: PosteriorDraws) -> str:
    """The pins as the text of a link."""
    return ",".join(f"{draws.names[k]}:{value:.5g}" for k, value in sorted(pinned.items())) or NONE


def _problem(name: str, value: float, draws: PosteriorDraws) -> str:
    if not name or math.isnan(value):
        written = "A pin is written name:value, for instance"
        return f"{written} {draws.names[0]}:{draws.values[0, 0]:.3g}; got '{name}'."
    if name not in draws.names:
        return unknown_name("parameter", name, list(draws.names))
    low, high = (float(end[draws.names.index(name)]) for end in (draws.low, draws.high))
    if not low <= value <= high:
        return f"{name} = {value:g} is outside the prior, {low:.4g} to {high:.4g}."
    return ""
