"""How exactly each parameter must be set: the entropy of its conditional, beside that of its marginal.

A parameter whose marginal is wide and whose conditionals are narrow matters: it is free only because others
give way. Entropies are differential, so that only their differences mean something: a difference d stands
for a width that is exp(d) times as large.

Reference:
    Cover and Thomas 2006, Elements of Information Theory, chapter 8: h(X | Y) <= h(X).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from inference.analysis.conditional import slices
from inference.analysis.density import bounded_density
from inference.analysis.walled import walled

NUM_GRID = 100


class Importance(NamedTuple):
    """Entropies in nats, of parameters in their own units.

    Attributes:
        conditional: mean over draws of the entropy given all other parameters.
        error: its standard error.
        marginal: entropy of the draws themselves.
        flat: log of the range: what a uniform parameter has.
    """

    conditional: Float[np.ndarray, " dim"]
    error: Float[np.ndarray, " dim"]
    marginal: Float[np.ndarray, " dim"]
    flat: Float[np.ndarray, " dim"]

    @property
    def width(self) -> Float[np.ndarray, " dim"]:
        """Of the conditional, beside the range: near 0 it must be set exactly, near 1 it does not matter."""
        return np.exp(self.conditional - self.flat)

    @property
    def freed(self) -> Float[np.ndarray, " dim"]:
        """Nats that a parameter gains where the others may give way, which is never less than 0 in truth."""
        return self.marginal - self.conditional


def importance(
    posterior: Any,
    draws: Float[ArrayLike, "n dim"],
    ranges: Float[ArrayLike, "dim 2"],
    *,
    num_grid: int = NUM_GRID,
    x: ArrayLike | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Importance:
    """How narrow each parameter is with all others held, averaged over the draws at which they are held.

    Args:
        posterior: see `walled`.
        draws: of the posterior, some hundred; outside the ranges only to the degree of rounding.
        ranges: lower and upper end of each parameter, for instance the prior's bounds.
        num_grid: cells of a conditional.
        x: features; None: the observation.
        on_progress: called with (draws done, draws in all); may raise to stop.
    """
    found = conditional_entropies(posterior, draws, ranges, num_grid=num_grid, x=x, on_progress=on_progress)
    return importance_from(found, draws, ranges)


def conditional_entropies(
    posterior: Any,
    draws: Float[ArrayLike, "n dim"],
    ranges: Float[ArrayLike, "dim 2"],
    *,
    num_grid: int = NUM_GRID,
    x: ArrayLike | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Float[np.ndarray, "n dim"]:
    """The entropy of each parameter with all others held, at each draw, nats; arguments as of `importance`.

    NaN where the density along a parameter is nowhere known.
    """
    rows, ends = np.asarray(draws, np.float64), np.asarray(ranges, np.float64)
    density, found = walled(posterior, x), np.zeros(rows.shape)
    middles = jnp.asarray(2 * (np.arange(num_grid) + 0.5) / num_grid - 1, jnp.float32)
    for done, row in enumerate(rows):
        heights = slices(density, jnp.asarray(row, jnp.float32), jnp.asarray(ends, jnp.float32), middles)
        found[done] = _entropies(np.asarray(heights, float), (ends[:, 1] - ends[:, 0]) / num_grid)
        if on_progress is not None:
            on_progress(done + 1, len(rows))
    return found


def importance_from(
    entropies: Float[np.ndarray, "n dim"],
    draws: Float[ArrayLike, "m dim"],
    ranges: Float[ArrayLike, "dim 2"],
) -> Importance:
    """Averages `conditional_entropies`, which may be those of some of the draws; see `importance`."""
    rows, ends = np.asarray(draws, np.float64), np.asarray(ranges, np.float64)
    num = np.isfinite(entropies).sum(axis=0)
    marginals = [_marginal(column, *pair) for column, pair in zip(rows.T, ends, strict=True)]
    is_one = len(entropies) == 1
    error = np.full(len(ends), np.nan) if is_one else np.nanstd(entropies, axis=0, ddof=1) / np.sqrt(num)
    mean = np.nanmean(entropies, axis=0)
    return Importance(mean, error, np.array(marginals), np.log(ends[:, 1] - ends[:, 0]))


def _entropies(heights: Float[np.ndarray, "dim num"], cell: Float[np.ndarray, " dim"]) -> np.ndarray:
    """Of densities known up to a factor in the middle of cells; NaN where there is none."""
    heights = np.where(np.isnan(heights), -np.inf, heights)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.exp(heights - heights.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        terms = np.where(weights > 1e-200, weights * np.log(weights / cell[:, None]), weights)
    return -terms.sum(axis=1)


def _marginal(draws: np.ndarray, low: float, high: float) -> float:
    grid, density = bounded_density(np.clip(draws, low, high), low, high)
    terms = np.where(density > 0, density * np.log(np.maximum(density, 1e-300)), 0.0)
    return -float(terms.sum() * (grid[1] - grid[0]))
