"""The observation that a request names, with further ones beside it: its files, and what there is to explain.

{"kind": "default"}                                         the built-in one of the model
{"kind": "default", "extra": {"num": 9, "is_diverse": true}}    and simulations that share its parameters
{"kind": "default", "hidden": 3}    a simulation with parameters drawn from the prior, by this seed, instead
{"kind": "recording", "file": "a.fif", "sweep": 0, "options": {"channel": "Oz"}, "label": "a",
 "extra": [{"file": "a.fif", "sweep": 3, "label": "closed"}, ...]}
{"kind": "none"}                                            an amortised posterior
{"kind": "property", "mean": {"hub_frequency": 0.55}, "sd": {"hub_frequency": 0.025}}    for EPI
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inference.goals import EmergentProperty, Observation, check_property
from inference.settings import make_settings
from simulators import Simulator, simulate_extra
from simulators.base import Observed

KINDS = ("default", "recording", "none", "property")
MOST_EXTRA = 1000
HIDDEN_TRIES = 100  # parameters drawn until a simulation has all its features

Described = Mapping[str, Any]


def check_description(observation: Described) -> None:
    """Raise ValueError, in one sentence, for a kind that is unknown, a missing file, or odd extras."""
    kind, extra = observation.get("kind"), observation.get("extra")
    if kind not in KINDS:
        raise ValueError(f"An observation is one of {', '.join(KINDS)}; got {kind!r}.")
    if kind == "recording" and not observation.get("file"):
        raise ValueError("A recording needs a file; got none.")
    if kind == "property":
        _property(observation)
    hidden = observation.get("hidden")
    if hidden is not None:
        is_seed = isinstance(hidden, int) and not isinstance(hidden, bool) and 0 <= hidden < 2**32
        if kind != "default" or not is_seed or extra:
            raise ValueError(
                f"Hidden parameters are drawn by a seed from 0 to {2**32 - 1}, for the kind 'default' "
                f"without extras; got {dict(observation)}."
            )
    if not extra:
        return
    if kind in ("none", "property"):
        raise ValueError("Extra observations need an observation that they stand beside; got none.")
    if kind == "default":
        num = extra.get("num") if isinstance(extra, Mapping) else None
        if isinstance(num, bool) or not isinstance(num, int) or not 0 <= num <= MOST_EXTRA:
            raise ValueError(
                f"Beside the built-in observation 0 to {MOST_EXTRA} can be simulated; got {num!r}."
            )
    elif isinstance(extra, Mapping) or not all(isinstance(one, Mapping) and one.get("file") for one in extra):
        raise ValueError("Each extra recording needs a file.")
    elif len(extra) > MOST_EXTRA:
        raise ValueError(f"At most {MOST_EXTRA} extra recordings can be used; got {len(extra)}.")


def files_of(observation: Described) -> tuple[str, ...]:
    """The files of an observation and its extras, each once, that of the observation first."""
    if observation["kind"] != "recording":
        return ()
    named = [observation["file"], *(one["file"] for one in observation.get("extra") or ())]
    return tuple(dict.fromkeys(map(str, named)))


def count_extra(observation: Described) -> int:
    """How many observations stand beside x_0."""
    extra = observation.get("extra") or ()
    return int(extra.get("num", 0)) if isinstance(extra, Mapping) else len(extra)


def labels_of(observation: Described) -> tuple[str, ...]:
    """What the observations were recorded as, that of x_0 first; empty words where nobody said."""
    extra = observation.get("extra") or ()
    if isinstance(extra, Mapping):
        return ("",) * (1 + count_extra(observation))
    return tuple(str(one.get("label", "")) for one in (observation, *extra))


def with_files(observation: Described, moved: Mapping[str, str]) -> dict[str, Any]:
    """The same with other names for its files."""
    renamed = {**observation, "file": moved[str(observation["file"])]}
    if observation.get("extra"):
        renamed["extra"] = [{**one, "file": moved[str(one["file"])]} for one in observation["extra"]]
    return renamed


def within(observation: Described, folder: Path) -> dict[str, Any]:
    """The same with absolute files, which lie in a folder.

    Raises:
        ValueError: one lies elsewhere.
    """
    moved = {}
    for name in files_of(observation):
        file = (folder / name).resolve()
        if not file.is_relative_to(folder.resolve()):
            raise ValueError(f"The recording of a run lies in its folder; got '{name}'.")
        moved[name] = str(file)
    return with_files(observation, moved) if moved else dict(observation)


def observe(
    simulator: Simulator, observation: Described
) -> tuple[Simulator, Observation | EmergentProperty | None]:
    """The simulator, driven by the recording if there is one, and what there is to explain.

    Args:
        simulator: the model.
        observation: as above; its files are looked for as they are named.

    Raises:
        ValueError: the model cannot be driven by a recording, a file cannot be used, or nothing is shared by
            the model's observations though there are several.
    """
    if observation["kind"] == "none":
        return simulator, None
    if observation["kind"] == "property":
        goal = _property(observation)
        check_property(goal, simulator)
        return simulator, goal
    if observation.get("hidden") is not None:
        simulator = with_hidden_truth(simulator, observation["hidden"])
    if observation["kind"] == "default":
        num = (observation.get("extra") or {}).get("num", 0)
        is_diverse = (observation.get("extra") or {}).get("is_diverse", True)
        extra = simulate_extra(simulator, num, is_diverse=is_diverse) if num else None
        return simulator, Observation(simulator.default_observation().x, extra)
    driven = drive(simulator, observation, observation.get("options"))
    others = observation.get("extra") or ()
    if others and not simulator.prior.shared:
        raise ValueError(
            f"'{simulator.name}' has no parameter that observations share; leave out the extra recordings."
        )
    rows = [drive(simulator, one, observation.get("options")).default_observation().x for one in others]
    return driven, Observation(driven.default_observation().x, np.stack(rows) if rows else None)


def with_hidden_truth(simulator: Simulator, seed: int) -> Simulator:
    """The simulator with another built-in observation: a simulation at parameters drawn from its prior.

    Args:
        simulator: the model.
        seed: which parameters.

    Raises:
        ValueError: none of many simulations has all features.
    """
    for key in jax.random.split(jax.random.key(seed), HIDDEN_TRIES):
        theta_key, key = jax.random.split(key)
        theta = simulator.prior.sample(theta_key, 1)[0]
        x = np.asarray(simulator(key, theta))
        if np.isfinite(x).all():
            shown = simulator.drawn(key, simulator.prior.as_dict(theta))
            recording = np.asarray(shown) if isinstance(shown, jax.Array | np.ndarray) else None
            label = "simulation with hidden parameters"
            return replace(simulator, observed=Observed(x, np.asarray(theta), recording, label))
    raise ValueError(f"None of {HIDDEN_TRIES} simulations of '{simulator.name}' has all features.")


def described_property(goal: EmergentProperty) -> dict[str, Any]:
    """An emergent property as a request says it."""
    return {"kind": "property", "mean": dict(goal.mean), "sd": dict(goal.sd)}


def drive(simulator: Simulator, recording: Described, options: Mapping[str, Any] | None = None) -> Simulator:
    """The simulator with a recording: {"file": ..., "sweep": ...}.

    Raises:
        ValueError: the model takes none, the file cannot be used, or an option is wrong.
    """
    if simulator.drive is None:
        raise ValueError(
            f"Simulator '{simulator.name}' cannot be driven by a recording; use its default observation."
        )
    from simulators.recordings import kind_of  # here: only runs on recordings need the readers

    kind, given = kind_of(simulator), {}
    if options and kind.options is None:
        raise ValueError(f"There are no options of how to read a recording for '{simulator.name}'.")
    if kind.options is not None:
        given = {"options": make_settings(kind.options, options or {}, of="reading")}
    return simulator.drive(kind.read(Path(recording["file"]), sweep=recording.get("sweep"), **given))


def _property(observation: Described) -> EmergentProperty:
    """The targets of a description.

    Raises:
        ValueError: there are none, or they are no numbers.
    """
    mean, sd = observation.get("mean"), observation.get("sd")
    if not isinstance(mean, Mapping) or not isinstance(sd, Mapping):
        raise ValueError(  # noqa: TRY004  wrong content of a file
            'An emergent property is {"mean": {name: number, ...}, "sd": {name: number, ...}}; got '
            f"{ {name: value for name, value in observation.items() if name != 'kind'} }."
        )
    for name, value in (*mean.items(), *sd.items()):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(  # noqa: TRY004
                f"The targets of '{name}' must be finite numbers; got {value!r}."
            )
    targets = ({name: float(value) for name, value in part.items()} for part in (mean, sd))
    return EmergentProperty(*targets)
