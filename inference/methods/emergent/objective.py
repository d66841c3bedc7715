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
    """What the flow draws and the simulator makes of it.

    Attributes:
        theta: parameter rows inside the support.
        log_prob: their log density there.
        x: statistics of one simulation of each.
        log_prob_there: the log density in the same places, held still; its gradient is the score.
    """

    theta: Float[Array, "n dim"]
    log_prob: Float[Array, " n"]
    x: Float[Array, "n p"]
    log_prob_there: Float[Array, " n"] | None = None


def draw(
    key: Key[Array, ""],
    flow: EmergentFlow,
    prior: Prior,
    statistics: Statistics,
    num: int,
    score_share: float = 0.0,
) -> Batch:
    """`num` draws and simulations, with what a gradient of which the score has this share needs."""
    flow_key, simulate_key = jax.random.split(key)
    u, log_q = jax.vmap(flow.draw)(jax.random.split(flow_key, num))
    theta, there = prior.from_unconstrained(u), None
    if score_share > 0:
        held, nothing = jax.lax.stop_gradient(u), jnp.zeros(1)
        there = jax.vmap(lambda row: flow.log_prob_given(row, nothing))(held)
    simulated = theta if score_share < 1 else jax.lax.stop_gradient(theta)
    x = jax.vmap(statistics)(jax.random.split(simulate_key, num), simulated)
    return Batch(theta, log_q - prior.log_abs_det_jacobian(u), x, there)


def lagrangian(
    batch: Batch, targets: Targets, multipliers: Multipliers, score_share: float = 0.0
) -> tuple[Array, tuple[Array, Array]]:
    """-H + eta R + c/2 |R|^2, up to a constant of gradient zero; and mean R and variance of the violations.

    Two gradients of the last two terms are unbiased: through the simulator ("pathwise"), and by the score of
    the density (Williams 1992, Mach. Learn. 8, 229), which sees draws where a statistic is flat or jumps. So
    is their average with any share (as in Parmas et al. 2018, ICML).

    Args:
        batch: with `log_prob_there` where the share is not 0.
        targets: of the statistics.
        multipliers: eta, and c in the unit of each constraint.
        score_share: of the gradient, 0 to 1.
    """
    violations = targets.violations(batch.x)
    value = batch.log_prob.mean()
    if score_share < 1:
        value += (1 - score_share) * _pathwise(violations, multipliers)
    if score_share > 0:
        assert batch.log_prob_there is not None
        value += score_share * _score(violations, multipliers, batch.log_prob_there)
    return value, jax.lax.stop_gradient((violations.mean(axis=0), violations.var(axis=0)))


def _pathwise(violations: Float[Array, "n m"], multipliers: Multipliers) -> Array:
    """With an unbiased gradient: one half of the batch carries that of the penalty, the other is taken for R.

    Reference: Bittner et al. 2021, eLife 10:e56265.
    """
    half = len(violations) // 2
    first, second = violations[:half].mean(axis=0), jax.lax.stop_gradient(violations[half:].mean(axis=0))
    return multipliers.eta @ violations.mean(axis=0) + (multipliers.weight * first * second).sum()


def _score(violations: Float[Array, "n m"], multipliers: Multipliers, log_prob: Float[Array, " n"]) -> Array:
    """With the same gradient on average: each half of the batch pays the price that the other one sets.

    What a draw costs is set against the mean of the others in its half, which changes no expectation.
    """
    half = len(violations) // 2
    halves = jax.lax.stop_gradient(violations[: 2 * half]).reshape(2, half, -1)
    price = multipliers.eta + multipliers.weight * halves.mean(axis=1)[::-1]
    cost = jnp.einsum("hnm,hm->hn", halves, price)
    excess = (cost - cost.mean(axis=1, keepdims=True)) * half / (half - 1)
    return (excess.ravel() * log_prob[: 2 * half]).mean()
