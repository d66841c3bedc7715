"""The log density of a posterior, continued beyond its support, for searches that may stray out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from inference.drawn_posterior import AnyPosterior
from inference.posterior import LogDensity

LogQ = Callable[[Float[Array, " dim"]], Float[Array, ""]]
CLEARANCE = 1e-6  # of the prior's range: where points outside are brought to
BLOCK = 600  # rows in one compiled call of `values`
SLOPE = 0.01  # of the prior's range: so far outside, the density has fallen by one nat


class Walled(eqx.Module):
    """Log q(theta) of one row; outside, that of the nearest point inside less the squared distance to it."""

    density: LogDensity
    low: Float[Array, " dim"]
    high: Float[Array, " dim"]
    unit: Float[Array, " dim"]

    def __call__(self, theta: Float[Array, " dim"]) -> Float[Array, ""]:
        """In nats."""
        kept = jnp.clip(theta, self.low, self.high)
        return self.density(kept) - jnp.square((theta - kept) / self.unit).sum()


class Held(eqx.Module):
    """A density of some parameters, with the others held."""

    density: LogQ
    row: Float[Array, " dim"]
    free: Int[Array, " num"]

    def __call__(self, theta: Float[Array, " num"]) -> Float[Array, ""]:
        """In nats, as a function of the parameters that are free."""
        return self.density(self.row.at[self.free].set(theta))


def held(
    posterior: AnyPosterior | LogQ,
    theta: Float[ArrayLike, " dim"],
    free: Sequence[int],
    *,
    x: ArrayLike | None = None,
) -> Held:
    """The log density of some parameters, with all others held as in `theta`, for any analysis of densities.

    Args:
        posterior: see `walled`.
        theta: a parameter row.
        free: numbers of the parameters that are not held, in the order in which they will be given.
        x: features; None: the observation.
    """
    return Held(walled(posterior, x), jnp.asarray(theta, jnp.float32), jnp.asarray(list(free)))


def walled(posterior: AnyPosterior | LogQ, x: ArrayLike | None = None) -> Any:
    """The log density of a posterior as a function of one parameter row that may lie outside the prior.

    Args:
        posterior: with a density; or such a function, which is given back as it is.
        x: features (num_features,); None: the observation.

    Raises:
        ValueError: the posterior has no density, or there is no observation.
    """
    if not isinstance(posterior, AnyPosterior):
        return posterior
    low, high = posterior.prior.low, posterior.prior.high
    span = np.where(np.isfinite(low) & np.isfinite(high), high - low, 1.0)
    ends = low + CLEARANCE * span, high - CLEARANCE * span, SLOPE * span
    return Walled(posterior.log_density(x), *(jnp.asarray(end, jnp.float32) for end in ends))


def values(density: LogQ, rows: Float[ArrayLike, "n dim"]) -> Float[np.ndarray, " n"]:
    """Log densities of rows, in blocks of one size, so that a flow is compiled once for all analyses.

    Args:
        density: from `walled`, or another one.
        rows: parameter rows.
    """
    rows = np.asarray(rows, np.float32)
    num = -(-len(rows) // BLOCK) * BLOCK
    blocks = np.pad(rows, ((0, num - len(rows)), (0, 0)), mode="edge").reshape(-1, BLOCK, rows.shape[1])
    return np.concatenate([np.asarray(_block(density, jnp.asarray(block))) for block in blocks])[: len(rows)]


@eqx.filter_jit
def _block(density: LogQ, rows: Float[Array, "num dim"]) -> Float[Array, " num"]:
    return jax.vmap(density)(rows)
