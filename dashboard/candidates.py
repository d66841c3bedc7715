"""Observations to choose x_0 and those beside it from: epochs of a file, rows, several files, simulations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dashboard import observations
from dashboard.observations import Seen
from simulators import Simulator, simulate_extra
from simulators.recordings import Contents, RecordingKind, kind_of

MOST = 500  # more cannot be looked at one by one


@dataclass(frozen=True)
class Question:
    """What to look for.

    Attributes:
        simulator: the model.
        kind: "default", "recording" or "none".
        files: the recordings; those of a model whose observations share nothing are one.
        sweep: which one of the file, for such a model.
        options: how to read, where the kind of recording has options.
        num_simulated: how many to simulate beside the built-in observation.
        is_diverse: whether these have other parameters of their own, or the same.
    """

    simulator: Simulator
    kind: str
    files: tuple[Path, ...] = ()
    sweep: int | None = None
    options: Any = None
    num_simulated: int = 0
    is_diverse: bool = True


@dataclass(frozen=True, eq=False)
class Candidate:
    """An observation that can be used.

    Attributes:
        seen: as the model sees it.
        name: what to call it among the others.
        label: its condition, by which it is coloured; may be empty.
        source: file and sweep, as a request says them.
    """

    seen: Seen
    name: str = ""
    label: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Found:
    """What a look gives.

    Attributes:
        candidates: none while a sweep must be chosen.
        sweeps: to choose from, for a model whose observations share nothing.
        told: a sentence on what the files hold; may be empty.
        channels: among which one can be chosen, and which one is.
    """

    candidates: tuple[Candidate, ...] = ()
    sweeps: tuple[int, ...] = ()
    told: str = ""
    channels: tuple[str, ...] = ()
    channel: str = ""


def look(question: Question) -> Found:
    """The observations that are there.

    Raises:
        ValueError: a file is no usable recording, or the model has no observation; one sentence.
    """
    simulator = question.simulator
    if question.kind != "recording" or not question.files:
        return _simulated(question)
    if simulator.prior.shared:
        return _together([_in_file(question, file) for file in question.files])
    file = question.files[0]
    sweeps = tuple(observations.sweeps_of(simulator, file))
    if question.sweep is None and len(sweeps) > 1:
        return Found(sweeps=sweeps)
    return Found((Candidate(observations.recorded(simulator, file, sweep=question.sweep)),), sweeps)


def _simulated(question: Question) -> Found:
    simulator, seen = question.simulator, observations.built_in(question.simulator)
    first = Candidate(seen, "built-in")
    if not question.num_simulated:
        return Found((first,))
    rows = simulate_extra(simulator, question.num_simulated, is_diverse=question.is_diverse)
    others = [
        Candidate(replace(seen, label=f"simulation {k}", recording=None, x=np.asarray(x)), f"simulation {k}")
        for k, x in enumerate(rows, 1)
    ]
    return Found((first, *others))


def _in_file(question: Question, file: Path) -> Found:
    """The observations in one file."""
    simulator = question.simulator
    if simulator.drive is None:
        raise ValueError(f"{simulator.title or simulator.name} cannot be driven by a recording.")
    contents, recordings = observations.guarded(
        file, read_all, kind=kind_of(simulator), options=question.options
    )
    found: list[Candidate] = []
    for sweep, recording, name, label in zip(*recordings, contents.names, contents.labels, strict=True):
        driven = simulator.drive(recording)
        observed = driven.default_observation()
        # They differ in what was observed only; one model for all is compiled and timed once.
        model = found[0].seen.simulator if found else driven
        seen = Seen(model, observed.label or name, observed.recording, observed.x, observed.told)
        found.append(Candidate(seen, name, label, {"file": str(file), "sweep": sweep}))
    return Found(tuple(found), told=contents.told, channels=contents.channels, channel=contents.channel)


def read_all(
    file: Path, *, kind: RecordingKind, options: Any
) -> tuple[Contents, tuple[list[int | None], list[Any]]]:
    """What a file holds, and the number and the recording of each; importable, for a process of its own.

    Raises:
        ValueError: it cannot be read, or holds too many.
    """
    given = {} if kind.options is None else {"options": options}
    numbers = kind.sweeps(file, **given) or [None]
    if len(numbers) > MOST:
        raise ValueError(
            f"{file.name}: there are {len(numbers)} observations, but at most {MOST} can be shown."
        )
    recordings = [kind.read(file, sweep=number, **given) for number in numbers]
    names = tuple(file.name if number is None else f"sweep {number}" for number in numbers)
    contents = Contents(("",) * len(numbers), names)
    if kind.contents is not None:
        contents = kind.contents(file, **given)
    return contents, (list(numbers), recordings)


def _together(found: list[Found]) -> Found:
    """What several files hold; then each is called by its file as well."""
    if len(found) == 1:
        return found[0]
    candidates = tuple(
        replace(one, name=f"{Path(one.source['file']).stem}, {one.name}")
        for part in found
        for one in part.candidates
    )
    if len(candidates) > MOST:
        raise ValueError(f"There are {len(candidates)} observations in all, but at most {MOST} can be shown.")
    shared = [channel for channel in found[0].channels if all(channel in part.channels for part in found)]
    told = " ".join(dict.fromkeys(part.told for part in found if part.told))
    return Found(candidates, told=told, channels=tuple(shared), channel=found[0].channel)
