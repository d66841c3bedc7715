"""Request: what a run is asked to do, as plain JSON; and how it becomes a config, a simulator and a goal."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from inference.goals import Goal, Observation
from inference.settings import find_method, make_config
from simulators import Simulator, get_simulator

OBSERVATION_KINDS = ("default", "recording", "none")


@dataclass(frozen=True)
class Request:
    """Everything that decides the outcome of a run.

    Attributes:
        simulator: name in the catalogue of simulators.
        method: name in `METHODS`.
        config: settings that differ from the method's defaults, as JSON values.
        observation: {"kind": "default"} for the built-in one; {"kind": "recording", "file": ...,
            "sweep": ..., "label": ...}, `file` being relative to the run folder once the run exists;
            {"kind": "none"} for an amortised posterior.
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
        kind = self.observation.get("kind")
        if kind not in OBSERVATION_KINDS:
            raise ValueError(f"An observation is one of {', '.join(OBSERVATION_KINDS)}; got {kind!r}.")
        if kind == "recording" and not self.observation.get("file"):
            raise ValueError("A recording needs a file; got none.")
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
    config, simulator = _config_and_simulator(request, folder)
    if request.observation["kind"] == "none":
        return Resolved(config, simulator, None)
    return Resolved(config, simulator, Observation(simulator.default_observation().x))


def check(request: Request) -> None:
    """Raise what `resolve` would, before a run is made; the recording is still where the user has it.

    Raises:
        ValueError: as `resolve`.
    """
    file = Path(request.observation.get("file") or "none")
    if request.observation["kind"] == "recording" and not file.is_file():
        raise ValueError(f"The recording '{file}' does not exist.")
    observation = {**request.observation, "file": file.name}
    config, simulator = _config_and_simulator(
        dataclasses.replace(request, observation=observation), file.parent
    )
    method = find_method(request.method)
    if method.needs_observation and request.observation["kind"] == "none":
        raise ValueError(f"The method {method.name} needs an observation; choose one, or another method.")
    method.check(config, simulator)


def _config_and_simulator(request: Request, folder: Path) -> tuple[Any, Simulator]:
    config, simulator = make_config(request.method, request.config), _simulator(request)
    if request.observation["kind"] == "recording":
        simulator = _driven(simulator, request.observation, Path(folder))
    return config, simulator


def _simulator(request: Request) -> Simulator:
    try:
        return get_simulator(request.simulator)
    except ValueError as error:
        if not request.simulator_files:
            raise
        files = " ".join(f"--simulators {file}" for file in request.simulator_files)
        raise ValueError(f"{error} The run was made with {files}; give the same again.") from error


def _driven(simulator: Simulator, observation: Mapping[str, Any], folder: Path) -> Simulator:
    if simulator.drive is None:
        raise ValueError(
            f"Simulator '{simulator.name}' cannot be driven by a recording; use its default observation."
        )
    file = (folder / observation["file"]).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise ValueError(f"The recording of a run lies in its folder; got '{observation['file']}'.")
    from simulators.recordings import kind_of  # here: only runs on recordings need the readers

    return simulator.drive(kind_of(simulator).read(file, sweep=observation.get("sweep")))
