"""What one or two parameters may still do while the others are held: conditional densities.

Reference:
    Goncalves et al. 2020, eLife 9:e56261, figure 6 and its methods: grids of 50 x 50.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.analysis.walled import LogQ, values, walled

NUM_GRID = 50


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


@eqx.filter_jit
def slices(
    density: LogQ, row: Float[Array, " dim"], ranges: Float[Array, "dim 2"], unit: Float[Array, " num"]
) -> Float[Array, "dim num"]:
    """Log density along each parameter, the others held as in `row`, at places that run from -1 to 1."""

    def one(index: Array, ends: Array) -> Array:
        return jax.vmap(lambda a: density(row.at[index].set(place(ends, a))))(unit)

    return jax.vmap(one)(jnp.arange(len(row)), ranges)


def place(ends: Float[Array, " 2"], unit: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Between the ends, which are at -1 and 1."""
    return ends[0] + (ends[1] - ends[0]) * (unit + 1) / 2
