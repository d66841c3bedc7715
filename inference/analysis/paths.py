"""Walks through a posterior: along its ridge between two settings, straight between them, and off the ridge.

Lengths are in scaled parameters: each over a scale of its own, such as the prior's standard deviation.

Reference:
    Goncalves et al. 2020, eLife 9:e56261, figure 5 and its methods.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Array, ArrayLike, Float

from inference.analysis.walled import LogQ, values, walled

NUM_POINTS, NUM_WAVES, NUM_STEPS = 80, 2, 200
STEP = 0.01  # length of a step of an orthogonal path
ORTHOGONAL_SHARE = 1 / 27  # of the length of the ridge


class Path(NamedTuple):
    """Points on the way.

    Attributes:
        points: parameter rows, in the prior's units.
        log_prob: log density there, nats.
        distance: walked so far, in scaled parameters, from 0.
    """

    points: Float[np.ndarray, "num dim"]
    log_prob: Float[np.ndarray, " num"]
    distance: Float[np.ndarray, " num"]


def straight_path(
    posterior: Any,
    start: Float[ArrayLike, " dim"],
    goal: Float[ArrayLike, " dim"],
    scale: Float[ArrayLike, " dim"],
    *,
    num_points: int = NUM_POINTS,
    x: ArrayLike | None = None,
) -> Path:
    """The straight line, to compare with. Arguments as of `high_probability_path`."""
    share = np.linspace(0, 1, num_points)[:, None]
    start, goal = np.asarray(start, np.float64), np.asarray(goal, np.float64)
    return _path(walled(posterior, x), start + share * (goal - start), scale)


def high_probability_path(
    posterior: Any,
    start: Float[ArrayLike, " dim"],
    goal: Float[ArrayLike, " dim"],
    scale: Float[ArrayLike, " dim"],
    *,
    num_points: int = NUM_POINTS,
    num_waves: int = NUM_WAVES,
    num_steps: int = NUM_STEPS,
    x: ArrayLike | None = None,
) -> Path:
    """The way between two settings on which the density stays as high as it can for its length.

    gamma(s) = start + (goal - start) * (s + sum_k a_k sin(pi k s) + b_k sin(pi k s)^2) elementwise, k up to
    ``num_waves``, with the a and b that make the mean of (top - log q(gamma(s))) |gamma'(s)| over s least, by
    L-BFGS with exact slopes. The paper has no top, the highest log density that the walk has met so far and
    one nat; it keeps what is summed positive, so that no path gains by being longer.

    Args:
        posterior: see `walled`.
        start: a parameter row.
        goal: another one; only parameters in which the two differ will move.
        scale: of each parameter, for instance the prior's standard deviation.
        num_points: on the way.
        num_waves: of each kind, for each parameter.
        num_steps: of the search, at most.
        x: features; None: the observation.

    Raises:
        ValueError: the density at one of the ends is not finite.
    """
    density = walled(posterior, x)
    ends = jnp.asarray(np.stack([np.asarray(start), np.asarray(goal)]), jnp.float32)
    if not np.isfinite(values(density, ends)).all():
        raise ValueError(
            "A path needs two ends where the density is finite; one of these is not in the prior."
        )
    points = _search(density, ends, jnp.asarray(scale, jnp.float32), num_points, num_waves, num_steps)
    return _path(density, np.asarray(points, np.float64), scale)


def orthogonal_path(
    posterior: Any,
    ridge: Path,
    index: int,
    scale: Float[ArrayLike, " dim"],
    *,
    share: float = ORTHOGONAL_SHARE,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
    x: ArrayLike | None = None,
) -> Path:
    """Off the ridge from one of its points, at right angles to it, down where the density falls steepest.

    Args:
        posterior: see `walled`.
        ridge: from `high_probability_path`.
        index: of the point, neither the first nor the last.
        scale: of each parameter, as for the ridge.
        share: how far, as a share of the ridge's length; each step is 0.01 long.
        bounds: lower and upper bounds; a parameter that reaches its bound stays there.
        x: features; None: the observation.

    Raises:
        ValueError: the index is at an end of the ridge or beyond.
    """
    if not 0 < index < len(ridge.points) - 1:
        raise ValueError(
            f"An orthogonal path begins between the ends, 1 to {len(ridge.points) - 2}; got {index}."
        )
    unit = np.asarray(scale, np.float64)
    along = (ridge.points[index + 1] - ridge.points[index - 1]) / unit
    num_steps = int(np.ceil(share * ridge.distance[-1] / STEP))
    dim = len(unit)
    low, high = bounds if bounds is not None else (np.full(dim, -np.inf), np.full(dim, np.inf))
    from_here = jnp.asarray(ridge.points[index], jnp.float32)
    tangent = jnp.asarray(along / np.linalg.norm(along), jnp.float32)
    box = jnp.asarray([low, high], jnp.float32)
    density = walled(posterior, x)
    points = _descend(density, from_here, tangent, jnp.asarray(unit, jnp.float32), box, num_steps)
    return _path(density, np.asarray(points, np.float64), scale)


def _path(density: LogQ, points: Float[np.ndarray, "num dim"], scale: ArrayLike) -> Path:
    steps = np.linalg.norm(np.diff(points, axis=0) / np.asarray(scale, np.float64), axis=1)
    return Path(points, values(density, points), np.concatenate([[0.0], np.cumsum(steps)]))


def _search(
    density: LogQ, ends: Array, scale: Array, num_points: int, num_waves: int, num_steps: int
) -> Float[np.ndarray, "num_points dim"]:
    shape = 2 * num_waves, ends.shape[1]
    weights = np.zeros(shape)
    for _ in range(2):  # twice: the second time with the top that the first walk met
        walked = _points(jnp.asarray(weights, jnp.float32), ends, num_points)
        top = float(max(values(density, walked).max(), values(density, ends).max())) + 1

        def loss(flat: np.ndarray, top: float = top) -> tuple[float, np.ndarray]:
            row = jnp.asarray(flat.reshape(shape), jnp.float32)
            value, slope = _loss(row, density, ends, scale, jnp.asarray(top), num_points)
            return float(value), np.nan_to_num(np.asarray(slope, np.float64)).ravel()

        options = {"maxiter": num_steps // 2}
        found = scipy.optimize.minimize(loss, weights.ravel(), jac=True, method="L-BFGS-B", options=options)
        weights = found.x.reshape(shape)
    return np.asarray(_points(jnp.asarray(weights, jnp.float32), ends, num_points))


def _points(weights: Array, ends: Array, num_points: int) -> Float[Array, "num_points dim"]:
    """Points on the way: the straight line and waves on it."""
    s = jnp.linspace(0.0, 1.0, num_points)[:, None, None]
    waves = jnp.sin(jnp.pi * s * jnp.arange(1, len(weights) // 2 + 1)[:, None])  # (point, wave, 1)
    basis = jnp.concatenate([waves, waves**2], axis=1)
    return ends[0] + (ends[1] - ends[0]) * (s[:, 0] + (weights * basis).sum(1))


@eqx.filter_jit
@eqx.filter_value_and_grad
def _loss(
    weights: Array, density: LogQ, ends: Array, scale: Array, top: Array | float, num_points: int
) -> Array:
    """What is summed along a way, and its slope."""
    walked = _points(weights, ends, num_points)
    heights = jax.vmap(density)(walked)
    lengths = jnp.linalg.norm(jnp.diff(walked / scale, axis=0) + 1e-12, axis=1)
    return (jnp.maximum(top - (heights[1:] + heights[:-1]) / 2, 1e-3) * lengths).sum()


@eqx.filter_jit
def _descend(
    density: LogQ, start: Array, along: Array, scale: Array, box: Array, num_steps: int
) -> Float[Array, "num dim"]:
    def step(theta: Array, _: None) -> tuple[Array, Array]:
        slope = jax.grad(density)(theta) * scale
        free = (theta > box[0]) & (theta < box[1])
        across = jnp.where(free, slope - along * (along @ slope), 0.0)
        moved = theta - STEP * scale * across / jnp.maximum(jnp.linalg.norm(across), 1e-12)
        moved = jnp.clip(moved, box[0], box[1])
        return moved, moved

    _, points = jax.lax.scan(step, start, None, length=num_steps)
    return jnp.concatenate([start[None], points])
