"""The Gabor cell told by twelve numbers: the Gabor function that fits its spike-triggered average best.

A rate that is exponential in the drive makes the frames before spikes Gaussian around the field h, so the
average of N spikes is h plus white noise of variance 1/N. The most probable field given the average alone
therefore minimises

    N |average - h|^2 / 2 + sum_i (s_i - mean_i)^2 / (2 sd_i^2)

with the prior's mean and sd of the shape parameters s on their published scales; phase and angle, which are
places on circles, are left free. The search starts at the best of some draws of the prior and takes damped
Gauss-Newton steps; one search, so it may end in a minimum that is not the lowest.

Half a turn of the field with the reversed phase is the same field, so the fit does not know which of the two
it found: the features are what both have in common. From 1682 features a network first has to find a field
12 dB below the noise; these leave it the rest: how sure to be, and that there are two answers.
"""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float

from simulators.models import gabor_v1 as model

NUM_STARTS = 2048  # draws of the prior among which the search begins
NUM_STEPS = 12
DAMPINGS = (0.003, 0.03, 0.3, 3.0)  # of a step, relative to the curvature; the best one is taken
# A shape: log gain, phase, log frequency, angle, log ratio, log width, logit x0, logit y0.
GAIN, PHASE, ANGLE = 0, 1, 3
# Precisions of the prior on these scales; its means are 0.
PRECISION = (1 / 0.5**2, 1e-3, 1 / 0.5**2, 1e-3, 1 / 0.5**2, 1 / 0.5**2, 1 / 1.78**2, 1 / 1.78**2)


def fitted(triggered: dict[str, Array]) -> dict[str, Array]:
    """Features of the best fit to the features of `gabor_v1`; NaN without spikes."""
    average, count = triggered["sta"].reshape(-1), triggered["spike_count"]
    gain, phase, frequency, angle, ratio, width, x0, y0 = best_shape(average, count)
    return {
        "log_count": jnp.where(count > 0, jnp.log(count), jnp.nan),
        "log_gain": gain,
        "log_frequency": frequency,
        "log_ratio": ratio,
        "log_width": width,
        "logit_x0": x0,
        "logit_y0": y0,
        "phase_cosine": jnp.cos(phase),
        "axis_cosine": jnp.cos(2 * angle),
        "axis_sine": jnp.sin(2 * angle),
        "lean_cosine": jnp.sin(phase) * jnp.cos(angle),
        "lean_sine": jnp.sin(phase) * jnp.sin(angle),
    }


def best_shape(average: Float[Array, " 1681"], count: Float[Array, ""]) -> Float[Array, " 8"]:
    """The shape of the most probable field, see the module's docstring."""
    return _searched(average, count, *_starts())


@sequential_vmap  # row by row: a search amplifies rounding, which would depend on how many rows there are
def _searched(
    average: Float[Array, " 1681"],
    count: Float[Array, ""],
    shapes: Float[Array, "starts 8"],
    fields: Float[Array, "starts 1681"],
) -> Float[Array, " 8"]:
    """The lowest cost found from the start whose field, at its best gain, fits best."""
    root, precision = jnp.sqrt(count), jnp.asarray(PRECISION)

    def residual(shape: Array) -> Array:
        return root * (average - _field(shape))

    def cost(shape: Array) -> Array:
        return 0.5 * (jnp.square(residual(shape)).sum() + (precision * jnp.square(shape)).sum())

    def step(shape: Array, _: None) -> tuple[Array, None]:
        slopes = jax.jacfwd(residual)(shape)
        curvature = slopes.T @ slopes + jnp.diag(precision)
        downhill = -slopes.T @ residual(shape) - precision * shape
        damped = curvature + jnp.asarray(DAMPINGS)[:, None, None] * jnp.diag(jnp.diag(curvature))
        moved = shape + jax.vmap(_solve, (0, None))(damped, downhill)
        tried = jnp.concatenate([shape[None], moved])
        return tried[jnp.nanargmin(jax.vmap(cost)(tried))], None

    norms = jnp.linalg.norm(fields, axis=1)
    overlaps = fields @ average / norms
    best = jnp.argmax(overlaps)
    gain = jnp.log(jnp.maximum(overlaps[best], 1e-3) / norms[best])
    return jax.lax.scan(step, shapes[best].at[GAIN].add(gain), length=NUM_STEPS)[0]


def _starts() -> tuple[Float[Array, "starts 8"], Float[Array, "starts 1681"]]:
    """Some draws of the prior, and their fields; the same for all rows."""
    # Behind the barrier, or the compiler would work out all fields itself, slowly.
    key = jax.random.wrap_key_data(jax.lax.optimization_barrier(jnp.asarray([20, 56261], jnp.uint32)))
    shapes = jax.vmap(_shape)(model.PRIOR.sample(key, NUM_STARTS))
    return shapes, jax.vmap(_field)(shapes)


def _solve(matrix: Float[Array, "8 8"], vector: Float[Array, " 8"]) -> Float[Array, " 8"]:
    """Of a positive definite system, by elimination.

    Not `jnp.linalg.solve`: with it a campaign hung once, all threads waiting, and why was not found out.
    """
    rows = jnp.concatenate([matrix, vector[:, None]], axis=1)
    for i in range(len(vector)):
        pivot = rows[i] / rows[i, i]
        rows = (rows - rows[:, i, None] * pivot).at[i].set(pivot)
    return rows[:, -1]


def _shape(row: Float[Array, " 9"]) -> Float[Array, " 8"]:
    theta = model.PRIOR.as_dict(row)
    logs = {name: jnp.log(theta[name]) for name in ("gain", "frequency", "ratio", "width")}
    places = (2 * jnp.arctanh(theta["x0"]), 2 * jnp.arctanh(theta["y0"]))
    phase, angle = theta["phase"], theta["angle"]
    return jnp.stack([logs["gain"], phase, logs["frequency"], angle, logs["ratio"], logs["width"], *places])


def _field(shape: Float[Array, " 8"]) -> Float[Array, " 1681"]:
    """The field of a shape, minus its mean over pixels as in the average."""
    gain, phase, frequency, angle, ratio, width, x0, y0 = shape
    field = model.receptive_field({
        "gain": jnp.exp(gain), "phase": phase, "frequency": jnp.exp(frequency), "angle": angle,
        "ratio": jnp.exp(ratio), "width": jnp.exp(width), "x0": jnp.tanh(x0 / 2), "y0": jnp.tanh(y0 / 2),
    }).reshape(-1)  # fmt: skip
    return field - field.mean()


gabor_v1_fit = replace(
    model.gabor_v1,
    name="gabor_v1_fit",
    features=lambda counts: fitted(model.features(counts)),
    simulate_features=lambda key, theta: fitted(model.simulate_features(key, theta)),
    feature_labels={
        "log_count": "log spike count",
        "log_gain": r"log gain of the fit",
        "log_frequency": r"log frequency of the fit",
        "log_ratio": r"log ratio of the fit",
        "log_width": r"log width of the fit",
        "logit_x0": r"place of the fit across (logit)",
        "logit_y0": r"place of the fit down (logit)",
        "phase_cosine": r"$\cos\varphi$ of the fit",
        "axis_cosine": r"$\cos 2\psi$ of the fit",
        "axis_sine": r"$\sin 2\psi$ of the fit",
        "lean_cosine": r"$\sin\varphi\,\cos\psi$ of the fit",
        "lean_sine": r"$\sin\varphi\,\sin\psi$ of the fit",
    },
    title="Gabor receptive field, fitted",
    summary="The same cell, its data told by twelve numbers: the Gabor function that fits its "
    "spike-triggered average best, and the spike count. Cosine-shaped fields have two answers.",
)
