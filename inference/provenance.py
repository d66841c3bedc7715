"""Where a result comes from: settings, versions, checksums; plain text and numbers, to be stored with it."""

import dataclasses
import functools
import hashlib
import inspect
import json
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from inference.files import plain
from inference.goals import EmergentProperty, Goal
from inference.tree import PROPERTY
from simulators import RecordingAxes, Simulator

PACKAGES = (
    "posterior-lab",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "flowjax",
    "numpyro",
    "numpy",
    "xarray",
    "zarr",
)


def provenance(config: Any, simulator: Simulator, goal: Goal, *, key: Key[Array, ""]) -> dict[str, str | int]:
    """What it takes to repeat a run, and to tell whether two are the same: attributes of a stored tree."""
    return {
        **fingerprint(config, simulator, goal, key=key),
        **_targets(goal),
        "versions": json.dumps(versions()),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "device": jax.default_backend(),
    }


def fingerprint(
    config: Any, simulator: Simulator, goal: Goal, *, key: Key[Array, ""]
) -> dict[str, str | int]:
    """What decides the numbers that a run ends with, in the order in which a mismatch should be told."""
    return {
        "simulator": simulator.name,
        "config": config_text(config),
        "seed": seed_of(key),
        "data_sha256": goal_hash(goal),
        "simulator_sha256": simulator_hash(simulator),
    }


def config_text(config: Any) -> str:
    """A config as JSON, with the name of its class first; what JSON cannot hold is given by its `repr`."""
    settings = {item.name: getattr(config, item.name) for item in dataclasses.fields(config)}
    return json.dumps(
        {"config": type(config).__name__} | {name: _jsonable(value) for name, value in settings.items()}
    )


def seed_of(key: Key[Array, ""]) -> int | str:
    """The number that `jax.random.key` makes this key from, if there is one below 2**32; else its words."""
    words = [int(word) for word in np.asarray(jax.random.key_data(key)).ravel()]
    return words[-1] if not any(words[:-1]) else json.dumps(words)


def _targets(goal: Goal) -> dict[str, str]:
    if not isinstance(goal, EmergentProperty):
        return {}
    return {PROPERTY: json.dumps({"mean": dict(goal.mean), "sd": dict(goal.sd)})}


def goal_hash(goal: Goal) -> str:
    """SHA-256 of the observed numbers, or of the targets; empty for an amortised run."""
    if goal is None:
        return ""
    if isinstance(goal, EmergentProperty):
        return _sha256(json.dumps([sorted(goal.mean.items()), sorted(goal.sd.items())]))
    return array_hash(*(np.asarray(part) for part in (goal.x, goal.extra) if part is not None))


def array_hash(*arrays: np.ndarray) -> str:
    """SHA-256 over the shapes and the numbers, as float32."""
    return _sha256(
        *(part for array in arrays for part in (str(array.shape), np.asarray(array, "<f4").tobytes()))
    )


def simulator_hash(simulator: Simulator) -> str:
    """SHA-256 over a simulator's names, prior, observation and the source files of its functions."""
    prior, observed, axes = simulator.prior, simulator.observed, simulator.axes
    marginals = [_distribution(marginal) for marginal in prior.marginals.values()]
    names = [
        simulator.name,
        list(prior.names),
        dict(prior.units),
        list(prior.shared),
        list(simulator.feature_names),
    ]
    functions = (simulator.simulate, simulator.features, simulator.simulate_features, simulator.function)
    parts: list[str | bytes] = [
        json.dumps(names),
        *(str(part) for part in marginals),
        *(_source(function) for function in functions),
    ]
    if observed is not None:
        parts.append(np.asarray(observed.x, "<f4").tobytes())
    if isinstance(axes, RecordingAxes):  # of an image nothing but its places is known, which no number needs
        parts += [
            np.asarray(part, "<f8").tobytes() for part in (axes.time, axes.stimulus) if part is not None
        ]
    return _sha256(*parts)


def versions() -> dict[str, str]:
    """Installed versions of the packages that the numbers depend on."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _distribution(marginal: Any) -> str:
    """Kind and numbers of a distribution; sorted, for NumPyro orders them anew in every process."""
    return str(
        [
            type(marginal).__name__,
            *sorted(str(np.asarray(leaf).tolist()) for leaf in jax.tree.leaves(marginal)),
        ]
    )


def _jsonable(value: Any) -> Any:
    try:
        return plain(value)
    except (AttributeError, TypeError, ValueError):
        return repr(value)


def _source(function: Callable[..., Any] | None) -> str:
    """The text of the file that defines a function; of a function without a file, its module's name."""
    if function is None:
        return ""
    while isinstance(function, functools.partial):
        function = function.func
    module = inspect.getmodule(inspect.unwrap(function))
    if module is None:
        return ""
    try:
        return inspect.getsource(module)
    except (OSError, TypeError):
        return module.__name__


def _sha256(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(
            len(content).to_bytes(8, "little") + content
        )  # so that parts cannot run into each other
    return digest.hexdigest()
