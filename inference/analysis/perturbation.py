"""What a move in parameter space changes: curves along a direction, and the search by chance."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.analysis.sensitivity import inside
from simulators import Simulator, simulate_batch

CHUNK = 1_000


class Curve(NamedTuple):
    """Statistics along a line through a point.

    Attributes:
        offsets: (k,) along the direction, in units of its length.
        theta: (k, dim) the points.
        mean: (k, num_features) over repeated simulations; NaN outside the support, or where a feature is
            undefined in all of them.
        sem: (k, num_features) standard error of that mean.
    """

    offsets: Float[np.ndarray, " k"]
    theta: Float[np.ndarray, "k dim"]
    mean: Float[np.ndarray, "k num_features"]
    sem: Float[np.ndarray, "k num_features"]


class BruteForce(NamedTuple):
    """What a search by chance found.

    Attributes:
        theta: (a, dim) accepted rows.
        x: (a, num_features) their features.
        num_tried: uniform draws.
        acceptance_rate: a / num_tried.
        seconds: wall time without compilation.
    """

    theta: Float[np.ndarray, "a dim"]
    x: Float[np.ndarray, "a num_features"]
    num_tried: int
    acceptance_rate: float
    seconds: float

    @property
    def seconds_each(self) -> float:
        """Wall time for one accepted row; infinite where there is none."""
        return self.seconds / len(self.theta) if len(self.theta) else np.inf


def perturbation_curve(
    key: Key[Array, ""],
    simulator: Simulator,
    theta: ArrayLike,
    direction: ArrayLike,
    offsets: ArrayLike,
    *,
    num_repeats: int = 20,
) -> Curve:
    """Features at theta + offset direction, each point simulated several times with the same keys.

    Args:
        key: for the simulations; the same for all points, so that a curve is smooth.
        simulator: the model.
        theta: (dim,), inside the support.
        direction: (dim,), for instance an eigenvector of the Hessian; it is not normalised.
        offsets: (k,).
        num_repeats: simulations of each point.

    Raises:
        ValueError: a shape does not fit, or theta lies outside the support.
    """
    prior = simulator.prior
    row, along = inside(prior, theta), np.asarray(direction, float)
    if along.shape != row.shape:
        raise ValueError(f"A direction has {prior.dim} components, like a point; got shape {along.shape}.")
    places = np.asarray(offsets, float)
    points = row + places[:, None] * along
    is_inside = np.all((points >= prior.low) & (points <= prior.high), axis=1)
    repeated = np.repeat(np.where(is_inside[:, None], points, row), num_repeats, axis=0).astype(np.float32)
    keys = jnp.tile(jax.random.split(key, num_repeats), len(points))
    x = np.asarray(jax.jit(jax.vmap(simulator))(keys, repeated), float).reshape(len(points), num_repeats, -1)
    is_known = np.isfinite(x) & is_inside[:, None, None]
    count = is_known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(is_known, x, 0.0).sum(axis=1) / count
        variance = np.where(is_known, (x - mean[:, None]) ** 2, 0.0).sum(axis=1) / (count - 1)
        return Curve(places, points, mean, np.sqrt(variance / count))


def brute_force(
    key: Key[Array, ""],
    simulator: Simulator,
    low: Mapping[str, float],
    high: Mapping[str, float],
    *,
    num: int = 10_000,
) -> BruteForce:
    """Uniform draws on the box of the prior whose features lie between `low` and `high`.

    Args:
        key: for draws and simulations.
        simulator: with a bounded prior.
        low: feature name -> lower end of the accepted band.
        high: the upper ends, the same names.
        num: draws, rounded up to full chunks of 1 000.

    Raises:
        ValueError: the prior has no bounds, or a name is unknown.
    """
    prior = simulator.prior
    if not np.isfinite(prior.high - prior.low).all():
        raise ValueError(
            f"Uniform draws need bounds, and the prior of '{simulator.name}' has not all of them."
        )
    unknown = sorted((set(low) ^ set(high)) | (set(low) - set(simulator.feature_names)))
    if unknown or not low:
        raise ValueError(
            f"A band is a low and a high end of one of {', '.join(simulator.feature_names)}; got {unknown}."
        )
    columns = [simulator.feature_names.index(name) for name in low]
    ends = [np.array([part[name] for name in low]) for part in (low, high)]
    _rows(key, simulator, 0)  # compiled, and not counted
    began, found = time.perf_counter(), []
    num_chunks = -(-num // CHUNK)
    for chunk in range(num_chunks):
        theta, x = _rows(key, simulator, chunk)
        is_kept = ((x[:, columns] >= ends[0]) & (x[:, columns] <= ends[1])).all(axis=1)
        found.append((theta[is_kept], x[is_kept]))
    seconds = time.perf_counter() - began
    theta, x = (np.concatenate(parts) for parts in zip(*found, strict=True))
    tried = num_chunks * CHUNK
    return BruteForce(theta, x, tried, len(theta) / tried, seconds)


def _rows(key: Array, simulator: Simulator, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    draw_key, simulate_key = jax.random.split(jax.random.fold_in(key, chunk))
    uniform = np.asarray(jax.random.uniform(draw_key, (CHUNK, simulator.prior.dim)), float)
    low, high = simulator.prior.low, simulator.prior.high
    theta = np.clip((low + (high - low) * uniform).astype(np.float32), low, high).astype(np.float32)
    return theta, np.asarray(simulate_batch(simulator, simulate_key, theta=theta).x)
