"""A task: a simulator and a sampler of its posterior; its observations; reference draws kept in a cache."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from simulators import Simulator

CACHE_VARIABLE = (
    "POSTERIOR_LAB_BENCHMARKS"  # folder of the reference draws; else ~/.cache/posterior-lab/benchmarks
)
NUM_REFERENCE = 10_000
VERSION = 1  # of the samplers: raise it when draws would differ

Sampler = Callable[[jax.Array, np.ndarray, int], np.ndarray]


class Task(NamedTuple):
    """A simulator with its prior, and `(key, x, num) -> (num, dim)` draws of the posterior at x."""

    simulator: Simulator
    sample_posterior: Sampler


def exact(simulator: Simulator) -> Sampler:
    """The sampler of a simulator whose posterior is known."""
    return lambda key, x, num: np.asarray(simulator.exact_posterior(key, jnp.asarray(x), num))


def observation(task: Task, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and features of observation 1, 2, ...: a prior draw, simulated, with the number as key.

    The public benchmark left out observations with extremely narrow posteriors; these are taken as they come.
    """
    theta_key, x_key = jax.random.split(jax.random.key(number))
    theta = task.simulator.prior.sample(theta_key, 1)[0]
    return np.asarray(theta), np.asarray(jax.jit(task.simulator.__call__)(x_key, theta))


def reference_samples(name: str, task: Task, number: int, num: int = NUM_REFERENCE) -> np.ndarray:
    """Posterior draws at an observation, (num, dim); made once, then read from the cache."""
    folder = Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "posterior-lab" / "benchmarks")
    file = folder / f"{name}-{number}-{num}-v{VERSION}.npz"
    x = observation(task, number)[1]
    if file.is_file():
        with np.load(file) as kept:
            if np.array_equal(kept["x"], x):
                return kept["theta"]
    theta = task.sample_posterior(jax.random.key(1_000 + number), x, num).astype(np.float32)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{secrets.token_hex(8)}.npz"
    np.savez(beside, x=x, theta=theta)
    beside.replace(file)
    return theta
