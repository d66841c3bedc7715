"""Jumps: Metropolis steps of chains to anywhere that particles of the posterior lie.

The proposal is a mixture of multivariate t densities, each the mean and the covariance of the particles
nearest to one of them. It does not depend on where a chain is, so a chain that has found one mode gets to
the others, as often as their mass says; the acceptance is that of an independence sampler and exact whatever
the particles are. What they miss, jumps do not reach either.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, logsumexp
from jaxtyping import Array, Float, Key

MOST_COMPONENTS = 512
DEGREES = 6  # of freedom: heavier tails than the posterior's
RIDGE = 1e-3  # of the particles' variance, in each direction of a component


class Proposal(NamedTuple):
    """The mixture: means (k, dim), lower Cholesky factors (k, dim, dim) and their inverses."""

    means: Float[Array, "k dim"]
    factors: Float[Array, "k dim dim"]
    inverses: Float[Array, "k dim dim"]


def fit_proposal(u: Float[np.ndarray, "n dim"]) -> Proposal:
    """The mixture around (the first of) these particles."""
    u = np.asarray(u, np.float64)
    num, dim = u.shape
    scale = np.maximum(u.std(axis=0), 1e-12)
    z = u / scale
    num_near, means, factors = min(2 * dim + 10, num), [], []
    for point in z[:MOST_COMPONENTS]:
        near = z[np.argpartition(np.square(z - point).sum(axis=1), num_near - 1)[:num_near]]
        covariance = np.cov(near.T).reshape(dim, dim)
        covariance += RIDGE * np.trace(covariance) / dim * np.eye(dim) + 1e-12 * np.eye(dim)
        means.append(near.mean(axis=0) * scale)
        factors.append(scale[:, None] * np.linalg.cholesky(covariance))
    lower = np.stack(factors)
    parts = (np.stack(means), lower, np.linalg.inv(lower))
    return Proposal(*(jnp.asarray(part, jnp.float32) for part in parts))


def draw(proposal: Proposal, key: Key[Array, ""]) -> Float[Array, " dim"]:
    """One point."""
    which_key, normal_key = jax.random.split(key)
    num, dim = proposal.means.shape
    which = jnp.minimum(num * jax.random.uniform(which_key), num - 1).astype(jnp.int32)
    normal = jax.random.normal(normal_key, (dim + DEGREES,))  # at once: each call takes seconds to compile
    spread = jnp.sqrt(DEGREES / jnp.square(normal[dim:]).sum())
    return proposal.means[which] + spread * (proposal.factors[which] @ normal[:dim])


def log_prob(proposal: Proposal, u: Float[Array, " dim"]) -> Float[Array, ""]:
    """Log density of one point."""
    dim = u.shape[0]
    away = jnp.einsum("kij,kj->ki", proposal.inverses, u - proposal.means)
    log_det = jnp.log(jnp.abs(jnp.diagonal(proposal.inverses, axis1=1, axis2=2))).sum(axis=1)
    log_kernel = -0.5 * (DEGREES + dim) * jnp.log1p(jnp.square(away).sum(axis=1) / DEGREES)
    constant = gammaln((DEGREES + dim) / 2) - gammaln(DEGREES / 2) - 0.5 * dim * np.log(DEGREES * np.pi)
    return logsumexp(log_kernel + log_det) + constant - np.log(len(proposal.means))
