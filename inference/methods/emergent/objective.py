"""What EPI minimises: minus the entropy, and how far the moments of the statistics are from their targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inference.estimators.emergent import EmergentFlow
from simulators import Prior

LARGEST = 1e10  # of a constraint, so that one stray simulation leaves everything finite

Statistics = Callable[[Array, Array], Array]  # (key, theta row) -> (p,)


class Targets(NamedTuple):
    """Of the p statistics, in their units."""

    mean: Float[np.ndarray, " p"]
    sd: Float[np.ndarray, " p"]

    @property
    def unit(self) -> Float[np.ndarray, " m"]:
        """By which a violation is judged: the sd of a mean, and that of a Gaussian's square."""
        return np.concatenate([self.sd, np.sqrt(2) * self.sd**2])

    def violations(self, x: Float[Array, "*n p"]) -> Float[Array, "*n m"]:
        """T(z) - mu_opt: first f - mean, then (f - mean)^2 - sd^2."""
        off = x - self.mean
        return jnp.clip(jnp.concatenate([off, off**2 - self.sd**2], axis=-1), -LARGEST, LARGEST)


class Multipliers(NamedTuple):
    """Of one seed: eta, and the weight of each squared violation, c in the unit of the constraint."""

    eta: Float[Array, " m"]
    weight: Float[Array, " m"]


class Batch(NamedTuple):
    """What the flow draws and the simulator makes of it."""

    theta: Float[Array, "n dim"]
    log_prob: Float[Array, " n"]
    x: Float[Array, "n p"]


def draw(key: Key[Array, ""], flow: EmergentFlow, prior: Prior, statistics: Statistics, num: int) -> Batch:
    """`num` parameter rows inside the support, their log density there, and one simulation of each."""
    flow_key, simulate_key = jax.random.split(key)
    u, log_q = jax.vmap(flow.draw)(jax.random.split(flow_key, num))
    theta = prior.from_unconstrained(u)
    x = jax.vmap(statistics)(jax.random.split(simulate_key, num), theta)
    return Batch(theta, log_q - prior.log_abs_det_jacobian(u), x)


def lagrangian(batch: Batch, targets: Targets, multipliers: Multipliers) -> tuple[Array, tuple[Array, Array]]:
    """-H + eta R + c/2 |R|^2, up to a constant of gradient zero; and mean R and variance of the violations.

    The gradient of |R|^2 / 2 is unbiased: one half of the batch carries it, the other, independent one, is
    taken for R itself. Reference: Bittner et al. 2021, eLife 10:e56265.
    """
    violations = targets.violations(batch.x)
    half = len(violations) // 2
    first, second = violations[:half].mean(axis=0), jax.lax.stop_gradient(violations[half:].mean(axis=0))
    mean = violations.mean(axis=0)
    penalty = (multipliers.weight * first * second).sum()
    found = jax.lax.stop_gradient((mean, violations.var(axis=0)))
    return batch.log_prob.mean() + multipliers.eta @ mean + penalty, found
