"""Weighted particles of sequential Monte Carlo ABC, and the kernel that proposes the next ones."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Array, ArrayLike, Float

from inference.resampling import effective_number, host_generator
from simulators import Prior

BLOCK = 1_000  # rows whose densities are computed at once
JITTER = 1e-8  # of the variances, on the diagonal


class Population(NamedTuple):
    """Particles with importance weights of sum one.

    Attributes:
        theta, u: (n, dim), in the prior's own and in unconstrained space.
        weight, distance: (n,).
        kernel_scale: covariance of the kernel over that of the particles.
    """

    theta: Float[np.ndarray, "n dim"]
    u: Float[np.ndarray, "n dim"]
    weight: Float[np.ndarray, " n"]
    distance: Float[np.ndarray, " n"]
    kernel_scale: float = 2.0

    @property
    def effective_number(self) -> float:
        """How many draws of equal weight the particles are worth."""
        return effective_number(self.weight)

    def propose(self, key: Array, num: int) -> Float[np.ndarray, "num dim"]:
        """Unconstrained draws of the kernel, a Gaussian about each particle; no draw leaves the support."""
        generator = host_generator(key)
        chosen = generator.choice(len(self.u), num, p=self.weight)
        return self.u[chosen] + generator.normal(size=(num, self.u.shape[1])) @ self._root.T

    def log_density(self, u: Float[np.ndarray, "m dim"]) -> Float[np.ndarray, " m"]:
        """Log density of the proposals at unconstrained rows, up to a constant."""
        root, log_weight = self._root, np.log(np.maximum(self.weight, 1e-300))
        centres, rows = (scipy.linalg.solve_triangular(root, part.T, lower=True).T for part in (self.u, u))
        blocks = [
            scipy.special.logsumexp(
                log_weight - 0.5 * scipy.spatial.distance.cdist(rows[i : i + BLOCK], centres, "sqeuclidean"),
                axis=1,
            )
            for i in range(0, len(rows), BLOCK)
        ]
        return np.concatenate(blocks)

    @property
    def _root(self) -> Float[np.ndarray, "dim dim"]:
        """Lower Cholesky factor of the kernel's covariance."""
        covariance = self.kernel_scale * np.atleast_2d(np.cov(self.u.T, aweights=self.weight, ddof=0))
        return np.linalg.cholesky(
            covariance + JITTER * max(np.trace(covariance), 1e-12) * np.eye(len(covariance))
        )


def weighted(log_weight: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Weights of sum one."""
    return np.exp(log_weight - scipy.special.logsumexp(log_weight))


@partial(jax.jit, static_argnums=0)
def located(prior: Prior, theta: ArrayLike) -> tuple[Array, Array]:
    """Unconstrained rows, and the prior's log density of them, with the Jacobian."""
    u = prior.to_unconstrained(jnp.asarray(theta))
    return u, prior.unconstrained_log_prob(u)


@partial(jax.jit, static_argnums=0)
def constrained(prior: Prior, u: ArrayLike) -> Array:
    """Rows in the prior's own space."""
    return prior.from_unconstrained(jnp.asarray(u))
