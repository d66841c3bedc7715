"""DrawnPosterior: a posterior known by its draws alone, as MCMC and ABC leave it."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.hierarchical_posterior import HierarchicalPosterior
from inference.posterior import LogDensity, Posterior, share_at_bounds
from inference.property_posterior import PropertyPosterior
from simulators import Prior

NO_DENSITY = "MCMC and ABC give draws and no normalised density; use the draws, or run SNPE for a log_prob."
MOST_DRAWS = 10_000  # of all chains together; longer chains are thinned


@dataclass(frozen=True, eq=False)
class DrawnPosterior:
    """Draws of p(theta | x_o), in the prior's own space.

    Attributes:
        draws: (chain, draw, dim); independent draws are one chain.
        prior: gives the support.
        x_o: the observation, shape (num_features,).

    Raises:
        ValueError: `draws` has another shape, or a draw that is not finite.
    """

    draws: Float[np.ndarray, "chain draw dim"]
    prior: Prior
    x_o: Float[np.ndarray, " num_features"]

    def __post_init__(self) -> None:
        draws = np.asarray(self.draws, np.float32)
        if draws.ndim != 3 or draws.shape[2] != self.prior.dim or not draws.size:
            raise ValueError(
                f"Draws must have shape (chain, draw, {self.prior.dim}), and be at least one; "
                f"got {draws.shape}."
            )
        if not np.isfinite(draws).all():
            raise ValueError(f"{int((~np.isfinite(draws)).any(-1).sum())} draws are not finite.")
        object.__setattr__(self, "draws", draws)
        object.__setattr__(self, "x_o", np.asarray(self.x_o, np.float32))

    @property
    def rows(self) -> Float[np.ndarray, "n dim"]:
        """All draws: the first of each chain, then the second of each chain, and so on."""
        return np.swapaxes(self.draws, 0, 1).reshape(-1, self.prior.dim)

    def sample(self, key: Key[Array, ""], num: int, x: ArrayLike | None = None) -> Float[Array, "num dim"]:
        """Draws of the chains in random order: none twice while there are enough, else with replacement.

        Args:
            key: PRNG key.
            num: how many.
            x: nothing, or the observation itself.

        Raises:
            ValueError: `num` is not positive, or x is another observation.
        """
        if num < 1:
            raise ValueError(f"The number of draws must be at least 1; got {num}.")
        if x is not None and not np.array_equal(np.asarray(x, np.float32), self.x_o, equal_nan=True):
            raise ValueError(
                "These draws belong to the observation of their run and say nothing of others; run again "
                "with the other one, or run SNPE for a posterior of any observation."
            )
        rows = self.rows
        return jax.random.choice(key, jnp.asarray(rows), (num,), replace=num > len(rows))

    def log_prob(self, theta: ArrayLike, x: ArrayLike | None = None) -> Float[Array, " n"]:
        """There is none.

        Raises:
            ValueError: always.
        """
        raise ValueError(NO_DENSITY)

    def log_density(self, x: ArrayLike | None = None) -> LogDensity:
        """There is none, as of `log_prob`.

        Raises:
            ValueError: always.
        """
        raise ValueError(NO_DENSITY)

    def share_at_bounds(self, theta: ArrayLike) -> Float[np.ndarray, "dim 2"]:
        """As `Posterior.share_at_bounds`."""
        return share_at_bounds(self.prior, theta)


AnyPosterior = Posterior | HierarchicalPosterior | DrawnPosterior | PropertyPosterior
