"""Stochastic Jansen-Rit neural mass: a cortical column whose potential is an EEG of 8 s at 128 Hz.

    dX0 = X3 dt,  dX3 = (A a S(X1 - X2)             - 2 a X3 - a^2 X0) dt + 0.01 dW3
    dX1 = X4 dt,  dX4 = (A a (mu + C2 S(C1 X0))     - 2 a X4 - a^2 X1) dt + sigma dW4
    dX2 = X5 dt,  dX5 = (B b C4 S(C3 X0)            - 2 b X5 - b^2 X2) dt + 1 dW5

    S(v) = vmax / (1 + exp(r (v0 - v))),  C1 = C, C2 = 0.8 C, C3 = C4 = 0.25 C
    y = 10^(g / 10) (X1 - X2), minus its mean over time

X(0) ~ N(0, I); the first 2 s are left out. The gain g, in dB, multiplies the amplitude by 10^(g / 10), so
+10 dB raise log10 of the power by 2; it is shared by all recordings of a session.

Integrated by Strang splitting in steps of h = 1/1024 s (Buckwar et al. 2020, Stat. Comput. 30,
doi:10.1007/s11222-019-09909-6): half a step of the nonlinear part, which moves the speeds X3..X5 only, an
exact step of the linear part with its noise, and half a step again. Two half steps in a row see the same
potentials, so they are taken as one.

Parameters, priors and features are those of Rodrigues et al. 2021 (HNPE, NeurIPS, arXiv:2102.06477) and of
its code: log10 of the power in 33 bins up to 63 Hz.

Single precision gives half of the rows to 1e-5. Where the rhythm is about to begin (C from 130 to 160) it
waits for noise, and any rounding decides when: 2 % of prior draws differ by more than 0.01 in some bin.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import FeatureAxis, Observed, RecordingAxes, Simulator, Theta, feature_row
from simulators.counter_noise import normals
from simulators.features.band_pass import Band, band_pass
from simulators.features.spectrum import NUM_BINS, frequencies, log_power, spectrogram
from simulators.integrate import scan_blocks
from simulators.precision import in_precision
from simulators.prior import Prior
from simulators.recordings import EEG, EegEpochs

A, B = 3.25, 22.0  # mV
RATE_A, RATE_B = 100.0, 50.0  # 1/s
V_0, V_MAX, SLOPE = 6.0, 5.0, 0.56  # mV, 1/s, 1/mV
NOISE_0, NOISE_2 = 0.01, 1.0  # of X3 and X5, mV s^-1.5; that of X4 is a parameter
STEP = 1 / 1024  # s
SAMPLING_RATE, DURATION, BURN_IN = 128, 8, 2  # Hz, s, s
STRIDE = round(1 / (STEP * SAMPLING_RATE))  # steps per sample
NUM_SAMPLES, FIRST = DURATION * SAMPLING_RATE, BURN_IN * SAMPLING_RATE
NUM_STEPS = (NUM_SAMPLES + FIRST) * STRIDE
BLOCK_LENGTH = 64  # steps; part of the model in so far as noise is drawn per block
CHUNK = 512  # rows; small enough for a core's cache

State = tuple[Array, Array, Array, Array, Array, Array]  # X0..X5, in mV and mV/s
Noise = tuple[Array, ...]  # six standard normals

PRIOR = Prior(
    {
        "C": dist.Uniform(10.0, 250.0),
        "mu": dist.Uniform(50.0, 500.0),
        "sigma": dist.Uniform(100.0, 5000.0),
        "g": dist.Uniform(-20.0, 20.0),
    },
    units={"mu": "1/s", "sigma": "mV s^-1.5", "g": "dB"},
    labels={"C": "$C$", "mu": r"$\mu$", "sigma": r"$\sigma$", "g": "$g$"},
    shared=("g",),
)


def linear_step(rate: float) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, "2 2"]]:
    """E and L of the exact step v, w <- E (v, w) + s L xi of dv = w dt, dw = (-2 k w - k^2 v) dt + s dW.

    E is the matrix exponential, L the lower Cholesky factor of the covariance for s = 1, with standard
    normal xi.

    Args:
        rate: k, 1/s.
    """
    k, d = rate, rate * STEP
    decay = math.exp(-d)
    move = decay * np.array([[1 + d, STEP], [-k * d, 1 - d]])
    # The first variance is about h^3 / 3: double precision leaves twelve digits of it.
    place = (1 - decay**2 * (1 + 2 * d + 2 * d**2)) / (4 * k**3)
    both = STEP**2 / 2 * decay**2
    speed = (1 - decay**2 * (1 - 2 * d + 2 * d**2)) / (4 * k)
    return move, np.linalg.cholesky(np.array([[place, both], [both, speed]]))


LINEAR_A, LINEAR_B = linear_step(RATE_A), linear_step(RATE_B)


def push(state: State, theta: Theta, duration: float) -> State:
    """The nonlinear part for that long, in s: exact, as the potentials stand still meanwhile."""
    x0, x1, x2, x3, x4, x5 = state
    c = theta["C"]
    excited = theta["mu"] + 0.8 * c * _firing_rate(c * x0)
    inhibited = 0.25 * c * _firing_rate(0.25 * c * x0)
    x3 += duration * A * RATE_A * _firing_rate(x1 - x2)
    x4 += duration * A * RATE_A * excited
    x5 += duration * B * RATE_B * inhibited
    return x0, x1, x2, x3, x4, x5


def relax(state: State, noise: Noise, sigma: Array) -> State:
    """One exact step of the linear part with its noise."""
    x0, x1, x2, x3, x4, x5 = state
    x0, x3 = _relaxed(x0, x3, LINEAR_A, (NOISE_0 * noise[0], NOISE_0 * noise[3]))
    x1, x4 = _relaxed(x1, x4, LINEAR_A, (sigma * noise[1], sigma * noise[4]))
    x2, x5 = _relaxed(x2, x5, LINEAR_B, (NOISE_2 * noise[2], NOISE_2 * noise[5]))
    return x0, x1, x2, x3, x4, x5


def potential(key: Key[Array, ""], theta: Theta) -> Float[Array, " 1024"]:
    """The EEG y before its mean is subtracted, in mV at a gain of 0 dB, 128 samples per second."""
    start_key, noise_key = jax.random.split(key)
    start = tuple(normals(start_key, 6).astype(theta["C"].dtype))

    def advance(state: State, _: Array, noise: Noise) -> tuple[State, Array]:
        moved = push(relax(state, noise, theta["sigma"]), theta, STEP)
        return moved, state[1] - state[2]

    def keep(nothing: tuple, _: Array, block: Array) -> tuple[tuple, Array]:
        return nothing, block[::STRIDE]

    state, nothing = push(start, theta, STEP / 2), ()
    _, kept = scan_blocks(
        noise_key, advance, state, np.zeros(NUM_STEPS), keep, nothing, block_length=BLOCK_LENGTH, num_noises=6
    )
    return jnp.exp(theta["g"] * (math.log(10) / 10)) * kept.reshape(-1)[FIRST:]


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, " 1024"]:
    """The EEG y, in mV at a gain of 0 dB: 8 s at 128 Hz, of mean 0."""
    y = potential(key, theta)
    return y - y.mean()


def spectrum(recording: Float[Array, " num_samples"]) -> dict[str, Array]:
    """log10 of the power in 33 bins; also of a recorded series at 128 Hz, best of 1024 samples."""
    return {"log_power": log_power(recording)}


def series(recording: Float[Array, " num_samples"]) -> dict[str, Array]:
    """The series in units of its sd, for an embedding that learns features, and log10 of that sd."""
    centred = recording - recording.mean()
    sd = jnp.sqrt((centred**2).mean())
    return {"series": centred / sd, "log_sd": jnp.log10(sd)}


def image(recording: Float[Array, " num_samples"]) -> dict[str, Array]:
    """log10 of the power in 33 bins (columns) of each of 30 segments (rows), for an embedding of images."""
    return {"spectrogram": spectrogram(recording)}


def _firing_rate(v: Array) -> Array:
    """S(v), spikes per second."""
    return V_MAX * jax.nn.sigmoid(SLOPE * (v - V_0))


def _relaxed(
    v: Array, w: Array, linear: tuple[np.ndarray, np.ndarray], noise: tuple[Array, Array]
) -> tuple[Array, Array]:
    move, spread = (part.tolist() for part in linear)
    return (
        move[0][0] * v + move[0][1] * w + spread[0][0] * noise[0],
        move[1][0] * v + move[1][1] * w + spread[1][0] * noise[0] + spread[1][1] * noise[1],
    )


TIME = np.arange(NUM_SAMPLES) / SAMPLING_RATE  # s
FREQUENCIES = frequencies(float(SAMPLING_RATE))  # Hz
FEATURES = {  # and which of them have units and labels
    "spectrum": (spectrum, "log_power"),
    "series": (series, "log_sd"),
    "spectrogram": (image, "spectrogram"),
}
UNITS = dict.fromkeys([f"log_power[{i}]" for i in range(NUM_BINS)], "log10 mV2") | {"log_sd": "log10 mV"}
LABELS = {f"log_power[{i}]": f"log power, {f:.1f} Hz" for i, f in enumerate(FREQUENCIES)} | {
    "log_sd": "log sd"
}
FEATURE_AXES = {
    "log_power": FeatureAxis(FREQUENCIES, "frequency", "Hz"),
    "series": FeatureAxis(TIME, "time", "s"),
}


def make_jansen_rit(
    *, features: str = "spectrum", precision: str = "single", band: Band = (None, None)
) -> Simulator:
    """The model with one of three kinds of features.

    Args:
        features: "spectrum" (33 numbers); "series", 1024 standardised samples, an array for
            ``SNPE(embedding="gru")``, and the logarithm of their sd; or "spectrogram", 30 x 33, for "cnn".
        precision: "double" sees the same noise as "single", and takes longer.
        band: of a filter, in Hz, that simulations go through as the recording did; none by default.

    Raises:
        ValueError: other features, another precision, or a band that is not usable.
    """
    if features not in FEATURES:
        raise ValueError(f"Features of the model are one of {', '.join(FEATURES)}; got {features!r}.")
    compute, prefix = FEATURES[features]
    return Simulator(
        "jansen_rit",
        PRIOR,
        in_precision(simulate, precision),
        compute if band == (None, None) else partial(_filtered, features=features, band=band),
        feature_units={name: unit for name, unit in UNITS.items() if name.startswith(prefix)},
        feature_labels={name: label for name, label in LABELS.items() if name.startswith(prefix)},
        feature_axes=FEATURE_AXES,
        axes=RecordingAxes(TIME, "potential", "mV", time_unit="s"),
        chunk_size=CHUNK,
        recordings=EEG,
        drive=partial(drive, features=features, precision=precision),
        true_theta=np.array([135.0, 220.0, 2000.0, 0.0], np.float32),
        title="Jansen-Rit neural mass",
        summary="Three populations of neurons in a cortical column make an EEG with an alpha rhythm: which "
        "coupling, input and noise explain its power spectrum, and how strong was the amplifier?",
        source="Rodrigues et al. 2021, HNPE, NeurIPS, arXiv:2102.06477; Jansen and Rit 1995, Biol. Cybern. "
        "73; Strang splitting of Buckwar et al. 2020, Stat. Comput. 30",
    )


def drive(epochs: EegEpochs, *, features: str = "spectrum", precision: str = "single") -> Simulator:
    """The model with an epoch of EEG as its observation, and with the filter of that EEG on its simulations.

    The numbers are taken in microvolts, which the prior of the gain covers.

    Args:
        epochs: one epoch.
        features: as for ``make_jansen_rit``.
        precision: as for ``make_jansen_rit``.
    """
    driven = make_jansen_rit(features=features, precision=precision, band=epochs.band)
    eeg = epochs.epochs[0] - epochs.epochs[0].mean()
    computed = FEATURES[features][0](jnp.asarray(eeg))
    x = np.asarray(feature_row(computed))
    condition = f" ({epochs.labels[0]})" if epochs.labels[0] else ""
    label = f"{epochs.names[0]}{condition} of {epochs.attrs.get('file', 'an EEG')}"
    return replace(
        driven,
        axes=RecordingAxes(TIME, epochs.channel, epochs.unit, time_unit="s"),
        feature_units={name: unit.replace("mV", epochs.unit) for name, unit in driven.feature_units.items()},
        observed=Observed(x.astype(np.float32), recording=eeg.astype(np.float32), label=label),
    )


def _filtered(recording: Float[Array, " num_samples"], *, features: str, band: Band) -> dict[str, Array]:
    return FEATURES[features][0](band_pass(recording, band, float(SAMPLING_RATE)))


jansen_rit = make_jansen_rit()
