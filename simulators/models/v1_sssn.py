"""Four neuron types of visual cortex: which noise makes the excitatory rate fluctuate by a given amount?

A stochastic stabilised supralinear network of the populations E (excitatory), P, S and V (inhibitory cells
that express parvalbumin, somatostatin and VIP), with rates x in Hz:

    tau dx/dt = -x + [W x + h + eps]_+^2,   h = h_b + c h_c
    tau_n d eps = -eps dt + sqrt(2 tau_n) sigma sqrt(1 + tau / tau_n) dB

by Euler's method in steps of 0.5 ms for 100 ms, from x(0) ~ U[10, 25] Hz and eps(0) = 0. tau = 1 ms,
tau_n = 5 ms, the contrast c is 0.5; seen through tau, eps has the sd sigma, the parameter. The statistics are
the standard deviations over time of the rates from 75 to 100 ms, means of 100 trials. That of E is asked to
be 5 or 10 +- 1 Hz (Bittner et al. 2021, eLife 10:e56265, figure 3).

W and h are the published numbers, to three digits, in units in which rates are in Hz. **With these digits the
rates fluctuate by 0.6 of what is published**, as the network is near an oscillation; and sigma is a tenth of
what the paper's figures show: their [0, 0.5] is [0, 0.05] here, as in its code.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist
from scipy.linalg import solve_continuous_lyapunov

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.batch_last import simulations_last
from simulators.counter_noise import key_words, step_normals, step_words
from simulators.prior import Prior
from simulators.smooth import root

POPULATIONS = ("E", "P", "S", "V")
TAU, TAU_NOISE, DT, NUM_STEPS = 1.0, 5.0, 0.5, 200  # ms
FIRST = 150  # sample, at 75 ms, where the statistics begin
LOWEST, HIGHEST = 10.0, 25.0  # Hz, at the start
COLOUR = np.sqrt(1 + TAU / TAU_NOISE)  # sd of eps for sigma = 1

W = np.array(  # row: target, column: source
    [
        [0.218, -0.119, -0.0594, -0.0229],
        [0.166, -0.0651, -0.0680, -0.0242],
        [0.0895, -5.22e-4, -1.51e-5, -0.0761],
        [0.334, -0.231, -0.0254, -2.52e-5],
    ]
)
H_BASE, H_CONTRAST = np.array([4.16, 4.29, 4.91, 4.86]), np.array([3.59, 4.03, 0.0, 0.0])

State = tuple[Array, Array]  # rates in Hz, and noise of unit sigma, each (4, *batch)

PRIOR = Prior(
    {f"sigma_{name}": dist.Uniform(0.0, 0.05) for name in POPULATIONS},
    units={f"sigma_{name}": "Hz^0.5" for name in POPULATIONS},
    labels={f"sigma_{name}": rf"$\sigma_{name}$" for name in POPULATIONS},
)
UNITS = {f"s_{name}": "Hz" for name in POPULATIONS}


def inputs(contrast: float) -> Float[np.ndarray, " 4"]:
    """The input h to each population at a contrast from 0 to 1."""
    return H_BASE + contrast * H_CONTRAST


def steady_state(h: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
    """Rates without noise after 2 s, in Hz."""
    rates = np.full(4, (LOWEST + HIGHEST) / 2)
    for _ in range(4000):
        rates = rates + DT / TAU * (np.maximum(W @ rates + h, 0) ** 2 - rates)
    return rates


def linear_dynamics(h: Float[np.ndarray, " 4"]) -> Float[np.ndarray, "8 8"]:
    """Drift of small deviations of rates and noise from the steady state, 1/ms."""
    gain = np.diag(2 * np.maximum(W @ steady_state(h) + h, 0))
    one, nothing = np.eye(4), np.zeros((4, 4))
    return np.block([[(gain @ W - one) / TAU, gain / TAU], [nothing, -one / TAU_NOISE]])


def linear_sd(sigma: Float[np.ndarray, " 4"], h: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
    """Standard deviations of the rates, in Hz, by linear theory: for weak noise, over a long time."""
    spread = np.diag([0.0] * 4 + list(2 * (COLOUR * np.asarray(sigma)) ** 2 / TAU_NOISE))
    return np.sqrt(np.diag(solve_continuous_lyapunov(linear_dynamics(h), -spread))[:4])


def step(
    state: State,
    noise: Float[Array, " 4 *batch"],
    sigma: Float[Array, " 4 *batch"],
    h: Float[np.ndarray, " 4"],
) -> State:
    """0.5 ms later; noise is standard normal."""
    rates, unit = state
    weights, drive = ((jnp.asarray(part, rates.dtype)) for part in (W, h))
    shape = (4, *[1] * (rates.ndim - 1))
    recurrent = sum((weights[:, j].reshape(shape) * rates[j] for j in range(4)), drive.reshape(shape))
    power = jax.nn.relu(recurrent + sigma * (float(COLOUR) * unit)) ** 2
    moved = unit * (1 - DT / TAU_NOISE) + float(np.sqrt(2 * DT / TAU_NOISE)) * noise
    return rates + DT / TAU * (power - rates), moved


def simulate(key: Key[Array, ""], theta: Theta, *, h: np.ndarray, num_trials: int) -> Float[Array, "n 4 201"]:
    """Rates of each trial, in Hz, every 0.5 ms."""
    paths = simulations_last(partial(_rates, h=h))
    return jax.vmap(paths, (0, None))(_trials(key, num_trials), _row(theta)).swapaxes(1, 2)


def features(recording: Float[Array, "n 4 201"]) -> dict[str, Float[Array, ""]]:
    """Standard deviation of each rate over the last 25 ms, in Hz, mean over trials."""
    late = recording[..., FIRST:]
    return _named(root(late.var(axis=-1)).mean(axis=0))


def simulate_features(
    key: Key[Array, ""], theta: Theta, *, h: np.ndarray, num_trials: int
) -> dict[str, Float[Array, ""]]:
    """The features without storing the rates."""
    deviations = simulations_last(partial(_deviations, h=h))
    return _named(jax.vmap(deviations, (0, None))(_trials(key, num_trials), _row(theta)).mean(axis=0))


def one_trial(key: Key[Array, ""], theta: Theta, *, h: np.ndarray) -> Float[Array, "4 201"]:
    """Rates of the first trial, in Hz."""
    return simulate(key, theta, h=h, num_trials=1)[0]


def _named(values: Array) -> dict[str, Array]:
    return dict(zip(UNITS, values, strict=True))


def _row(theta: Theta) -> Array:
    return jnp.stack([theta[name] for name in PRIOR.names])


def _trials(key: Array, num: int) -> Array:
    """Words of the key of each trial: the first trials are the same for any number of them."""
    return jax.vmap(lambda i: key_words(jax.random.fold_in(key, i)))(jnp.arange(num))


def _start(words: Array) -> State:
    """Of each trial; its random bits are those of a step that is never made."""
    bits = step_words(words, NUM_STEPS, 4)
    rates = LOWEST + (HIGHEST - LOWEST) * ((bits >> 8).astype(jnp.float32) * 2.0**-24)
    return rates, jnp.zeros_like(rates)


def _rates(words: Array, theta: Array, h: np.ndarray) -> Array:
    """Rates, shape (201, 4, *batch)."""

    def advance(state: State, i: Array) -> tuple[State, Array]:
        return step(state, step_normals(words, i, 4), theta, h), state[0]

    last, path = jax.lax.scan(advance, _start(words), jnp.arange(NUM_STEPS))
    return jnp.concatenate([path, last[0][None]])


def _deviations(words: Array, theta: Array, h: np.ndarray) -> Array:
    """Standard deviations over time, shape (4, *batch), from sums about the first value that counts."""

    def advance(state: State, i: Array) -> tuple[State, None]:
        return step(state, step_normals(words, i, 4), theta, h), None

    def add(carry: tuple[State, Array, Array], i: Array) -> tuple[tuple[State, Array, Array], None]:
        state, total, squares = carry
        state, _ = advance(state, i)
        moved = state[0] - origin
        return (state, total + moved, squares + moved**2), None

    state, _ = jax.lax.scan(advance, _start(words), jnp.arange(FIRST))
    origin, nothing = state[0], jnp.zeros_like(state[0])
    late = jnp.arange(FIRST, NUM_STEPS)
    (_, total, squares), _ = jax.lax.scan(add, (state, nothing, nothing), late)
    num = len(late) + 1
    return root(squares / num - (total / num) ** 2)


def make_v1_sssn(*, contrast: float = 0.5, num_trials: int = 100) -> Simulator:
    """The model at another contrast, or with statistics of fewer or more trials.

    Args:
        contrast: of the stimulus, 0 to 1.
        num_trials: over which the statistics are averaged.

    Raises:
        ValueError: a contrast outside [0, 1], or no trial.
    """
    if not (0 <= contrast <= 1 and num_trials >= 1):
        raise ValueError(
            "The model of visual cortex takes a contrast from 0 to 1 and one trial or more; got contrast "
            f"{contrast!r} and {num_trials!r} trials."
        )
    h = inputs(contrast)
    return Simulator(
        "v1_sssn",
        PRIOR,
        partial(simulate, h=h, num_trials=num_trials),
        features,
        feature_units=UNITS,
        feature_labels={name: f"fluctuation of {name[-1]}" for name in UNITS},
        targets={"s_E": (5.0, 1.0)},
        simulate_features=partial(simulate_features, h=h, num_trials=num_trials),
        axes=RecordingAxes(np.arange(NUM_STEPS + 1) * DT, "rate", "Hz", rows=POPULATIONS),
        picture=partial(one_trial, h=h),
        chunk_size=128,
        true_theta=np.array([0.02, 0.02, 0.02, 0.02], np.float32),
        title="V1 with four neuron types",
        summary="Excitatory cells and three kinds of inhibitory cells in visual cortex: how much noise to "
        "each of them makes the excitatory rate fluctuate?",
        source="Bittner et al. 2021, eLife 10:e56265, figure 3; network of Palmigiano et al. 2020",
    )


v1_sssn = make_v1_sssn()
