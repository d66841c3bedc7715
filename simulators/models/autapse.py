"""Autapse: a neuron that excites itself, some of whose simulations blow up (Lueckmann et al. 2017, figure 4).

    tau_x dx/dt = (J - 1) x + I(t) + 15 xi(t),  x(0) = 0,  y = x + 0.25 xi'

by Euler-Maruyama in steps of 0.01 ms for 120 ms; I = 1 from 10 to 110 ms. The feature is the mean of y during
the stimulus. A simulation is bad, and has no feature (NaN), when the last |y| exceeds 1000.

The fixed point is stable where (J - 1) / tau_x < 0: the lines J = 1 and tau_x = 0 divide the plane. Just
inside the unstable region the noise has no time to grow to 1000; and for |tau_x| < dt |J - 1| / 2 Euler's
scheme blows up where the equation does not. The bounds of tau_x, negative ones too, are those of the code.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key
from numpyro import distributions as dist
from scipy.special import log_ndtr

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.features.window import Window
from simulators.integrate import scan_blocks
from simulators.prior import Prior

DT = 0.01  # ms
DURATION = 120.0  # ms
ON, OFF = 1000, 11_000  # samples: 10 and 110 ms
NOISE = 15.0
OBSERVATION_NOISE = 0.25
BAD_ABOVE = 1000.0
BLOCK_LENGTH = 200  # samples; part of the model in so far as noise is drawn per block

TIME = np.arange(round(DURATION / DT) + 1) * DT
STIMULUS = Window(ON + 1, OFF)  # where the feature is taken
INPUT = np.where((np.arange(len(TIME)) >= ON) & (np.arange(len(TIME)) < OFF), 1.0, 0.0)

PRIOR = Prior(
    {"J": dist.Uniform(0.1, 2.0), "tau_x": dist.Uniform(-1.0, 2.5)},
    units={"tau_x": "ms"},
    labels={"J": "$J$", "tau_x": r"$\tau_x$"},
)


def is_stable(theta: Float[np.ndarray, "*n 2"]) -> Bool[np.ndarray, "*n"]:
    """Whether the fixed point is stable, for rows (J, tau_x): the known boundary."""
    coupling, tau = np.moveaxis(np.asarray(theta, float), -1, 0)
    return (coupling - 1) * tau < 0


def probability_bad(theta: Float[np.ndarray, "*n 2"]) -> Float[np.ndarray, "*n"]:
    """Exact share of bad simulations for rows (J, tau_x): y is Gaussian at every step of Euler's scheme."""
    coupling, tau = np.moveaxis(np.asarray(theta, float), -1, 0)
    growth = 1 + DT * (coupling - 1) / tau
    num = len(TIME) - 1
    with np.errstate(over="ignore", invalid="ignore"):
        mean = DT / tau * growth ** (num - OFF) * _geometric_sum(growth, OFF - ON)
        variance = NOISE**2 * DT / tau**2 * _geometric_sum(growth**2, num) + OBSERVATION_NOISE**2
        upper, lower = (BAD_ABOVE - mean) / np.sqrt(variance), (BAD_ABOVE + mean) / np.sqrt(variance)
    probability = np.exp(log_ndtr(-upper)) + np.exp(log_ndtr(-lower))
    return np.where(np.isfinite(mean) & np.isfinite(variance), probability, 1.0)


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, " num_samples"]:
    """Observed activity y, one sample per step."""

    def keep(nothing, _, observed):
        return nothing, observed

    _, blocks = _scan(key, theta, keep, ())
    return blocks.reshape(-1)[: len(TIME)]


def features(activity: Float[Array, " num_samples"]) -> dict[str, Float[Array, ""]]:
    """Mean activity during the stimulus; NaN when the simulation is bad."""
    return _named(activity[STIMULUS.start : STIMULUS.stop].mean(), activity[-1])


def simulate_features(key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
    """The feature of ``simulate(key, theta)``, without storing the activity."""

    def add(running, first, observed):
        total, last = running
        index = first + jnp.arange(BLOCK_LENGTH)
        total += jnp.where(STIMULUS.contains(index), observed, 0.0).sum()
        return (total, jnp.where(index[0] < len(TIME), observed[(len(TIME) - 1) % BLOCK_LENGTH], last)), None

    zero = jnp.zeros((), jnp.result_type(theta["J"]))
    (total, last), _ = _scan(key, theta, add, (zero, zero))
    return _named(total / len(STIMULUS), last)


def step(
    x: Float[Array, ""], current: Float[Array, ""], noise: Float[Array, ""], *, theta: Theta
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The activity one step later, and now; noise is standard normal."""
    change = DT * ((theta["J"] - 1) * x + current) + NOISE * DT**0.5 * noise
    return x + change / theta["tau_x"], x


def _scan(key: Key[Array, ""], theta: Theta, fold, summary):
    observe_key, key = jax.random.split(key)

    def observed(summary, first, x):
        block_key = jax.random.fold_in(observe_key, first)
        return fold(summary, first, x + OBSERVATION_NOISE * jax.random.normal(block_key, x.shape, x.dtype))

    start = jnp.zeros_like(theta["J"])
    return scan_blocks(
        key, partial(step, theta=theta), start, INPUT, observed, summary, block_length=BLOCK_LENGTH
    )


def _named(mean: Array, last: Array) -> dict[str, Array]:
    is_good = jnp.abs(last) <= BAD_ABOVE  # also false for NaN
    not_finite = jnp.where(jnp.isfinite(last), jnp.nan, jnp.inf)
    return {"stim_mean": jnp.where(is_good, mean, not_finite)}


def _geometric_sum(ratio: np.ndarray, num: int) -> np.ndarray:
    """1 + ratio + ... + ratio^(num - 1)."""
    is_one = ratio == 1
    safe = np.where(is_one, 2.0, ratio)
    return np.where(is_one, num, (safe**num - 1) / (safe - 1))


autapse = Simulator(
    "autapse",
    PRIOR,
    simulate,
    features,
    feature_labels={"stim_mean": "mean"},
    simulate_features=simulate_features,
    axes=RecordingAxes(TIME, "activity", "", stimulus=INPUT, stimulus_name="input"),
    true_theta=np.array([0.95, 1.0], np.float32),
    title="Autapse",
    summary="A neuron that excites itself: where does it blow up, and can inference learn to stay away?",
    source="Lueckmann et al. 2017, Flexible statistical inference for mechanistic models, NeurIPS, figure 4",
)
