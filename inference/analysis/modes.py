"""Modes of a density: climbing to one, following it along a parameter, and the draws next to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from inference.analysis.sensitivity import inside
from inference.drawn_posterior import AnyPosterior
from inference.posterior import LogDensity

NUM_STEPS, NEWTON_STEPS = 300, 10
MOST_CURVED = 100  # parameters up to which a climb ends with Newton steps
FIRST_STEP = 0.05  # of the width of a parameter; it falls to zero along half a cosine
EDGE = 1e-3  # share of the support that a climb keeps from its edges, where a density may grow without limit
AT_ONCE, MOST_BATCHES = 2_000, 500  # draws that are sorted to modes, and how often


class Mode(NamedTuple):
    """Where a climb ended, and the log density there, in nats."""

    theta: Float[np.ndarray, " dim"]
    log_prob: float


def find_mode(
    posterior: AnyPosterior,
    start: ArrayLike,
    *,
    fixed: Sequence[int | str] = (),
    num_steps: int = NUM_STEPS,
    step: float = FIRST_STEP,
) -> Mode:
    """A local maximum of log q in the parameters' own units, by gradient ascent from a point.

    Steps are Adam's, each parameter on the scale of its width, with a falling rate; up to 100 parameters some
    of Newton's follow. The best point that was met counts. At the edge of a bounded support the climb ends a
    thousandth of its width inside.

    Args:
        posterior: with a density.
        start: (dim,), inside the support.
        fixed: parameters that stay as they are, by position or name.
        num_steps: of the ascent.
        step: the first one, as a share of a parameter's width: of its bounds, or of its prior.

    Raises:
        ValueError: the start is not inside the support, a parameter is unknown, or there is no density.
    """
    moves = _moves(posterior, fixed)
    low, high, width = _room(posterior)
    row = np.clip(inside(posterior.prior, start), low, high)
    row = np.where(moves, row, np.asarray(start, float))
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        room = _Room(*(jnp.asarray(part, jnp.float64) for part in (moves * width, low, high)))
        rates = jnp.asarray(step * 0.5 * (1 + np.cos(np.linspace(0.0, np.pi, num_steps))), jnp.float64)
        theta, value = _climb(posterior.log_density(), jnp.asarray(row), room, rates)
        return Mode(np.asarray(theta), float(value))


def modes_along(
    posterior: AnyPosterior,
    start: ArrayLike,
    parameter: int | str,
    values: Sequence[float] | np.ndarray,
    *,
    fixed: Sequence[int | str] = (),
    num_steps: int = NUM_STEPS,
) -> Float[np.ndarray, "num_values dim"]:
    """The mode for each value of one parameter, each climb from the mode before: a continuation.

    Args:
        posterior: with a density.
        start: (dim,) where the first climb begins, with the parameter replaced.
        parameter: by position or name.
        values: inside its bounds, in the order of the path.
        fixed: further parameters that stay.
        num_steps: of each ascent.

    Raises:
        ValueError: as `find_mode`.
    """
    index, path, row = _index(posterior, parameter), [], np.array(start, float)
    for value in values:
        row = row.copy()
        row[index] = value
        row = find_mode(posterior, row, fixed=(index, *fixed), num_steps=num_steps).theta
        path.append(row)
    return np.stack(path)


def nearest_mode(draws: ArrayLike, modes: ArrayLike) -> Int[np.ndarray, " n"]:
    """For each draw the number of the mode at the smallest Euclidean distance, in the parameters' units."""
    rows, centres = np.asarray(draws, float), np.asarray(modes, float)
    return ((rows[:, None] - centres[None]) ** 2).sum(axis=-1).argmin(axis=1)


def sample_modes(
    key: Key[Array, ""], posterior: AnyPosterior, modes: ArrayLike, num_each: int
) -> Float[np.ndarray, "num_modes num_each dim"]:
    """Draws sorted to their nearest mode until each mode has `num_each`.

    Raises:
        ValueError: a mode gets too few of a million draws.
    """
    centres = np.asarray(modes, float)
    kept: list[list[np.ndarray]] = [[] for _ in centres]
    for batch in range(MOST_BATCHES):
        draws = np.asarray(posterior.sample(jax.random.fold_in(key, batch), AT_ONCE))
        owner = nearest_mode(draws, centres)
        for mode, rows in enumerate(kept):
            if len(rows) < num_each:
                rows.extend(draws[owner == mode][: num_each - len(rows)])
        if all(len(rows) == num_each for rows in kept):
            return np.stack([np.stack(rows) for rows in kept])
    counts = [len(rows) for rows in kept]
    raise ValueError(
        f"Of {AT_ONCE * MOST_BATCHES} draws the modes got {counts} instead of {num_each} each; leave out "
        "the modes without mass."
    )


class _Room(NamedTuple):
    """Where a climb may go, and the width of each parameter; 0: it stays."""

    width: Array
    low: Array
    high: Array


@eqx.filter_jit
def _climb(density: LogDensity, row: Array, room: _Room, rates: Array) -> tuple[Array, Array]:
    """Adam on each parameter in units of its width; the best point met, and its value."""
    width = room.width

    def step(carry: tuple, rate: tuple[Array, Array]) -> tuple[tuple, None]:
        theta, first, second, best, value = carry
        here, gradient = jax.value_and_grad(density)(theta)
        is_better = here > value
        best, value = jnp.where(is_better, theta, best), jnp.where(is_better, here, value)
        gradient = jnp.nan_to_num(gradient * width)
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient**2
        number, size = rate
        ratio = (first / (1 - 0.9**number)) / (jnp.sqrt(second / (1 - 0.99**number)) + 1e-12)
        moved = jnp.where(width > 0, jnp.clip(theta + size * width * ratio, room.low, room.high), theta)
        return (moved, first, second, best, value), None

    zeros = jnp.zeros_like(row)
    start = (row, zeros, zeros, row, jnp.full((), -jnp.inf, row.dtype))
    numbers = jnp.arange(1, len(rates) + 1, dtype=row.dtype)
    (theta, *_, best, value), _ = jax.lax.scan(step, start, (numbers, rates))
    last = density(theta)
    found = jnp.where(last > value, theta, best), jnp.maximum(last, value)
    return (
        found if len(row) > MOST_CURVED else jax.lax.fori_loop(0, NEWTON_STEPS, _newton(density, room), found)
    )


def _newton(density: LogDensity, room: _Room) -> Callable[[Array, tuple], tuple[Array, Array]]:
    """A step that ends a climb exactly: uphill along every axis of the curvature, shorter if need be."""
    width = room.width
    sizes = jnp.asarray([1.0, 0.3, 0.1, 0.01], width.dtype)

    def step(_: Array, found: tuple[Array, Array]) -> tuple[Array, Array]:
        theta, value = found
        curvature = width[:, None] * jax.hessian(density)(theta) * width - jnp.diag(1.0 * (width == 0))
        values, columns = jnp.linalg.eigh(jnp.nan_to_num(curvature))
        along = columns.T @ (jax.grad(density)(theta) * width) / jnp.maximum(jnp.abs(values), 1e-9)
        moved = theta + sizes[:, None] * width * (columns @ along)
        moved = jnp.where(width > 0, jnp.clip(moved, room.low, room.high), theta)
        reached = jax.vmap(density)(moved)
        best = jnp.nanargmax(jnp.where(jnp.isfinite(reached), reached, -jnp.inf))
        is_better = reached[best] > value
        return jnp.where(is_better, moved[best], theta), jnp.where(is_better, reached[best], value)

    return step


def _room(posterior: AnyPosterior) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low and high ends of a climb, and the width of each parameter."""
    prior = posterior.prior
    spread = np.asarray(prior.sample(jax.random.key(0), 1_000), float).std(axis=0)
    is_bounded = np.isfinite(prior.low) & np.isfinite(prior.high)
    width = np.where(
        is_bounded, np.where(is_bounded, prior.high, 1) - np.where(is_bounded, prior.low, 0), spread
    )
    return prior.low + EDGE * width, prior.high - EDGE * width, width


def _moves(posterior: AnyPosterior, fixed: Sequence[int | str]) -> np.ndarray:
    moves = np.ones(posterior.prior.dim)
    moves[[_index(posterior, one) for one in fixed]] = 0.0
    return moves


def _index(posterior: AnyPosterior, parameter: int | str) -> int:
    names = posterior.prior.names
    if isinstance(parameter, str):
        if parameter not in names:
            raise ValueError(f"There is no parameter '{parameter}'; there are {', '.join(names)}.")
        return names.index(parameter)
    if not -len(names) <= parameter < len(names):
        raise ValueError(f"There are {len(names)} parameters; got the position {parameter}.")
    return int(parameter) % len(names)
