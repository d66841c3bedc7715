"""Five neurons of the stomatogastric ganglion: which conductances give the hub neuron an intermediate rhythm?

Two fast and two slow neurons, each pair in mutual inhibition, and a hub that gap junctions tie to one of each
and that the others inhibit (Gutierrez et al. 2013, Neuron 77). With voltages V in mV and time in ms,

    C dV/dt = -(I_leak + I_Ca + I_K + I_hyp + I_gap + I_syn) + noise
    dN/dt = lambda_N(V) (N_inf(V) - N),   dH/dt = (H_inf(V) - H) / tau_H(V)

by Euler's method in 300 steps of 25 ms. **The step is part of the model**: a finer one moves the frequency of
the hub by up to 0.1 Hz. The noise, a fresh current of 1 pA sd in each step, is not scaled by the root of the
step. The statistic is the hub's frequency: the mean of 0, 0.01 ... 1 Hz with the softmax of
100 |Fourier sum| of its positive voltage (in V; smoothed over 0.5 s, without its mean) as weights. A hub that
never exceeds 0 mV has no rhythm, equal weights, and therefore 0.5 Hz with slopes of 0.

Model and statistic are those of Bittner et al. 2021, eLife 10:e56265, who ask for 0.55 +- 0.025 Hz. Initial
state, noise and the filter are those of its code; the published final code has 500 in place of 100, which
changes the frequency by about 0.001 Hz.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.batch_last import simulations_last
from simulators.counter_noise import key_words, step_normals
from simulators.prior import Prior
from simulators.smooth import root

NEURONS = ("fast 1", "fast 2", "hub", "slow 1", "slow 2")
HUB = 2
DT, NUM_STEPS = 25.0, 300  # ms
NOISE = 1e-3  # nA
G_SYN_B = 5.0  # nS, between the fast and between the slow neurons
SHARPNESS = 100.0  # 1/V, of the softmax

G_LEAK, V_LEAK = 1e-4, -40.0  # uS, mV; the capacitance is 1 nF
V_CA, V_K, V_HYP, V_SYN, V_TH = 100.0, -80.0, -20.0, -75.0, -25.0  # mV
PHI_N = 0.002  # 1/ms
_KIND = np.array([0, 0, 1, 2, 2])  # fast, hub, slow
G_CA = np.array([1.9e-2, 1.7e-2, 8.5e-3])[_KIND]  # uS
G_K = np.array([3.9e-2, 1.9e-2, 1.5e-2])[_KIND]
G_HYP = np.array([2.5e-2, 8.0e-3, 1.0e-2])[_KIND]

V_0 = np.array([-41.69771, -43.19491, 8.83992, -68.79824, 30.48103])  # mV
N_0 = np.array([0.00151316, 0.19784773, 0.56514935, 0.12214069, 0.35290397])
H_0 = np.array([0.08614699, 0.04938177, 0.05568701, 0.07007949, 0.05790969])

GAP = np.zeros((5, 5))  # of I_gap = g_el GAP V
GAP[1, [1, 2]] = GAP[4, [4, 2]] = 1.0, -1.0
GAP[2, [1, 2, 4]] = -1.0, 2.0, -1.0
FROM_A = np.zeros((5, 5))  # who inhibits whom (row: target), with g_synA and with g_synB
FROM_A[2, [0, 3]] = 1.0
FROM_B = np.zeros((5, 5))
FROM_B[[0, 1, 3, 4], [1, 0, 4, 3]] = 1.0

State = tuple[Array, Array, Array]  # V, N, H of the neurons, each (5, *batch)
Noise = Callable[[Array], Array]  # standard normals (5, *batch) of a step

PRIOR = Prior(
    {"g_el": dist.Uniform(4.0, 8.0), "g_synA": dist.Uniform(0.01, 4.0)},
    units={"g_el": "nS", "g_synA": "nS"},
    labels={"g_el": r"$g_\mathrm{el}$", "g_synA": r"$g_\mathrm{synA}$"},
)

FREQUENCIES = np.arange(101) / 100  # Hz
FIRST, WIDTH = 20, 20  # samples: the first that counts, and of the moving average


def fourier_sums() -> Float[np.ndarray, "202 281"]:
    """Real and imaginary parts of the sums at all frequencies, as a matrix on the hub's voltage.

    Smoothing by a moving average and the subtraction of the mean are part of the product.
    """
    num = NUM_STEPS + 1 - FIRST
    smooth = np.mean([np.eye(num - WIDTH + 1, num, shift) for shift in range(WIDTH)], axis=0)
    centred = smooth - smooth.mean(axis=0)
    phase = 2 * np.pi * np.outer(FREQUENCIES, np.arange(len(centred))) * DT / 1000
    return np.concatenate([np.cos(phase), -np.sin(phase)]) @ centred


FILTERS = fourier_sums()


def step(state: State, noise: Float[Array, "5 ..."], theta: Float[Array, " 2 *batch"]) -> State:
    """25 ms later; noise is standard normal."""
    v, n, h = state
    g_ca, g_k, g_hyp = (column(g, v) for g in (G_CA, G_K, G_HYP))
    g_el, g_syn_a = 1e-3 * theta
    release = jax.nn.sigmoid((v - V_TH) / 5.0)
    current = G_LEAK * (v - V_LEAK) + g_ca * _half_tanh(v / 20.0) * (v - V_CA)
    current += g_k * n * (v - V_K) + g_hyp * h * (v - V_HYP) + g_el * combined(GAP, v)
    inhibition = g_syn_a * combined(FROM_A, release) + 1e-3 * G_SYN_B * combined(FROM_B, release)
    current += inhibition * (v - V_SYN) - NOISE * noise
    rate_n = PHI_N * jnp.cosh(v / 30.0)
    tau_h = 272.0 + 1499.0 * jax.nn.sigmoid((v + 42.2) / 87.3)
    slope_h = (jax.nn.sigmoid(-(v + 78.3) / 10.5) - h) / tau_h
    return v - DT * current, n + DT * rate_n * (_half_tanh(v / 15.0) - n), h + DT * slope_h


def voltages(
    theta: Float[Array, " 2 *batch"], noise: Noise, shown: int | slice = slice(None)
) -> Float[Array, "301 ..."]:
    """Voltages of the five neurons, (301, 5, *batch), or of one of them, (301, *batch), in mV, every 25 ms.

    Args:
        theta: g_el and g_synA, nS.
        noise: number of a step -> standard normals, (5, *batch).
        shown: which neurons.
    """
    shape = (5, *theta.shape[1:])
    v, n, h = (jnp.broadcast_to(column(part, theta), shape) for part in (V_0, N_0, H_0))

    def advance(state: State, i: Array) -> tuple[State, Array]:
        return step(state, noise(i), theta), state[0][shown]

    last, path = jax.lax.scan(advance, (v, n, h), jnp.arange(NUM_STEPS, dtype=jnp.uint32))
    return jnp.concatenate([path, last[0][shown][None]])


def frequency(hub: Float[Array, " 301 *batch"], sharpness: float = SHARPNESS) -> Float[Array, "*batch"]:
    """Frequency in Hz of the hub's voltage in mV.

    Args:
        hub: every 25 ms.
        sharpness: of the softmax, 1/V.
    """
    positive = jax.nn.relu(hub[FIRST:]) * 1e-3
    real, imaginary = jnp.split(jnp.tensordot(jnp.asarray(FILTERS, hub.dtype), positive, 1), 2)
    weights = jax.nn.softmax(sharpness * root(real**2 + imaginary**2), axis=0)
    return jnp.tensordot(jnp.asarray(FREQUENCIES, hub.dtype), weights, 1)


def features(recording: Float[Array, "5 301"]) -> dict[str, Float[Array, ""]]:
    """The hub's frequency, in Hz."""
    return {"hub_frequency": frequency(recording[HUB])}


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, "5 301"]:
    """Voltages of the five neurons, in mV, every 25 ms."""
    return _voltages(key_words(key), _row(theta)).T


def simulate_features(key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
    """The features, with slopes that are computed forward, as there are two parameters only."""
    return {"hub_frequency": _hub_frequency(key_words(key), _row(theta))}


def column(values: np.ndarray, like: Array) -> Array:
    """One value per neuron, for a batch of simulations."""
    return jnp.asarray(values, like.dtype).reshape(-1, *[1] * (like.ndim - 1))


def combined(matrix: np.ndarray, values: Array) -> Array:
    """The product with a matrix most of whose entries are 0."""
    nothing = jnp.zeros_like(values[0])
    rows = [[float(w) * values[j] for j, w in enumerate(row) if w] for row in matrix]
    return jnp.stack([sum(row, nothing) for row in rows])


def _half_tanh(x: Array) -> Array:
    return (1 + jnp.tanh(x)) / 2


def _row(theta: Theta) -> Array:
    return jnp.stack([theta["g_el"], theta["g_synA"]])


@simulations_last
def _voltages(words: Array, theta: Array) -> Array:
    return voltages(theta, lambda i: step_normals(words, i, 5).astype(theta.dtype))


@simulations_last
def _hub_frequency(words: Array, theta: Array) -> Array:
    return frequency(voltages(theta, lambda i: step_normals(words, i, 5).astype(theta.dtype), HUB))


TIME = np.arange(NUM_STEPS + 1) * DT / 1000  # s

stg_subcircuit = Simulator(
    "stg_subcircuit",
    PRIOR,
    simulate,
    features,
    feature_units={"hub_frequency": "Hz"},
    feature_labels={"hub_frequency": "frequency of the hub"},
    targets={"hub_frequency": (0.55, 0.025)},
    simulate_features=simulate_features,
    axes=RecordingAxes(TIME, "voltage", "mV", time_unit="s", rows=NEURONS),
    true_theta=np.array([6.1071167, 1.3093035], np.float32),
    title="STG subcircuit",
    summary="A hub neuron between a fast and a slow pair: which electrical and synaptic conductances give it "
    "a rhythm between the two, at 0.55 Hz?",
    source="Bittner et al. 2021, eLife 10:e56265; model of Gutierrez, O'Leary and Marder 2013, Neuron 77",
)
