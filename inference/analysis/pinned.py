"""Draws of a posterior given some of its parameters: those are pinned, the others follow.

Draws near the pinned values are moved onto them along the linear trend of the other parameters, weighted by
how much density that gained or lost, drawn anew by weight, and mended by Metropolis steps. It costs some
thousand densities however many parameters there are, so it can follow a slider.

References:
    Beaumont, Zhang and Balding 2002, Genetics 162:2025: the linear trend.
    Ionides 2008, J. Comput. Graph. Stat. 17:295: weights that are cut off.
    ter Braak 2006, Statistics and Computing 16:239: steps along differences of draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Key

from inference.analysis.walled import LogQ, Walled, values, walled
from simulators import Prior

NUM_DRAWS, NUM_STEPS = 1_000, 4
NEAR = 2  # draws that are moved, for each draw that is wanted
SHARE_MOVED = 0.5  # chance of each parameter to take part in a step that is not of all


class Pinned(NamedTuple):
    """Draws given some parameters.

    Attributes:
        draws: parameter rows; those pinned are equal in all.
        effective: share of the moved draws that their weights leave, 0 to 1; where it is far below 0.1 the
            draws rest on the steps, and need more of them.
        acceptance: share of the steps that were taken.
        rows: the draws without bounds, for `more_steps`.
        log_prob: log density of these rows, nats.
    """

    draws: Float[np.ndarray, "num dim"]
    effective: float
    acceptance: float
    rows: Float[Array, "num dim"]
    log_prob: Float[Array, " num"]


def pinned_draws(
    key: Key[Array, ""],
    posterior: Any,
    draws: Float[np.ndarray, "n dim"],
    pinned: Mapping[int, float],
    *,
    num: int = NUM_DRAWS,
    x: ArrayLike | None = None,
) -> Pinned:
    """Draws of q(other parameters | pinned ones, x), nearly; `more_steps` brings them as near as one likes.

    All happens in the prior's unbounded space. A draw whose pinned parameters are u goes to the wanted u*,
    its others along B (u* - u), B being their regression on u. Among the draws nearest to u* it is weighted
    by r(u) q(moved) / q(draw): importance sampling of the conditional beside a u of density r. Any r will do;
    a Gaussian like that of the draws evens the weights out.

    Args:
        key: PRNG key.
        posterior: see `walled`.
        draws: of the posterior, some thousand.
        pinned: parameter number -> value.
        num: how many draws are wanted.
        x: features; None: the observation.

    Raises:
        ValueError: nothing or everything is pinned, or the density is zero wherever the draws go.
    """
    dim = draws.shape[1]
    if not 0 < len(pinned) < dim:
        raise ValueError(f"Pin at least one parameter and leave one free; got {len(pinned)} of {dim}.")
    at, density = list(pinned), _unbounded(posterior, x)
    wanted = np.array(draws[0], np.float32)
    wanted[at] = list(pinned.values())
    *rows, goal = np.asarray(density.rows(np.concatenate([np.asarray(draws, np.float32), wanted[None]])))
    rows = np.stack(rows)[np.isfinite(rows).all(axis=1)]
    moved, near = _moved(rows, at, goal[at], NEAR * num)
    both = density(np.concatenate([moved, near]))
    weights = _weights(both[: len(moved)], both[len(moved) :] - _like_gaussian(rows[:, at], near[:, at]))
    pick_key, step_key = jax.random.split(key)
    kept = _resampled(pick_key, weights, num)
    effective = float(1 / (weights**2).sum() / len(weights))
    start = Pinned(draws, effective, 0.0, jnp.asarray(moved[kept]), jnp.asarray(both[kept]))
    return more_steps(step_key, posterior, start, pinned, x=x)


def more_steps(
    key: Key[Array, ""],
    posterior: Any,
    found: Pinned,
    pinned: Mapping[int, float],
    *,
    num_steps: int = NUM_STEPS,
    x: ArrayLike | None = None,
) -> Pinned:
    """The same draws after more Metropolis steps, which leave the conditional as it is and forget the start.

    Args:
        key: PRNG key.
        posterior: as given to `pinned_draws`.
        found: from there.
        pinned: as given there.
        num_steps: for each draw.
        x: as given there.
    """
    at, density = list(pinned), _unbounded(posterior, x)
    free = np.ones(found.rows.shape[1], bool)
    free[at] = False
    rows, heights, taken = _walk(key, density, (found.rows, found.log_prob), jnp.asarray(free), num_steps)
    draws = np.asarray(density.theta(rows), np.float64)
    draws[:, at] = list(pinned.values())
    return Pinned(draws, found.effective, taken, rows, heights)


class _Unbounded(NamedTuple):
    """A log density of rows without bounds; -inf where it is undefined."""

    density: LogQ
    prior: Prior | None

    def __call__(self, rows: ArrayLike) -> Float[np.ndarray, " n"]:
        theta, stretch = _bounded(self.prior, jnp.asarray(rows))
        found = values(self.density, theta) + np.asarray(stretch)
        return np.where(np.isfinite(found), found, -np.inf)

    def rows(self, theta: ArrayLike) -> Array:
        if self.prior is None or not isinstance(self.density, Walled):
            return jnp.asarray(theta, jnp.float32)
        return _free(self.prior, self.density.low, self.density.high, jnp.asarray(theta, jnp.float32))

    def theta(self, rows: Array) -> Array:
        return _bounded(self.prior, rows)[0]


def _unbounded(posterior: Any, x: ArrayLike | None) -> _Unbounded:
    density = walled(posterior, x)
    return _Unbounded(density, posterior.prior if isinstance(density, Walled) else None)


def _moved(rows: np.ndarray, at: list[int], goal: np.ndarray, num: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows nearest to the goal of those pinned, moved onto it and as they were."""
    num, unit = min(num, len(rows)), np.maximum(rows[:, at].std(axis=0), 1e-9)
    apart = (((rows[:, at] - goal) / unit) ** 2).sum(axis=1)
    near = rows[np.argpartition(apart, num - 1)[:num]]
    gap = (goal - near[:, at]) / unit
    centred = gap - gap.mean(axis=0)
    least = 1e-3 * len(near) * np.eye(len(at))  # where those pinned hang together, the trend stays bounded
    trend = -np.linalg.solve(centred.T @ centred + least, centred.T @ (near - near.mean(axis=0)))
    moved = (near + gap @ trend).astype(np.float32)
    moved[:, at] = goal
    return moved, near


def _like_gaussian(rows: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Log density, but for a constant, of a Gaussian like `rows`."""
    spread = np.atleast_2d(np.cov(rows.T)) + 1e-9 * np.eye(rows.shape[1])
    away = near - rows.mean(axis=0)
    return -0.5 * (away @ np.linalg.inv(spread) * away).sum(axis=1)


def _weights(values: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Weights that add up to one, none above the mean times the root of their number."""
    usable = np.isfinite(values) & np.isfinite(before)
    if not usable.any():
        raise ValueError("The density is zero wherever the other parameters go; pin nearer to the draws.")
    gained = values[usable] - before[usable]
    weights = np.zeros(len(values))
    weights[usable] = np.exp(gained - gained.max())
    weights = np.minimum(weights, weights.mean() * np.sqrt(len(weights)))
    return weights / weights.sum()


def _resampled(key: Key[Array, ""], weights: np.ndarray, num: int) -> np.ndarray:
    """Systematic resampling: as even as the weights allow."""
    places = (float(jax.random.uniform(key)) + np.arange(num)) / num
    return np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)


def _walk(
    key: Key[Array, ""], density: _Unbounded, start: tuple[Array, Array], free: Array, num_steps: int
) -> tuple[Array, Array, float]:
    """Metropolis steps of all rows, and the share that was taken."""
    here, heights = start
    shares = []
    for step_key in jax.random.split(key, num_steps):
        move_key, accept_key = jax.random.split(step_key)
        there = _moves(move_key, start[0], here, free)
        here, heights, share = _taken(accept_key, here, heights, there, density(there))
        shares.append(float(share))
    return here, heights, float(np.mean(shares))


@jax.jit
def _moves(
    key: Key[Array, ""],
    rows: Float[Array, "num dim"],
    here: Float[Array, "num dim"],
    free: Bool[Array, " dim"],
) -> Float[Array, "num dim"]:
    """Proposals: along differences of `rows`, which stay, so that a step is as likely as its way back."""
    pair_key, part_key, all_key, size_key = jax.random.split(key, 4)
    num = len(here)
    pair = jax.random.randint(pair_key, (2, num), 0, num)
    of_all = jax.random.bernoulli(all_key, 0.5, (num, 1))
    takes = free & (of_all | jax.random.bernoulli(part_key, SHARE_MOVED, here.shape))
    length = 2.38 / jnp.sqrt(2.0 * jnp.maximum(takes.sum(axis=1, keepdims=True), 1))
    length *= jax.random.uniform(size_key, (num, 1), minval=0.5)
    return here + jnp.where(takes, length * (rows[pair[0]] - rows[pair[1]]), 0.0)


@jax.jit
def _taken(
    key: Key[Array, ""], here: Array, heights: Array, there: Array, reached: Array
) -> tuple[Array, Array, Array]:
    """Where the rows are after accepting or rejecting, how probable that is, and the share accepted."""
    taken = jnp.log(jax.random.uniform(key, heights.shape)) < reached - heights
    return jnp.where(taken[:, None], there, here), jnp.where(taken, reached, heights), taken.mean()


@partial(jax.jit, static_argnums=0)
def _bounded(prior: Prior | None, rows: Array) -> tuple[Array, Array]:
    """Parameters of rows without bounds, and the log of how much that stretches."""
    if prior is None:
        return rows, jnp.zeros(len(rows))
    return prior.from_unconstrained(rows), prior.log_abs_det_jacobian(rows)


@partial(jax.jit, static_argnums=0)
def _free(prior: Prior, low: Array, high: Array, theta: Array) -> Array:
    return prior.to_unconstrained(jnp.clip(theta, low, high))
