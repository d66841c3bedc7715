"""What a new run is to do, as far as it is chosen; the steps of the page share it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import param

from dashboard.background import Latest
from dashboard.candidates import Candidate, Found, Question, look
from dashboard.emergent import why_none
from dashboard.observations import Seen
from inference.goals import EmergentProperty, Observation
from inference.methods.base import Method
from inference.observations import described_property
from inference.requests import Request
from inference.settings import changes, find_method
from inference.turns import NORMAL, PRIORITIES
from simulators import Simulator
from simulators.recordings import kind_of

KINDS = {
    "default": "Built-in observation",
    "recording": "A recording",
    "none": "None: amortised",
    "property": "An emergent property",
}
USUAL = {"observation": "snpe", "property": "epi"}  # method by goal
Sources = Sequence[tuple[str, int | None]]  # files and sweeps of x_0 and of those beside it
MOST_TICKED = 20  # extras before anybody has chosen


class Plan(param.Parameterized):
    """A model, an observation, and what the model sees of it, which is read in the background.

    Of a model whose observations share parameters, several can be chosen: one is x_0, which ``seen`` shows,
    and others stand beside it, for the methods that use them.
    """

    model = param.String(doc="Name of the simulator.")
    kind = param.Selector(default="default", objects=list(KINDS), doc="Which kind of observation.")
    file = param.ClassSelector(class_=Path, doc="The recording, where the kind is a recording.")
    others = param.List(item_type=Path, doc="Further files with observations that share parameters with it.")
    options = param.Parameter(doc="How to read recordings; None where their kind has no options.")
    sweep = param.Integer(default=None, allow_None=True, doc="Which sweep of the file.")
    sweeps = param.List(item_type=int, doc="The sweeps of the file; empty where it holds a single one.")
    found = param.ClassSelector(class_=Found, default=Found(), doc="All observations that are there.")
    first = param.Integer(0, doc="Which of them is x_0.")
    ticked = param.List(item_type=int, doc="Which of them stand beside it.")
    num_simulated = param.Integer(9, bounds=(0, 200), doc="How many are simulated beside the built-in one.")
    is_diverse = param.Boolean(default=True, doc="Whether these have other parameters of their own.")
    targets = param.Dict(
        {}, doc="Of a property: statistic -> (mean, sd), or None where these are no numbers."
    )
    seen = param.ClassSelector(class_=Seen, doc="The observation; None while there is none.")
    problem = param.String(doc="One sentence when the observation cannot be used.")
    is_reading = param.Boolean(default=False, doc="Whether the observation is being read.")
    method = param.String("snpe", doc="Name of the method.")
    config = param.Parameter(doc="The method's config; None while it is not usable.")
    settings = param.Dict({}, doc="What of the config differs from the defaults, as JSON values.")
    priority = param.Selector(default=NORMAL, objects=list(PRIORITIES), doc="How soon the run is performed.")
    seed = param.Integer(0, bounds=(0, 2**32 - 1), doc="Of the run.")

    def __init__(self, simulators: Mapping[str, Simulator], **choices: Any) -> None:
        self.simulators = dict(simulators)
        self._wanted = choices.pop("first", None), choices.pop("ticked", None)
        self._sources: Sources = choices.pop("sources", ())
        super().__init__(**choices)
        self.options = self.options or _options(self.simulator)
        self._latest = Latest(_read, self._show, self._fail)
        self.is_reading = True
        self._read()
        self.param.watch(self._follow_method, "method")

    @property
    def simulator(self) -> Simulator:
        """The chosen model, not yet driven by a recording."""
        return self.simulators[self.model]

    @property
    def shares(self) -> bool:
        """Whether observations of the model share parameters, so that several can be used together."""
        return bool(self.simulator.prior.shared)

    @property
    def uses_extras(self) -> bool:
        """Whether the method uses observations beside x_0, and the model's share something."""
        return (
            self.shares
            and self.kind not in ("none", "property")
            and find_method(self.method).extras_for is not None
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, in order."""
        return () if self.file is None else (self.file, *self.others)

    @property
    def extras(self) -> list[Candidate]:
        """The observations beside x_0, as they are ticked."""
        return [self.found.candidates[k] for k in self.ticked if k != self.first]

    @property
    def is_ready(self) -> bool:
        """Whether the observation is settled."""
        is_known = self.kind == "none" or self.seen is not None or self.emergent_property is not None
        return not self.problem and not self.is_reading and is_known

    @property
    def emergent_property(self) -> EmergentProperty | None:
        """What is wanted of statistics, where that is the kind; None while it is not settled."""
        if self.kind != "property" or not self.targets or None in self.targets.values():
            return None
        mean, sd = ({name: pair[k] for name, pair in self.targets.items()} for k in (0, 1))
        try:
            return EmergentProperty(mean, sd)
        except ValueError:
            return None

    @property
    def missing(self) -> str:
        """What is still to be done before the run can start; empty when nothing is."""
        if self.is_reading:
            return "Reading the observation …"
        if self.kind == "recording" and self.seen is None:
            return "Choose or upload a recording that can be read."
        if self.kind == "property" and self.emergent_property is None:
            return "Tick a statistic, and give it a mean and an sd above zero."
        return "" if self.config is not None else "Mend the settings that are marked."

    def check_extras(self, method: Method, config: Any) -> None:
        """Raise ValueError, in one sentence, if there are more extras than the config learns to use."""
        if self.uses_extras and self.extras and self.seen is not None:
            method.check_extra(config, self._goal())

    @property
    def group_size(self) -> int:
        """How many simulations the method makes for each row that it learns from."""
        method = find_method(self.method)
        if method.extras_for is None or self.config is None or not self.shares:
            return 1
        return 1 + method.extras_for(self.config, self._goal())

    def _goal(self) -> Observation | None:
        if self.seen is None:
            return None
        rows = [one.seen.x for one in self.extras]
        return Observation(self.seen.x, np.stack(rows) if rows else None)

    def request(self) -> Request:
        """What to submit."""
        return Request(self.model, self.method, self.settings, self.observation, self.seed)

    @property
    def observation(self) -> dict[str, Any]:
        """As a request says it."""
        if (wanted := self.emergent_property) is not None:
            return described_property(wanted)
        extras = self.extras if self.uses_extras else []
        if self.kind != "recording" or self.file is None:
            told = {"num": len(extras), "is_diverse": self.is_diverse}
            return {"kind": self.kind} | ({"extra": told} if extras else {})
        label = self.seen.label if self.seen is not None else self.file.name
        if not self.shares or not self.found.candidates:
            return {"kind": "recording", "file": str(self.file), "sweep": self.sweep, "label": label}
        asked = {"kind": "recording", **self.found.candidates[self.first].source, "label": label}
        if self.options is not None and (changed := changes(self.options)):
            asked["options"] = changed
        if extras:
            asked["extra"] = [{**one.source, "name": one.name, "label": one.label} for one in extras]
        return asked

    def choose(self, **choices: Any) -> None:
        """Change what is to be read; what fits no longer is forgotten."""
        if all(getattr(self, name) == value for name, value in choices.items()):
            return
        if "file" in choices:
            choices = {"sweep": None, "sweeps": [], "others": [], **choices}
        simulator = self.simulators[choices.get("model", self.model)]
        if kind_of(simulator) != kind_of(self.simulator):
            nothing = {"file": None, "others": [], "sweep": None, "sweeps": []}
            choices = {**nothing, "options": _options(simulator), **choices}
        if simulator.drive is None and choices.get("kind", self.kind) == "recording":
            choices["kind"] = "default"
        if choices.get("kind", self.kind) == "property" and why_none(simulator):
            choices["kind"] = "default"
        if simulator is not self.simulator:
            choices["targets"] = {}
        choices["method"] = fitting_method(choices.get("kind", self.kind), self.method)
        self.param.update(
            **choices, seen=None, found=Found(), first=0, ticked=[], problem="", is_reading=True
        )
        self._read()

    def use(self, *, first: int | None = None, ticked: list[int] | None = None) -> None:
        """Choose x_0 or those beside it from what was found."""
        num = len(self.found.candidates)
        first = self.first if first is None else first
        ticked = self.ticked if ticked is None else ticked
        if first < num:
            kept = sorted({k for k in ticked if k < num and k != first})
            self.param.update(first=first, ticked=kept, seen=self.found.candidates[first].seen)

    def refuse(self, sentence: str) -> None:
        """Say why an observation cannot be used."""
        self.param.update(seen=None, found=Found(), first=0, ticked=[], problem=sentence, is_reading=False)

    def _follow_method(self, *_: object) -> None:
        """Simulate what stands beside the built-in observation, if the method uses it."""
        if self.shares and self.kind == "default" and not self.problem:
            self.is_reading = True
            self._read()

    def _read(self) -> None:
        if self.kind in ("none", "property") or (self.kind == "recording" and self.file is None):
            self.is_reading = False
        else:
            self._latest.ask(self._question())

    def _show(self, answer: tuple[Question, Found]) -> None:
        question, found = answer
        if question != self._question():
            return
        num = len(found.candidates)
        first, ticked = _places(self._sources, found) if self._sources and num else self._wanted
        self._wanted, self._sources = (None, None), ()
        first = first if first is not None and first < num else 0
        if ticked is None:
            ticked = list(range(num if question.kind == "default" else min(num, MOST_TICKED + 1)))
        seen = found.candidates[first].seen if num else None
        kept = [k for k in ticked if k < num and k != first]
        self.param.update(
            found=found,
            first=first,
            ticked=kept,
            seen=seen,
            sweeps=list(found.sweeps),
            problem="",
            is_reading=False,
        )

    def _fail(self, error: Exception) -> None:
        self.refuse(str(error))

    def _question(self) -> Question:
        files = self.files if self.kind == "recording" else ()
        num = self.num_simulated if self.uses_extras and self.kind == "default" else 0
        return Question(self.simulator, self.kind, files, self.sweep, self.options, num, self.is_diverse)


def _places(sources: Sources, found: Found) -> tuple[int | None, list[int]]:
    """Which of the candidates is x_0, and which stand beside it."""
    there = [(one.source.get("file"), one.source.get("sweep")) for one in found.candidates]
    chosen = [there.index(source) for source in sources if source in there]
    return (chosen[0] if chosen else None), chosen[1:]


def goal_of(kind: str) -> str:
    """What a method must explain to be of use for a kind of observation."""
    return "property" if kind == "property" else "observation"


def fitting_method(kind: str, method: str) -> str:
    """The method, or the usual one where it does not explain such a thing."""
    goal = goal_of(kind)
    return method if find_method(method).goal == goal else USUAL[goal]


def _options(simulator: Simulator) -> Any:
    """The options of how to read a model's recordings, as they come."""
    kind = kind_of(simulator).options
    return None if kind is None else kind()


def _read(question: Question) -> tuple[Question, Found]:
    return question, look(question)
