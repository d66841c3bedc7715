"""One simulation at a time, fast enough to follow a slider; and what a plot of it needs. No Panel in here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from simulators import Prior, Simulator, simulate_batch

NUM_REPEATS = 150  # simulations at one theta, shown as a cloud where there is no trace
CLOUD_SIZE = 600  # prior-predictive draws behind the current simulation
CENTRAL = (0.5, 99.5)  # percent of the prior that a slider covers where the prior has no bounds


@dataclass(frozen=True, eq=False)
class Simulated:
    """One simulation.

    Attributes:
        theta: parameters, shape (dim,).
        x: features, shape (num_features,); None where they are still to be computed, see `sketch`.
        recording: what is drawn: a recording or an image, or None where the model has no axes to draw it on.
        repeats: features of more simulations at the same theta, shape (n, num_features), where there is no
            recording to look at; else None.
    """

    theta: Float[np.ndarray, " dim"]
    x: Float[np.ndarray, " num_features"] | None = None
    recording: np.ndarray | None = None
    repeats: np.ndarray | None = None


@dataclass(frozen=True)
class SliderRange:
    """The range of one parameter's slider: ``low`` to ``high`` in ``step``, shown with ``decimals``."""

    low: float
    high: float
    step: float
    decimals: int


@lru_cache(maxsize=32)
def single(simulator: Simulator) -> Callable[[int, np.ndarray], Simulated]:
    """A function ``(noise seed, theta) -> Simulated``, compiled on its first call."""
    if simulator.picture is not None:
        draw, compute = sketch(simulator), features(simulator)
        return lambda seed, theta: replace(draw(seed, theta), x=compute(seed, theta))
    is_black_box = simulator.function is not None

    def everything(seed, theta):
        key = jax.random.key(seed)
        shown = {"x": simulator(key, theta)}
        if simulator.axes is not None:
            shown["recording"] = simulator.simulate(key, simulator.prior.as_dict(theta))
        elif not is_black_box:
            shown["repeats"] = jax.vmap(simulator, (0, None))(jax.random.split(key, NUM_REPEATS), theta)
        return shown

    call = everything if is_black_box else jax.jit(everything)

    def run(seed: int, theta: np.ndarray) -> Simulated:
        theta = np.asarray(theta, np.float32)
        shown = call(np.uint32(seed), jnp.asarray(theta))
        return Simulated(theta, **{name: np.asarray(value) for name, value in shown.items()})

    return run


def has_sketch(simulator: Simulator) -> bool:
    """Whether there is a picture that does not wait for the features, which may need seconds."""
    return simulator.picture is not None and simulator.axes is not None


@lru_cache(maxsize=32)
def sketch(simulator: Simulator) -> Callable[[int, np.ndarray], Simulated]:
    """A function ``(noise seed, theta) -> Simulated`` that leaves out the features, compiled on first use."""

    def run(seed: int, theta: np.ndarray) -> Simulated:
        theta = np.asarray(theta, np.float32)
        return Simulated(theta, recording=np.asarray(call(np.uint32(seed), jnp.asarray(theta))))

    call = jax.jit(lambda seed, row: simulator.drawn(jax.random.key(seed), simulator.prior.as_dict(row)))
    return run


@lru_cache(maxsize=32)
def features(simulator: Simulator) -> Callable[[int, np.ndarray], np.ndarray]:
    """A function ``(noise seed, theta) -> x``, compiled on its first call."""
    call = jax.jit(lambda seed, row: simulator(jax.random.key(seed), row))
    return lambda seed, theta: np.asarray(call(np.uint32(seed), jnp.asarray(theta, jnp.float32)))


def reference(simulator: Simulator) -> Simulated:
    """What exploring is compared with: the built-in observation; of a picture without its features."""
    if simulator.observed is not None:
        observed = simulator.observed
        return Simulated(home_theta(simulator), observed.x, observed.recording)
    draw = sketch(simulator) if has_sketch(simulator) else single(simulator)
    return draw(0, home_theta(simulator))


@lru_cache(maxsize=32)
def home_theta(simulator: Simulator) -> Float[np.ndarray, " dim"]:
    """Where exploring starts: the parameters of the built-in observation, else the median of the prior."""
    of_observed = None if simulator.observed is None else simulator.observed.theta
    known = simulator.true_theta if of_observed is None else of_observed
    if known is not None:
        return np.asarray(known, np.float32)
    return np.median(_prior_draws(simulator.prior), axis=0).astype(np.float32)


@lru_cache(maxsize=32)
def cloud(simulator: Simulator) -> Float[np.ndarray, "num num_features"]:
    """Features of simulations from the prior, only the valid ones."""
    simulations = simulate_batch(simulator, jax.random.key(1), num=CLOUD_SIZE)
    return np.asarray(simulations.x)[np.asarray(simulations.is_valid)]


@lru_cache(maxsize=32)
def slider_ranges(prior: Prior) -> tuple[SliderRange, ...]:
    """One range per parameter: the prior's bounds, or its central 99 % where it has none."""
    draws = _prior_draws(prior)
    low, high = (np.percentile(draws, percent, axis=0) for percent in CENTRAL)
    low = np.where(np.isfinite(prior.low), prior.low, low)
    high = np.where(np.isfinite(prior.high), prior.high, high)
    return tuple(slider_range(float(a), float(b)) for a, b in zip(low, high, strict=True))


def inside(prior: Prior, theta: np.ndarray) -> Float[np.ndarray, " dim"]:
    """``theta`` moved into the support: a slider's rounded end may lie a hair outside."""
    low, high = prior.low.astype(np.float32), prior.high.astype(np.float32)
    return np.clip(np.asarray(theta, np.float32), np.nextafter(low, np.float32(np.inf)), high)


def _prior_draws(prior: Prior) -> np.ndarray:
    return np.asarray(prior.sample(jax.random.key(0), 4000))


def slider_range(low: float, high: float) -> SliderRange:
    """About 400 steps of 1, 2 or 5 times a power of ten, ending on a step: arrow keys give round values."""
    rough = (high - low) / 400
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    start, stop = (
        round(math.floor(low / step + 1e-6) * step, decimals),
        round(math.ceil(high / step - 1e-6) * step, decimals),
    )
    return SliderRange(start, stop, round(step, decimals), decimals)
