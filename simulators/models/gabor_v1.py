"""Gabor receptive field: a cell of primary visual cortex that sees five minutes of white noise.

    y_i ~ Poisson(dt exp(bias + min(z_i, 4))),  z_i = sum over pixels of h v_i,  dt = 25 ms, 12 000 frames
    h = gain / sqrt(VOL) exp(-(x'^2 + (ratio y')^2) / (2 sigma^2)) cos(2 pi frequency x' - phase)

Frames of 41 x 41 pixels, N(0, 1), the same in all simulations; x' and y' are the pixel's place relative to
(x0, y0), turned by the angle. VOL makes the sum of h^2 about gain^2, so the gain is the standard deviation of
z. The features are the spike-triggered average minus its mean over pixels, and the spike count; without
spikes there is no average, and the simulation is invalid. As in Goncalves et al. 2020 (eLife 9:e56261, figure
2e-i).

Half a turn of the field and the reversed phase change nothing: fields with a phase near 0 or pi have two
posterior modes.

The movie would take 81 MB; it is made anew block by block, for all simulations of a chunk at once, by a
generator that gives each pixel by its place.

The features do not determine the likelihood: it needs the count of every frame. So the simulator has none;
`log_likelihood_of_counts` has it, of what `simulate` returns, and `given(counts)` is the model with
the likelihood of one recording.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from numpyro import distributions as dist

from simulators.base import ImageAxes, Observed, Simulator, Theta, feature_row
from simulators.counter_noise import random_word, standard_normal
from simulators.logit_normal import LogitNormal
from simulators.prior import Prior

SIZE = 41  # pixels along a side
NUM_FRAMES = 12_000
DT = 0.025  # s
LARGEST_DRIVE = 4.0
BLOCK = 400  # frames made at once
MOVIE = (np.uint32(20), np.uint32(56261))  # words of the movie's key
GRID = np.linspace(-1.0, 1.0, SIZE)
PIXEL_AREA = (2 / (SIZE - 1)) ** 2
CHUNK = 512

# About one and five spikes per second; shapes of phase 0, pi/4 and pi/2 (Goncalves et al. 2020).
_SLOW, _FAST = (-0.202179976727683, 0.635893036174612), (1.48810066532243, 0.49262003027013)
_SHAPES = {
    "cosine": (0.001, 1.8, 0.7 + math.pi / 3, 0.8, 2.7, 0.3, 0.4),
    "between": (math.pi / 4, 1.8, 0.7, 1.5, 2.5, 0.3, -0.4),
    "sine": (math.pi / 2 - 0.001, 2.4, 0.7 + math.pi / 4, 2.8, 2.3, -0.5, 0.1),
}
CELLS: dict[str, tuple[float, ...]] = {
    f"{name}, {rate} Hz": cell + shape
    for name, shape in _SHAPES.items()
    for rate, cell in ((1, _SLOW), (5, _FAST))
}

PRIOR = Prior(
    {
        "bias": dist.Normal(-0.57, math.sqrt(1.63)),
        "gain": dist.LogNormal(0.0, 0.5),
        "phase": LogitNormal(0.0, math.pi, 1.9),
        "frequency": dist.LogNormal(0.0, 0.5),
        "angle": LogitNormal(0.0, 2 * math.pi, 1.78),
        "ratio": dist.LogNormal(0.0, 0.5),
        "width": dist.LogNormal(0.0, 0.5),
        "x0": LogitNormal(-1.0, 1.0, 1.78),
        "y0": LogitNormal(-1.0, 1.0, 1.78),
    },
    units={"bias": "log Hz", "phase": "rad", "angle": "rad", "width": "octaves"},
    labels={
        "bias": r"$\beta$",
        "gain": r"$g$",
        "phase": r"$\varphi$",
        "frequency": r"$f$",
        "angle": r"$\psi$",
        "ratio": r"$r$",
        "width": r"$w$",
        "x0": r"$x_0$",
        "y0": r"$y_0$",
    },
)


def receptive_field(theta: Theta) -> Float[Array, "41 41"]:
    """The filter h; rows are y, columns x. NaN where VOL is not positive, as rounding might have it."""
    grid = jnp.asarray(GRID, theta["x0"].dtype)
    across, down = grid[None, :] - theta["x0"], grid[:, None] - theta["y0"]
    cosine, sine = jnp.cos(theta["angle"]), jnp.sin(theta["angle"])
    along, beside = across * cosine - down * sine, across * sine + down * cosine
    wave = 2 * jnp.pi * theta["frequency"]
    octaves = 2.0 ** theta["width"]
    # (2^w + 1) / (2^w - 1) without the cancellation of narrow bands.
    sigma = math.sqrt(2 * math.log(2)) * (octaves + 1) / jnp.expm1(theta["width"] * math.log(2)) / wave
    overlap = jnp.exp(-((wave * sigma) ** 2)) * jnp.cos(2 * theta["phase"])
    volume = jnp.pi * sigma**2 / (theta["ratio"] * PIXEL_AREA) * (0.5 + overlap)
    envelope = jnp.exp(-(along**2 + (theta["ratio"] * beside) ** 2) / (2 * sigma**2))
    height = theta["gain"] / jnp.sqrt(jnp.where(volume > 0, volume, jnp.nan))
    return height * envelope * jnp.cos(wave * along - theta["phase"])


def frames(first: Int[Array, ""] | int, num: int) -> Float[Array, "num 1681"]:
    """Frames of the movie, one row each."""
    index = jnp.asarray(first, jnp.uint32) + jnp.arange(num, dtype=jnp.uint32)[:, None]
    pixel = jnp.arange(SIZE * SIZE, dtype=jnp.uint32)[None]
    return standard_normal(random_word(MOVIE, *jnp.broadcast_arrays(index, pixel)))


@lru_cache(maxsize=1)
def kept_movie() -> Float[np.ndarray, "12000 1681"]:
    """All frames at once, 81 MB."""
    with jax.ensure_compile_time_eval():
        block = jax.jit(frames, static_argnums=1)
        return np.concatenate([np.asarray(block(first, BLOCK)) for first in range(0, NUM_FRAMES, BLOCK)])


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, " 12000"]:
    """Spikes in each frame."""

    def block(_, index):
        return None, _spikes(key, index, theta, frames(index * BLOCK, BLOCK))

    _, counts = jax.lax.scan(block, None, jnp.arange(NUM_FRAMES // BLOCK))
    return counts.reshape(-1)


def simulate_features(key: Key[Array, ""], theta: Theta) -> dict[str, Array]:
    """Features of ``simulate(key, theta)`` in one pass over the movie."""
    return _triggered(lambda index, seen: _spikes(key, index, theta, seen))


def features(counts: Float[Array, " 12000"]) -> dict[str, Array]:
    """Spike-triggered average minus its mean over pixels, shape (41, 41), and the spike count."""
    blocks = jnp.reshape(counts, (-1, BLOCK))
    return _triggered(lambda index, _: blocks[index])


def log_likelihood_of_counts(theta: Theta, counts: Float[Array, " 12000"]) -> Float[Array, ""]:
    """Log probability of the spikes of all frames, as ``simulate`` returns them."""
    blocks = jnp.reshape(counts, (-1, BLOCK))

    def block(total, index):
        return total + _log_prob(_log_rate(theta, frames(index * BLOCK, BLOCK)), blocks[index]), None

    total, _ = jax.lax.scan(block, jnp.zeros(()), jnp.arange(NUM_FRAMES // BLOCK))
    return total


def given(counts: Float[Array, " 12000"]) -> Simulator:
    """The model with the likelihood of one recording, for methods that need one, and with its observation.

    The likelihood is that of the counts, which say a little more than the features: it is NaN at the features
    of any other recording.
    It keeps the movie, because chains ask for it again and again: 16 gradients at once take 0.03 s of CPU,
    and five times as long where the movie is made anew.

    Args:
        counts: spikes in each frame, as ``simulate`` returns them.
    """
    x_o = np.asarray(jax.jit(lambda spikes: feature_row(features(spikes)))(counts))
    kept_movie()  # now, rather than while somebody traces

    def log_likelihood(theta: Theta, x: Float[Array, " 1682"]) -> Float[Array, ""]:
        found = _log_prob(_log_rate(theta, jnp.asarray(kept_movie())), jnp.asarray(counts))
        return jnp.where((x == x_o).all(), found, jnp.nan)

    observed = Observed(x_o, label=f"{int(np.sum(counts))} spikes")
    return replace(gabor_v1, log_likelihood=log_likelihood, observed=observed)


def picture(key: Key[Array, ""], theta: Theta) -> Float[Array, "41 41"]:
    """The receptive field, which noise does not change."""
    return receptive_field(theta)


def _triggered(spikes_of: Callable[[Array, Array], Array]) -> dict[str, Array]:
    """Features from the spikes of each block of frames."""

    def block(carry, index):
        total, number = carry
        seen = frames(index * BLOCK, BLOCK)
        spikes = spikes_of(index, seen)
        triggered = jnp.matmul(spikes, seen, precision=jax.lax.Precision.HIGHEST)
        return (total + triggered, number + spikes.sum()), None

    start = jnp.zeros(SIZE * SIZE), jnp.zeros(())
    (total, number), _ = jax.lax.scan(block, start, jnp.arange(NUM_FRAMES // BLOCK))
    average = total / number
    return {"sta": (average - average.mean()).reshape(SIZE, SIZE), "spike_count": number}


def _log_rate(theta: Theta, seen: Float[Array, "num 1681"]) -> Float[Array, " num"]:
    """Log of the expected spikes per frame."""
    drive = jnp.matmul(seen, receptive_field(theta).reshape(-1), precision=jax.lax.Precision.HIGHEST)
    return theta["bias"] + jnp.minimum(drive, LARGEST_DRIVE) + math.log(DT)


def _log_prob(log_rate: Float[Array, " num"], count: Float[Array, " num"]) -> Float[Array, ""]:
    """Of Poisson counts."""
    return (count * log_rate - jnp.exp(log_rate) - jax.lax.lgamma(count + 1)).sum()


def _spikes(key: Array, index: Array, theta: Theta, seen: Float[Array, "num 1681"]) -> Float[Array, " num"]:
    rate = jnp.exp(_log_rate(theta, seen))
    return jax.random.poisson(jax.random.fold_in(key, index), rate).astype(jnp.float32)


gabor_v1 = Simulator(
    "gabor_v1",
    PRIOR,
    simulate,
    features,
    feature_labels={"spike_count": "spike count"}
    | {
        f"sta[{row * SIZE + column}]": f"STA, row {row + 1}, column {column + 1}"
        for row in range(SIZE)
        for column in range(SIZE)
    },
    differentiable=False,  # spikes are whole numbers
    simulate_features=simulate_features,
    axes=ImageAxes(GRID, GRID, "receptive field"),
    picture=picture,
    chunk_size=CHUNK,
    true_theta=np.array(CELLS["cosine, 1 Hz"], np.float32),
    title="Gabor receptive field",
    summary="A cell of primary visual cortex that sees white noise: which receptive fields explain its "
    "spike-triggered average? An image of 41 x 41 pixels, which asks for 100 000 simulations or more; "
    "gabor_v1_fit tells the same cell by twelve numbers.",
    source="Goncalves et al. 2020, eLife 9:e56261, figure 2e-i",
)
