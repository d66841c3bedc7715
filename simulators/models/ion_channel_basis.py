"""Time courses that summarise the currents of potassium channels: principal components of their responses.

Goncalves et al. 2020 took them from the responses of about 370 channels of the ICG database, which are not
public. Here the channels are made up: drawn from a Gaussian that was fitted to the curve fits of 173 of them
(those that open with depolarisation), on scales on which they are about Gaussian, and moved into the prior's
box. Each noise-free response is standardised over time; the ten leading components get unit norm, and a
constant comes last. They do not vary within bins of 0.5 ms, so a feature needs only sums over bins.

Share of the variance that ten components explain, by protocol: of 21 fits inside the box 99.90 to 99.96 %
(the paper tells 99.9 % of its channels), of 152 others, moved to its edge, 99.76 to 99.91 %, of prior draws
97.6 to 99.6 %.

`ion_channel_basis.npz` holds the components for the built-in protocols and the built-in action potentials;
`tools/ion_channel_basis.py` makes it.
"""

from __future__ import annotations

from functools import lru_cache, partial
from importlib.resources import files

import jax
import numpy as np
from jaxtyping import Float

from simulators.models.omnimodel import BIN, VoltageClamp, currents
from simulators.models.voltage_clamp import Protocol, action_potential

NUM_COMPONENTS = 10
NUM_CHANNELS = 256
MILLIVOLT = 100  # stored commands are integers, in units of 0.01 mV
# Of (log theta1, theta2, theta3, log theta4, asinh 100 theta5, asinh 10000 theta6, asinh 100 theta7,
# asinh 10000 theta8) over the fits: mean, standard deviation, correlation.
FITS_MEAN = (-2.051, -2.27, -4.448, 5.101, 2.069, 0.964, 2.735, -2.031)
FITS_SD = (0.533, 5.125, 62.698, 2.075, 1.014, 1.129, 1.433, 3.746)
FITS_CORRELATION = (
    (1.0, -0.73, -0.19, 0.25, 0.33, 0.02, -0.08, 0.14),
    (-0.73, 1.0, 0.51, -0.55, -0.56, -0.13, 0.33, -0.33),
    (-0.19, 0.51, 1.0, -0.78, -0.84, -0.42, 0.92, -0.91),
    (0.25, -0.55, -0.78, 1.0, 0.67, 0.12, -0.68, 0.71),
    (0.33, -0.56, -0.84, 0.67, 1.0, 0.41, -0.73, 0.81),
    (0.02, -0.13, -0.42, 0.12, 0.41, 1.0, -0.46, 0.35),
    (-0.08, 0.33, 0.92, -0.68, -0.73, -0.46, 1.0, -0.94),
    (0.14, -0.33, -0.91, 0.71, 0.81, 0.35, -0.94, 1.0),
)


def straightened(fits: Float[np.ndarray, "n 8"]) -> Float[np.ndarray, "n 8"]:
    """Parameters of channels on the scales of the Gaussian; theta1 and theta4 are positive."""
    slope, shift, place, time, *powers = fits.T
    scales = (1e2, 1e4, 1e2, 1e4)
    bent = [np.arcsinh(scale * power) for scale, power in zip(scales, powers, strict=True)]
    return np.column_stack([np.log(slope), shift, place, np.log(time), *bent])


def channels(
    low: Float[np.ndarray, " 8"], high: Float[np.ndarray, " 8"], num: int = NUM_CHANNELS
) -> Float[np.ndarray, "num 8"]:
    """Parameters of made-up channels inside a box: always the same ones."""
    white = np.random.default_rng(3).standard_normal((num, len(low)))
    root = np.linalg.cholesky(np.array(FITS_CORRELATION))
    slope, shift, place, time, *bent = (FITS_MEAN + (white @ root.T) * FITS_SD).T
    scales = (1e-2, 1e-4, 1e-2, 1e-4)
    powers = [scale * np.sinh(power) for scale, power in zip(scales, bent, strict=True)]
    return np.clip(np.column_stack([np.exp(slope), shift, place, np.exp(time), *powers]), low, high)


def responses(protocol: Protocol, rows: Float[np.ndarray, "n 8"]) -> Float[np.ndarray, "n places"]:
    """Noise-free currents, averaged over each bin; sweeps and bins flattened."""
    clamp, size = VoltageClamp((protocol,), noise_sd=0.0), 32
    run = jax.jit(partial(currents, clamp=clamp))
    padded = np.pad(rows, ((0, -len(rows) % size), (0, 0)), mode="edge").astype(np.float32)
    chunks = [
        np.asarray(run(np.zeros((size, 2), np.uint32), chunk)).reshape(size, -1, BIN).mean(axis=2)
        for chunk in padded.reshape(-1, size, rows.shape[1])
    ]
    return np.concatenate(chunks)[: len(rows)]


def standardised(series: Float[np.ndarray, "n places"]) -> Float[np.ndarray, "n places"]:
    """Each series minus its mean over its standard deviation; what is constant becomes zero."""
    series = series.astype(np.float64) - series.mean(axis=1, keepdims=True, dtype=np.float64)
    sd = series.std(axis=1, keepdims=True)
    return series / np.where(sd > 1e-9, sd, 1.0)


def components(protocol: Protocol, rows: Float[np.ndarray, "n 8"]) -> Float[np.ndarray, "sweeps bins 10"]:
    """Leading time courses of the responses of these channels, each of mean square 1 and peak upwards."""
    columns = standardised(responses(protocol, rows))
    _, vectors = np.linalg.eigh(columns @ columns.T)
    scores = columns.T @ vectors[:, : -NUM_COMPONENTS - 1 : -1]
    scores /= np.sqrt(np.mean(scores**2, axis=0))
    highest = np.take_along_axis(scores, np.abs(scores).argmax(axis=0)[None], axis=0)
    return (scores * np.sign(highest)).reshape(len(protocol.command), -1, NUM_COMPONENTS)


def weights(
    time_courses: Float[np.ndarray, "sweeps bins 10"],
) -> Float[np.ndarray, "sweeps bins 11"]:
    """What turns sums of the current over bins into its least-squares coefficients.

    On the components, scaled to unit norm over all samples, and on the constant 1, which comes last.
    """
    flat = time_courses.reshape(-1, time_courses.shape[-1]).astype(np.float64)
    unit = flat / np.sqrt(BIN * np.sum(flat**2, axis=0))
    basis = np.column_stack([unit, np.ones(len(unit))])
    solved = np.linalg.solve(BIN * basis.T @ basis, basis.T)
    return solved.T.reshape(*time_courses.shape[:-1], -1).astype(np.float32)


@lru_cache(maxsize=1)
def stored() -> dict[str, np.ndarray]:
    """The arrays that come with the model: components by protocol, and "command" in units of 0.01 mV."""
    with np.load(str(files("simulators.models") / "ion_channel_basis.npz"), allow_pickle=False) as found:
        return dict(found)


def stored_action_potential() -> Protocol:
    """A train of 27 spikes of our own Hodgkin-Huxley cell, with the statistics of the recorded one."""
    return action_potential(stored()["command"].astype(np.float32) / MILLIVOLT)
