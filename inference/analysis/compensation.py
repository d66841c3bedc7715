"""Which parameters compensate each other: correlations of pairs while all others are held.

Marginals hide compensation: two parameters that must rise together may each look free. With the others held
at a draw the ridge shows.

Reference:
    Goncalves et al. 2020, eLife 9:e56261, figure 6 and its methods: 500 draws, grids of 50 x 50.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from inference.analysis.conditional import NUM_GRID, place, slices
from inference.analysis.walled import LogQ, walled

ROWS_TOGETHER = 4_096  # densities in one compiled call
MOST_ROWS, LEAST_NODES = 16_384, 5  # densities for one draw, where that leaves so many nodes
FLATTER = 0.2  # power of a conditional density by which its nodes are spread: 2.2 times as wide
OUTERMOST = 0.02  # level of the first node: at a bound itself a density may be anything
DEEPEST = 1e4  # nats below the highest; what is lower counts as so low


def conditional_correlations(
    posterior: Any,
    draws: Float[ArrayLike, "n dim"],
    ranges: Float[ArrayLike, "dim 2"],
    *,
    num_nodes: int | None = None,
    x: ArrayLike | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, "dim dim"]:
    """Pearson correlation of each pair with all others held, averaged over the draws at which they are held.

    Each is that of a density on 50 x 50 places. Along each parameter alone log q is computed at all of them;
    what a pair adds, log q(a, b) - log q(a) - log q(b) + log q(held), is computed at `num_nodes` times
    `num_nodes` of them, cubic in between and straight beyond: where it is smooth few will do, and of a
    Gaussian any number does. The nodes lie where a parameter's conditional density, flattened, has its mass.

    Args:
        posterior: see `walled`.
        draws: parameter rows, some hundred draws of the posterior.
        ranges: lower and upper end of each parameter's grid.
        num_nodes: along each parameter of a pair, 2 to 50; 50: no interpolation. None: as many as make
            16 384 densities of a draw, but at least 5: all 50 for up to 4 parameters, 24 for 8, 5 for 31.
        x: features; None: the observation.
        on_progress: called with (draws done, draws in all); may raise to stop.

    Returns:
        Symmetric, 1 on the diagonal; NaN where a pair has no density on its grid at any draw.

    Raises:
        ValueError: there cannot be so many nodes.
    """
    rows, ends = np.asarray(draws, np.float32), jnp.asarray(ranges, jnp.float32)
    first, second = np.triu_indices(rows.shape[1], 1)
    num = num_nodes if num_nodes is not None else _affordable(len(first))
    if not 2 <= num <= NUM_GRID:
        raise ValueError(f"Between 2 and {NUM_GRID} nodes are possible; got {num}.")
    density, total = walled(posterior, x), np.zeros(len(first))
    found = np.zeros(len(first), int)
    for done, row in enumerate(rows):
        here = _row_correlations(density, jnp.asarray(row), ends, (first, second), num)
        total += np.nan_to_num(here)
        found += np.isfinite(here)
        if on_progress is not None:
            on_progress(done + 1, len(rows))
    matrix = np.eye(rows.shape[1])
    mean = np.where(found > 0, total / np.maximum(found, 1), np.nan)
    matrix[first, second] = matrix[second, first] = mean
    return matrix


def _affordable(num_pairs: int) -> int:
    return int(np.clip(np.sqrt(MOST_ROWS / max(num_pairs, 1)), LEAST_NODES, NUM_GRID))


def _row_correlations(
    density: LogQ, row: Array, ranges: Array, pairs: tuple[np.ndarray, np.ndarray], num: int
) -> Float[np.ndarray, " pairs"]:
    """Of all pairs, with the others held at one row."""
    alone = _alone(density, row, ranges, num)
    blocks = _blocks(*pairs, max(1, ROWS_TOGETHER // num**2))
    found = [np.asarray(_correlations(density, row, ranges, alone, pair))[:kept] for pair, kept in blocks]
    return np.concatenate(found)


def _blocks(
    first: np.ndarray, second: np.ndarray, size: int
) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], int]]:
    """Pairs in blocks of one size, the last filled up with its last pair."""
    size = min(size, len(first))
    for start in range(0, len(first), size):
        i, j = first[start : start + size], second[start : start + size]
        padding = (0, size - len(i))
        yield (np.pad(i, padding, mode="edge"), np.pad(j, padding, mode="edge")), len(i)


class _Alone(eqx.Module):
    """What is known of each parameter alone.

    Attributes:
        heights: log density along it, less that of the row itself, at all places.
        nodes: numbers of the places that are nodes.
        spread: from values at the nodes to values at all places, zero at the row itself.
        here: log density of the row.
    """

    heights: Float[Array, "dim places"]
    nodes: Int[Array, "dim nodes"]
    spread: Float[Array, "dim places nodes"]
    here: Float[Array, ""]


def _unit() -> Float[Array, " places"]:
    return jnp.linspace(-1.0, 1.0, NUM_GRID)


@eqx.filter_jit
def _alone(density: LogQ, row: Array, ranges: Array, num: int) -> _Alone:
    heights = slices(density, row, ranges, _unit())
    heights = jnp.nan_to_num(heights, nan=-jnp.inf, posinf=jnp.inf, neginf=-jnp.inf)
    heights = jnp.maximum(heights, heights.max(axis=1, keepdims=True) - DEEPEST)
    here = jnp.maximum(jnp.nan_to_num(density(row), nan=-jnp.inf, neginf=-jnp.inf), heights.max() - DEEPEST)
    at = 2 * (row - ranges[:, 0]) / (ranges[:, 1] - ranges[:, 0]) - 1
    nodes, spread = jax.vmap(lambda along, one: _nodes(along, one, num))(heights, at)
    return _Alone(heights - here, nodes, spread, here)


def _nodes(
    heights: Float[Array, " places"], at: Float[Array, ""], num: int
) -> tuple[Int[Array, " num"], Float[Array, "places num"]]:
    """Places at levels of a flattened density, and what each tells of all places.

    There is one level more than nodes; the row itself stands for the one that is nearest to it.
    """
    unit, order = _unit(), jnp.arange(num + 1)
    if num == NUM_GRID:
        return jnp.arange(num), jnp.eye(num)
    weights = jnp.exp(FLATTER * (heights - heights.max()))
    mass = (jnp.cumsum(weights) - weights / 2) / weights.sum()
    levels = jnp.linspace(OUTERMOST, 1 - OUTERMOST, len(order))
    places = jnp.rint(jnp.interp(levels, mass, jnp.arange(NUM_GRID)))
    apart = jax.lax.cummax(places - order) + order  # each beyond the one before
    places = jnp.minimum(apart, NUM_GRID - len(order) + order).astype(int)
    nearest = jnp.argmin(jnp.abs(unit[places] - at))
    others = order[:-1] + (order[:-1] >= nearest)
    knots = jnp.sort(unit[places].at[nearest].set(at))
    return places[others], _hermite(knots, unit)[:, others]


def _hermite(knots: Float[Array, " knots"], places: Float[Array, " places"]) -> Float[Array, "places knots"]:
    """Weights of the values at knots: cubic between, with the slopes of parabolas; straight beyond."""
    gaps, eye = jnp.diff(knots), jnp.eye(len(knots))
    steps = (eye[1:] - eye[:-1]) / gaps[:, None]  # slope of each piece, as weights of the values
    share = (gaps[1:] / (gaps[1:] + gaps[:-1]))[:, None]
    inner = share * steps[:-1] + (1 - share) * steps[1:]
    slopes = jnp.concatenate([2 * steps[:1] - inner[:1], inner, 2 * steps[-1:] - inner[-1:]])
    k = jnp.clip(jnp.searchsorted(knots, places, side="right") - 1, 0, len(gaps) - 1)
    width = gaps[k][:, None]
    t = jnp.clip((places - knots[k]) / gaps[k], 0.0, 1.0)[:, None]
    one = eye[k + 1] * t**2 * (3 - 2 * t) + eye[k] * (1 - t) ** 2 * (1 + 2 * t)
    two = width * t * (1 - t) * ((1 - t) * slopes[k] - t * slopes[k + 1])
    below, above = jnp.minimum(places - knots[0], 0.0), jnp.maximum(places - knots[-1], 0.0)
    return one + two + below[:, None] * slopes[0] + above[:, None] * slopes[-1]


@eqx.filter_jit
def _correlations(
    density: LogQ, row: Array, ranges: Array, alone: _Alone, pair: tuple[Array, Array]
) -> Float[Array, " pairs"]:
    unit = _unit()

    def one(i: Array, j: Array) -> Array:
        def at(a: Array, b: Array) -> Array:
            return density(row.at[i].set(place(ranges[i], a)).at[j].set(place(ranges[j], b)))

        rows, columns = alone.nodes[i], alone.nodes[j]
        both = jax.vmap(lambda a: jax.vmap(lambda b: at(a, b))(unit[columns]))(unit[rows]) - alone.here
        apart = alone.heights[i][:, None] + alone.heights[j]
        both = jnp.maximum(jnp.nan_to_num(both, nan=-jnp.inf, neginf=-jnp.inf), apart.max() - DEEPEST)
        added = both - apart[rows][:, columns]
        return _correlation(apart + alone.spread[i] @ added @ alone.spread[j].T)

    return jax.vmap(one)(*(jnp.asarray(part) for part in pair))


def _correlation(heights: Float[Array, "num num"]) -> Float[Array, ""]:
    """Of a density whose logarithm is known on the grid, up to a constant."""
    weights, unit = jnp.exp(heights - heights.max()), _unit()
    weights /= weights.sum()
    rows, columns = weights.sum(1), weights.sum(0)
    a, b = unit - rows @ unit, unit - columns @ unit
    return (a @ weights @ b) / jnp.sqrt((rows @ a**2) * (columns @ b**2))
