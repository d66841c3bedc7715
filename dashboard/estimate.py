"""How long a run will take and how much memory it needs on this machine: measured where it can be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
from jaxtyping import Array, Key
from loky import cpu_count

from dashboard import words
from inference.methods import METHODS
from inference.methods.emergent.program import BATCH, gradient_of
from inference.methods.epi import EPI
from simulators import Simulator, simulate_batch
from simulators.devices import GPU_ROWS, on_gpu
from simulators.simulate import default_chunk_size

SAMPLE = 512  # simulations timed; enough to fill the vector units
LARGEST_CHUNK = 2048  # of them at once
FEW_VALID = 0.5  # share of valid simulations below which it is said how many to expect
# Measured with SNPE on Hodgkin-Huxley and two moons (2 000 to 10 000 rows, spline flow, one core).
FIXED_SECONDS = 15.0  # to compile, and afterwards to sample, predict and check
TRAIN_SECONDS_PER_ROW = 1.2e-3  # of a whole training; an easy posterior needs fewer epochs, and less
# Measured with EPI on linear dynamics, the circuit and visual cortex, two cores.
FLOW_SECONDS = 1e-3  # of a step and seed, beside the simulations
SLOPES = 2.0  # simulations with their slopes beside those without
BASE_BYTES = 0.8e9  # a worker with everything imported and compiled
COPIES = 6  # of the simulations, while training: raw, unconstrained, standardised, shuffled


@dataclass(frozen=True)
class Sample:
    """A few simulations from the prior.

    Attributes:
        seconds: of one simulation in a batch, with all cores.
        num, num_valid: how many were made, and how many of them are valid.
    """

    seconds: float
    num: int
    num_valid: int

    @property
    def valid_share(self) -> float:
        """Of the simulations."""
        return self.num_valid / self.num


@dataclass(frozen=True)
class Estimate:
    """What a run will need.

    Attributes:
        simulate_seconds: None for a method that does not simulate, but runs chains.
        train_seconds: of the training; of a method that trains nothing, what compiling and checks take.
        num_bytes: memory of the worker.
        warning: a sentence where few simulations will be valid; else empty.
        trains: whether the method learns from the simulations.
        told: what a time depends on that cannot be known.
    """

    simulate_seconds: float | None
    train_seconds: float
    num_bytes: float
    warning: str = ""
    trains: bool = True
    told: str = ""

    def __str__(self) -> str:
        memory = f"{self.num_bytes / 1e9:.1f} GB on this machine"
        if self.simulate_seconds is None and self.told:
            return f"{memory}; {self.told}"
        if self.simulate_seconds is None:
            return f"{memory}; how long the chains take will be told when they run"
        total = words.duration(self.simulate_seconds + self.train_seconds)
        simulate, train = words.duration(self.simulate_seconds), words.duration(self.train_seconds)
        parts = f"simulating {simulate}, {'learning and checking' if self.trains else 'all else'} {train}"
        return f"{total}, {memory} ({parts})"


def estimate(simulator: Simulator, config: Any, *, group_size: int | None = None) -> Estimate:
    """What a run of ``config`` on ``simulator`` will need; times a small batch when first asked.

    A config without ``num_simulations`` is one of chains, whose time cannot be known before they run.

    Args:
        simulator: the model.
        config: of a method.
        group_size: how many simulations make one row to learn from; None: as many as the config says.
    """
    trains = all(method.trains for method in METHODS.values() if type(config) is method.config)
    per_round = getattr(config, "num_simulations", 0)
    if isinstance(config, EPI):
        return Estimate(None, FIXED_SECONDS, BASE_BYTES, told=_epochs(simulator, config))
    if not per_round:
        return Estimate(None, FIXED_SECONDS, BASE_BYTES, trains=False)
    groups = per_round * getattr(config, "num_rounds", 1)
    num = groups * (group_size or getattr(config, "group_size", 1))
    width = simulator.prior.dim + simulator.num_features
    num_bytes = BASE_BYTES + COPIES * 4.0 * num * width
    taken = sample(simulator)
    trained = groups * max(taken.valid_share, 1 / taken.num)
    members = getattr(config, "members", 1) if trains else 0
    train_seconds = FIXED_SECONDS + trained * TRAIN_SECONDS_PER_ROW * members
    warning = valid_words(taken, per_round)
    return Estimate(num * taken.seconds, train_seconds, num_bytes, warning, trains)


def _epochs(simulator: Simulator, config: EPI) -> str:
    """What the epochs take."""
    times = 1.0 if gradient_of(config, simulator) == "score" else SLOPES
    step = FLOW_SECONDS + times * batch_seconds(simulator, config.batch_size or BATCH)
    seconds = config.num_steps * config.num_seeds * step
    epochs = f"{words.duration(seconds)} for each of {words.count(config.max_epochs, 'epoch')}"
    whole = words.duration(config.max_epochs * seconds)
    return f"{epochs}, {whole} in all, to a factor of three; it usually ends before"


@lru_cache(maxsize=32)
def batch_seconds(simulator: Simulator, num: int) -> float:
    """Of a batch in one compiled call, as EPI makes them in each step: the fastest of three."""

    @jax.jit
    def run(key: Key[Array, ""]) -> Array:
        theta_key, simulate_key = jax.random.split(key)
        theta = simulator.prior.sample(theta_key, num)
        return jax.vmap(simulator)(jax.random.split(simulate_key, num), theta)

    def timed(number: int) -> float:
        start = time.perf_counter()
        run(jax.random.key(number)).block_until_ready()
        return time.perf_counter() - start

    return min([timed(number) for number in range(4)][1:])  # the first one compiles


def valid_words(taken: Sample, num: int) -> str:
    """How many of ``num`` simulations from the prior to expect to be valid, where these are few."""
    if taken.valid_share >= FEW_VALID:
        return ""
    if not taken.num_valid:
        most = words.about(3 * num / taken.num)  # of a share that yields none, with 5 %
        made = words.count(taken.num, "simulation")
        return f"None of {made} was valid: at most {most} of {words.about(num)} will be."
    share = words.number(100 * taken.valid_share, 1 if taken.valid_share < 0.1 else 2)
    told = f"Only about {share} % of the simulations will be valid ({taken.num_valid} of {taken.num} were)"
    expected = words.about(taken.valid_share * num)
    return f"{told}: some {expected} of {words.about(num)} to learn from."


def _cpu_chunk(simulator: Simulator) -> int:
    return min(default_chunk_size(simulator, SAMPLE), LARGEST_CHUNK)


@lru_cache(maxsize=32)
def sample(simulator: Simulator) -> Sample:
    """Time a chunk of simulations for each core; black boxes are timed on a few."""
    if simulator.function is not None:
        size, num = 2, 8
    else:
        size = default_chunk_size(simulator, GPU_ROWS) if on_gpu() else _cpu_chunk(simulator)
        num = size if on_gpu() else max(SAMPLE, size * cpu_count())
    first = simulate_batch(simulator, jax.random.key(0), num=size, chunk_size=size)  # compiles
    start = time.perf_counter()
    made = simulate_batch(simulator, jax.random.key(1), num=num, chunk_size=size)
    seconds = time.perf_counter() - start
    num_valid = int(first.is_valid.sum() + made.is_valid.sum())
    return Sample(seconds / num, size + num, num_valid)
