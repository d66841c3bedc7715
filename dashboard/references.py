"""The runs that a run can be compared with, one of which is chosen as its reference."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import param

from dashboard.results import verdict_of
from dashboard.words import ago, method_name
from inference.methods import METHODS
from inference.observations import files_of, with_files, within
from inference.requests import Request, check
from inference.runs import ACTIVE, Run, RunStore
from inference.settings import find_method, make_config
from simulators import get_simulator


def exact_methods() -> list[str]:
    """Names of the methods whose draws are those of the posterior itself, the best reference first."""
    return [name for name, method in METHODS.items() if method.is_exact]


class Found(NamedTuple):
    """What a look at the store gives.

    Attributes:
        done: finished runs of the same model and observation, the best references first.
        active: an exact run of them that is going on, or None.
    """

    done: tuple[Run, ...]
    active: Run | None


class References(param.Parameterized):
    """The reference of a run.

    Args:
        run: finished, with an observation.
        store: where others are looked for.
        chosen: id of the reference, as in a link; empty: the best there is.
        submit: queues a run.
    """

    chosen = param.String(doc='Id of the reference; "none": none is wanted; empty: none yet.')
    problem = param.String(doc="One sentence about a link that names no possible reference.")

    def __init__(self, run: Run, store: RunStore, *, chosen: str = "", submit: Callable[[Run], Any]) -> None:
        super().__init__()
        self.run, self.store, self._submit = run, store, submit
        if chosen:
            self._check(chosen)

    def find(self) -> Found:
        """Look through the store; may take a moment."""
        runs = [one for one in self.store.list() if one.id != self.run.id and _is_alike(one, self.run)]
        done = [one for one in runs if one.state == "done"]
        going = (one for one in runs if one.state in ACTIVE and one.request.method in exact_methods())
        return Found(tuple(sorted(done, key=_rank)), next(going, None))

    @property
    def is_exact(self) -> bool:
        """Whether the run is itself what others are compared with."""
        return self.run.request.method in exact_methods()

    def best(self, found: Found) -> str:
        """Id of the run to compare with before anybody has chosen: an exact one; empty: there is none."""
        return next((one.id for one in found.done if one.request.method in exact_methods()), "")

    @property
    def method(self) -> str:
        """The exact method for this model; empty where none knows it, or uses extra observations."""
        if self.run.request.observation.get("extra"):
            return ""
        try:
            simulator = get_simulator(self.run.request.simulator)
        except ValueError:
            return ""
        for name in exact_methods():
            try:
                find_method(name).check(make_config(name, {}), simulator)
            except ValueError:
                continue
            return name
        return ""

    def start(self) -> Run:
        """Begin an exact run on the same observation.

        Raises:
            ValueError: the model or the observation cannot be used any more.
        """
        request = self.run.request
        observation = within(request.observation, self.run.folder)
        wanted = Request(request.simulator, self.method, {}, observation, 0, request.simulator_files)
        check(wanted)
        run = self.store.create(wanted, owner=self.run.owner)
        self._submit(run)
        return run

    def _check(self, chosen: str) -> None:
        if chosen == "none":
            self.chosen = chosen
            return
        try:
            other = self.store.get(chosen)
            if other.state != "done":
                self.problem = f"The run {chosen} is {other.state} and can be no reference yet."
            elif other.id == self.run.id or not _is_alike(other, self.run):
                self.problem = (
                    f"The run {chosen} is no reference for this one: that takes another run of the same "
                    "model on the same observation."
                )
            else:
                self.chosen = chosen
        except (ValueError, OSError) as error:
            self.problem = str(error)


def title_of(run: Run) -> str:
    """``"NUTS, 20 min ago (20261126-191204-two_moons-1a2b)"``."""
    return f"{method_name(run.request.method)}, {ago(run.created)} ({run.id})"


def _is_alike(one: Run, other: Run) -> bool:
    """Whether two runs are of one model and one observation."""
    try:
        a, b = one.request, other.request
        if a.simulator != b.simulator or a.observation["kind"] == "none":
            return False
        if _without_names(a.observation) != _without_names(b.observation):
            return False
        files = zip(files_of(a.observation), files_of(b.observation), strict=True)
        return all(
            filecmp.cmp(one.folder / mine, other.folder / theirs, shallow=False) for mine, theirs in files
        )
    except (ValueError, OSError):  # damaged, which its own page explains
        return False


def _without_names(observation: Mapping[str, Any]) -> dict[str, Any]:
    """What an observation says, but for how its files are called: by which number each is told instead."""
    numbers = {file: str(number) for number, file in enumerate(files_of(observation))}
    told = with_files(observation, numbers) if numbers else dict(observation)
    return {name: value for name, value in told.items() if name != "label" and value}


def _rank(run: Run) -> tuple[int, bool, float]:
    method = run.request.method
    exact = exact_methods()
    place = exact.index(method) if method in exact else len(exact)
    found = verdict_of(run)
    return place, found is not None and found.level == "bad", -run.created.timestamp()
