"""What a new run is to do, as far as it is chosen; the steps of the page share it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import param

from dashboard import observations
from dashboard.background import Latest
from dashboard.observations import Seen
from inference.requests import Request
from simulators import Simulator
from simulators.recordings import kind_of

KINDS = {"default": "Built-in", "recording": "A recording", "none": "None: amortised"}


class Question(NamedTuple):
    """What to read."""

    simulator: Simulator
    kind: str
    file: Path | None
    sweep: int | None


class Plan(param.Parameterized):
    """A model, an observation, and what the model sees of it, which is read in the background."""

    model = param.String(doc="Name of the simulator.")
    kind = param.Selector(default="default", objects=list(KINDS), doc="Which kind of observation.")
    file = param.ClassSelector(class_=Path, doc="The recording, where the kind is a recording.")
    sweep = param.Integer(default=None, allow_None=True, doc="Which sweep of the file.")
    sweeps = param.List(item_type=int, doc="The sweeps of the file; empty where it holds a single one.")
    seen = param.ClassSelector(class_=Seen, doc="The observation; None while there is none.")
    problem = param.String(doc="One sentence when the observation cannot be used.")
    is_reading = param.Boolean(default=False, doc="Whether the observation is being read.")
    method = param.String("snpe", doc="Name of the method.")
    config = param.Parameter(doc="The method's config; None while it is not usable.")
    settings = param.Dict({}, doc="What of the config differs from the defaults, as JSON values.")
    seed = param.Integer(0, bounds=(0, 2**32 - 1), doc="Of the run.")

    def __init__(self, simulators: Mapping[str, Simulator], **choices: Any) -> None:
        self.simulators = dict(simulators)
        super().__init__(**choices)
        self._latest = Latest(_read, self._show, self._fail)
        self.is_reading = True
        self._read()

    @property
    def simulator(self) -> Simulator:
        """The chosen model, not yet driven by a recording."""
        return self.simulators[self.model]

    @property
    def is_ready(self) -> bool:
        """Whether the observation is settled."""
        return not self.problem and not self.is_reading and (self.kind == "none" or self.seen is not None)

    @property
    def missing(self) -> str:
        """What is still to be done before the run can start; empty when nothing is."""
        if self.is_reading:
            return "Reading the observation …"
        if self.kind == "recording" and self.seen is None:
            return "Choose or upload a recording that can be read."
        return "" if self.config is not None else "Mend the settings that are marked."

    def request(self) -> Request:
        """What to submit."""
        return Request(self.model, self.method, self.settings, self.observation, self.seed)

    @property
    def observation(self) -> dict[str, Any]:
        """As a request says it."""
        if self.kind != "recording" or self.file is None:
            return {"kind": self.kind}
        asked = {"kind": "recording", "file": str(self.file), "sweep": self.sweep}
        return {**asked, "label": self.seen.label if self.seen is not None else self.file.name}

    def choose(self, **choices: Any) -> None:
        """Change ``model``, ``kind``, ``file`` or ``sweep``; what fits no longer is forgotten."""
        if all(getattr(self, name) == value for name, value in choices.items()):
            return
        if "file" in choices:
            choices = {"sweep": None, "sweeps": [], **choices}
        simulator = self.simulators[choices.get("model", self.model)]
        if kind_of(simulator) != kind_of(self.simulator):
            choices = {"file": None, "sweep": None, "sweeps": [], **choices}
        if simulator.drive is None and choices.get("kind", self.kind) == "recording":
            choices["kind"] = "default"
        self.param.update(**choices, seen=None, problem="", is_reading=True)
        self._read()

    def refuse(self, sentence: str) -> None:
        """Say why an observation cannot be used."""
        self.param.update(seen=None, problem=sentence, is_reading=False)

    def _read(self) -> None:
        if self.kind == "none" or (self.kind == "recording" and self.file is None):
            self.is_reading = False
        else:
            self._latest.ask(self._question())

    def _show(self, found: tuple[Question, Seen | None, list[int]]) -> None:
        question, seen, sweeps = found
        if question == self._question():
            self.param.update(seen=seen, sweeps=sweeps, problem="", is_reading=False)

    def _fail(self, error: Exception) -> None:
        self.refuse(str(error))

    def _question(self) -> Question:
        return Question(self.simulator, self.kind, self.file, self.sweep)


def _read(question: Question) -> tuple[Question, Seen | None, list[int]]:
    """The observation and the sweeps to choose from; no observation while a sweep must be chosen."""
    simulator, kind, file, sweep = question
    if kind == "default" or file is None:
        return question, observations.built_in(simulator), []
    sweeps = observations.sweeps_of(simulator, file)
    if sweep is None and len(sweeps) > 1:
        return question, None, sweeps
    return question, observations.recorded(simulator, file, sweep=sweep), sweeps
