"""Request: what a run is asked to do, as plain JSON; and how it becomes a config, a simulator and a goal."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from inference.goals import Goal, Observation
from inference.observations import check_description, files_of, observe, within
from inference.settings import find_method, make_config
from simulators import Simulator, get_simulator


@dataclass(frozen=True)
class Request:
    """Everything that decides the outcome of a run.

    Attributes:
        simulator: name in the catalogue of simulators.
        method: name in `METHODS`.
        config: settings that differ from the method's defaults, as JSON values.
        observation: what to explain, as `inference/observations.py` describes it; its files are relative to
            the run folder once the run exists.
        seed: of the run's one random key.
        simulator_files: the operator's files that the simulator came from. A record only: what runs is
            decided by whoever starts the process, never by a run folder, because such a file is code.

    Raises:
        ValueError: unknown kind of observation, a recording without a file, or a seed that is no seed.
    """

    simulator: str
    method: str = "snpe"
    config: Mapping[str, Any] = field(default_factory=dict)
    observation: Mapping[str, Any] = field(default_factory=lambda: {"kind": "default"})
    seed: int = 0
    simulator_files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_description(self.observation)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**32:
            raise ValueError(f"The seed must be a whole number from 0 to {2**32 - 1}; got {self.seed!r}.")

    def to_json(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {**dataclasses.asdict(self), "simulator_files": list(self.simulator_files)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Request":
        """The request that `to_json` wrote; unknown names are ignored, so that newer files can be read.

        Raises:
            ValueError: there is no simulator name, or a value is not allowed.
        """
        known: dict[str, Any] = {f.name: value[f.name] for f in dataclasses.fields(cls) if f.name in value}
        if not isinstance(known.get("simulator"), str):
            raise ValueError(  # noqa: TRY004  wrong content of a file
                f"A request names its simulator; got {known.get('simulator')!r}."
            )
        known["simulator_files"] = tuple(known.get("simulator_files", ()))
        return cls(**known)


class Resolved(NamedTuple):
    """A request as live values, in the order in which `inference.run` takes them."""

    config: Any
    simulator: Simulator
    goal: Goal


def resolve(request: Request, folder: Path) -> Resolved:
    """The config, the simulator (driven by the recording, if there is one) and the goal of a request.

    Args:
        request: what to do.
        folder: the run folder, which holds the observation's file.

    Raises:
        ValueError: a name, a setting or a recording is wrong; one sentence says which and what is needed.
    """
    config = make_config(request.method, request.config)
    observation = within(request.observation, Path(folder))
    return Resolved(config, *observe(_simulator(request), observation))


def check(request: Request) -> None:
    """Raise what `resolve` would, before a run is made; the recordings are still where the user has them.

    Raises:
        ValueError: as `resolve`.
    """
    missing = next((file for file in files_of(request.observation) if not Path(file).is_file()), None)
    if missing is not None:
        raise ValueError(f"The recording '{missing}' does not exist.")
    config, method = make_config(request.method, request.config), find_method(request.method)
    simulator, goal = observe(_simulator(request), request.observation)
    method.check_goal(goal)
    if isinstance(goal, Observation) and goal.extra is not None:
        method.check_extra(config, goal)
    method.check(config, simulator)


def _simulator(request: Request) -> Simulator:
    try:
        return get_simulator(request.simulator)
    except ValueError as error:
        if not request.simulator_files:
            raise
        files = " ".join(f"--simulators {file}" for file in request.simulator_files)
        raise ValueError(f"{error} The run was made with {files}; give the same again.") from error
