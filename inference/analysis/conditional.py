"""What a parameter may still do while the others are held: conditional densities and correlations.

Marginals hide compensation: two parameters that must rise together may each look free. With the others held
at a draw the ridge shows.

Reference:
    Goncalves et al. 2020, eLife 9:e56261, figure 6 and its methods: 500 draws, grids of 50 x 50.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.analysis.walled import LogQ, values, walled

NUM_GRID = 50
ROWS_TOGETHER = 16_384  # densities in one compiled call: twice as fast as four times as many, or a quarter


class Conditional(NamedTuple):
    """A density over one parameter, or over two, with all others held.

    Attributes:
        grids: places along each parameter, in its unit; their ends are the ends of the range.
        density: values at the places, which sum to one over them; shape (num,), or (num, num) with the first
            parameter along rows.
    """

    grids: tuple[Float[np.ndarray, " num"], ...]
    density: Float[np.ndarray, "*nums"]


def conditional_density(
    posterior: Any,
    theta: Float[ArrayLike, " dim"],
    indices: tuple[int, ...],
    ranges: Float[ArrayLike, "dim 2"],
    *,
    num_grid: int = NUM_GRID,
    x: ArrayLike | None = None,
) -> Conditional:
    """q(parameters at ``indices`` | all others as in ``theta``, x) on a grid.

    Args:
        posterior: see `walled`.
        theta: where the others are held.
        indices: one or two parameters.
        ranges: lower and upper end of the grid of each parameter, for instance of the prior or of the draws.
        num_grid: places along each.
        x: features; None: the observation.

    Raises:
        ValueError: not one or two indices, or the density is zero on all of the grid.
    """
    if len(indices) not in (1, 2) or len(set(indices)) < len(indices):
        raise ValueError(f"A conditional density is of one or two parameters; got {list(indices)}.")
    ends = np.asarray(ranges, np.float64)[list(indices)]
    grids = tuple(np.linspace(low, high, num_grid) for low, high in ends)
    places = np.stack(np.meshgrid(*grids, indexing="ij"), axis=-1).reshape(-1, len(indices))
    rows = np.tile(np.asarray(theta, np.float32), (len(places), 1))
    rows[:, list(indices)] = places
    heights = np.asarray(values(walled(posterior, x), rows), np.float64)
    if not np.isfinite(heights).any():
        raise ValueError("The density is zero wherever these parameters go; widen their ranges.")
    weights = np.exp(heights - np.nanmax(heights))
    density = np.nan_to_num(weights / np.nansum(weights)).reshape([num_grid] * len(indices))
    return Conditional(grids, density)


def conditional_correlations(
    posterior: Any,
    draws: Float[ArrayLike, "n dim"],
    ranges: Float[ArrayLike, "dim 2"],
    *,
    num_grid: int = NUM_GRID,
    x: ArrayLike | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, "dim dim"]:
    """Pearson correlation of each pair with all others held, averaged over the draws at which they are held.

    Args:
        posterior: see `walled`.
        draws: parameter rows, some hundred draws of the posterior.
        ranges: lower and upper end of each parameter's grid.
        num_grid: places along each parameter of a pair.
        x: features; None: the observation.
        on_progress: called with (draws done, draws in all); may raise to stop.

    Returns:
        Symmetric, 1 on the diagonal; NaN where a pair has no density on its grid at any draw.
    """
    rows, ends = np.asarray(draws, np.float32), jnp.asarray(ranges, jnp.float32)
    first, second = np.triu_indices(rows.shape[1], 1)
    density, total = walled(posterior, x), np.zeros(len(first))
    found = np.zeros(len(first), int)
    for done, row in enumerate(rows):
        found_here = np.concatenate(
            [
                np.asarray(
                    _pair_correlations(
                        density, jnp.asarray(row), ends, jnp.asarray(i), jnp.asarray(j), num_grid
                    )
                )[:num]
                for i, j, num in _blocks(first, second, max(1, ROWS_TOGETHER // num_grid**2))
            ]
        )
        total += np.nan_to_num(found_here)
        found += np.isfinite(found_here)
        if on_progress is not None:
            on_progress(done + 1, len(rows))
    mean = np.where(found > 0, total / np.maximum(found, 1), np.nan)
    matrix = np.eye(rows.shape[1])
    matrix[first, second] = matrix[second, first] = mean
    return matrix


def _blocks(first: np.ndarray, second: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Pairs in blocks of one size, the last filled up with its last pair."""
    size = min(size, len(first))
    for start in range(0, len(first), size):
        i, j = first[start : start + size], second[start : start + size]
        padding = (0, size - len(i))
        yield np.pad(i, padding, mode="edge"), np.pad(j, padding, mode="edge"), len(i)


@eqx.filter_jit
def _pair_correlations(
    density: LogQ, row: Array, ranges: Array, first: Array, second: Array, num_grid: int
) -> Float[Array, " pairs"]:
    """The correlation of each pair on its grid, whose places run from -1 to 1."""
    unit = jnp.linspace(-1.0, 1.0, num_grid)

    def one(i: Array, j: Array) -> Array:
        def at(a: Array, b: Array) -> Array:
            moved = row.at[i].set(_place(ranges[i], a)).at[j].set(_place(ranges[j], b))
            return density(moved)

        values = jax.vmap(lambda a: jax.vmap(lambda b: at(a, b))(unit))(unit)
        values = jnp.where(jnp.isnan(values), -jnp.inf, values)
        weights = jnp.exp(values - values.max())
        return _correlation(weights / weights.sum(), unit)

    return jax.vmap(one)(first, second)


def _place(ends: Array, unit: Array) -> Array:
    return ends[0] + (ends[1] - ends[0]) * (unit + 1) / 2


def _correlation(weights: Float[Array, "num num"], unit: Float[Array, " num"]) -> Float[Array, ""]:
    rows, columns = weights.sum(1), weights.sum(0)
    a, b = unit - rows @ unit, unit - columns @ unit
    return (a @ weights @ b) / jnp.sqrt((rows @ a**2) * (columns @ b**2))
