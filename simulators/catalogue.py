"""The catalogue of simulators: built in, installed by other packages, or brought as a file."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cloudpickle

from simulators.base import Simulator
from simulators.registry import Registry, unknown_name

FILES_VARIABLE = "POSTERIOR_LAB_SIMULATORS"  # os.pathsep-separated files whose simulators are offered too

_MODELS = "simulators.models"

SIMULATORS: Mapping[str, Simulator] = Registry(
    "simulator",
    {
        "autapse": f"{_MODELS}.autapse:autapse",
        "bernoulli_glm": f"{_MODELS}.bernoulli_glm:bernoulli_glm",
        "gabor_v1": f"{_MODELS}.gabor_v1:gabor_v1",
        "gabor_v1_fit": f"{_MODELS}.gabor_fit:gabor_v1_fit",
        "gaussian_mixture_mean": f"{_MODELS}.gaussian_mixture_mean:gaussian_mixture_mean",
        "gaussian_mixture_two_means": f"{_MODELS}.gaussian_mixture_two_means:gaussian_mixture_two_means",
        "hodgkin_huxley": f"{_MODELS}.hodgkin_huxley:hodgkin_huxley",
        "hodgkin_huxley_12": f"{_MODELS}.hodgkin_huxley_12:hodgkin_huxley_12",
        "hnpe_toy": f"{_MODELS}.hnpe_toy:hnpe_toy",
        "ion_channel": f"{_MODELS}.ion_channel:ion_channel",
        "jansen_rit": f"{_MODELS}.jansen_rit:jansen_rit",
        "linear_dynamics": f"{_MODELS}.linear_dynamics:linear_dynamics",
        "linear_gaussian": f"{_MODELS}.linear_gaussian:linear_gaussian",
        "low_rank_rnn": f"{_MODELS}.low_rank_rnn:low_rank_rnn",
        "pyloric": f"{_MODELS}.pyloric:pyloric",
        "stg_subcircuit": f"{_MODELS}.stg_subcircuit:stg_subcircuit",
        "superior_colliculus": f"{_MODELS}.superior_colliculus:superior_colliculus",
        "two_moons": f"{_MODELS}.two_moons:two_moons",
        "v1_sssn": f"{_MODELS}.v1_sssn:v1_sssn",
    },
    group="posterior_lab.simulators",
)


def get_simulator(name: str, files: tuple[str, ...] = ()) -> Simulator:
    """The simulator of that name.

    Args:
        name: as in ``SIMULATORS``, or defined in one of ``files`` (or of the files that the environment
            variable POSTERIOR_LAB_SIMULATORS lists).
        files: Python files that define ``Simulator`` values at module level.

    Raises:
        ValueError: no such name (the nearest known one is suggested), or a file that cannot be loaded.
    """
    brought = {}
    for file in (*files, *filter(None, os.environ.get(FILES_VARIABLE, "").split(os.pathsep))):
        brought |= load_simulators(file)
    if name in brought:
        return brought[name]
    if name not in SIMULATORS:
        raise ValueError(unknown_name("simulator", name, [*SIMULATORS, *brought]))
    return SIMULATORS[name]


def all_simulators() -> dict[str, Simulator]:
    """Every simulator on offer, those from the files of POSTERIOR_LAB_SIMULATORS first."""
    brought: dict[str, Simulator] = {}
    for file in filter(None, os.environ.get(FILES_VARIABLE, "").split(os.pathsep)):
        brought |= load_simulators(file)
    return brought | {name: SIMULATORS[name] for name in SIMULATORS if name not in brought}


def load_simulators(file: str | Path) -> dict[str, Simulator]:
    """The ``Simulator`` values that a Python file defines at module level, by name.

    The file is executed: give only code that you trust.

    Raises:
        ValueError: the file is missing, does not run, or defines no simulator.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise ValueError(f"The simulator file '{file}' does not exist.")
    return dict(_load_file(path, path.stat().st_mtime_ns))


@lru_cache
def _load_file(path: Path, modified: int) -> dict[str, Simulator]:
    """Loaded once per state of the file; pickled by value, as worker processes cannot import it."""
    module_name = f"user_simulators_{hashlib.sha256(f'{path}{modified}'.encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"'{path}' is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise ValueError(
            f"The simulator file '{path}' does not run: {type(error).__name__}: {error}."
        ) from error
    cloudpickle.register_pickle_by_value(module)
    found = {value.name: value for value in vars(module).values() if isinstance(value, Simulator)}
    if not found:
        raise ValueError(f"'{path}' defines no Simulator at module level; see the README for an example.")
    return found
