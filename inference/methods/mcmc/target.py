"""Target: prior x likelihood of an observation, in the prior's unconstrained space."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.goals import EmergentProperty, Goal
from simulators import Simulator


@dataclass(frozen=True, eq=False)
class Target:
    """The density that chains sample from, up to its constant; for one point, vmap-able.

    Attributes:
        simulator: with a `log_likelihood`.
        x_o: the observation, shape (num_features,).
    """

    simulator: Simulator
    x_o: Float[np.ndarray, " num_features"]

    def log_prior(self, u: Float[Array, " dim"]) -> Float[Array, ""]:
        """Of unconstrained parameters."""
        return self.simulator.prior.unconstrained_log_prob(u)

    def log_likelihood(self, u: Float[Array, " dim"]) -> Float[Array, ""]:
        """Of the observation; -inf where it is not a number."""
        prior = self.simulator.prior
        assert self.simulator.log_likelihood is not None
        value = self.simulator.log_likelihood(
            prior.as_dict(prior.from_unconstrained(u)), jnp.asarray(self.x_o)
        )
        return jnp.where(jnp.isnan(value), -jnp.inf, value)

    def potential(self, u: Float[Array, " dim"]) -> Float[Array, ""]:
        """Minus the log density of u."""
        return -self.log_prior(u) - self.log_likelihood(u)

    def log_joint(self, theta: Float[Array, " dim"]) -> Float[Array, ""]:
        """Log prior x likelihood at parameters in the prior's own space."""
        prior, likelihood = self.simulator.prior, self.simulator.log_likelihood
        assert likelihood is not None
        return prior.log_prob(theta) + likelihood(prior.as_dict(theta), jnp.asarray(self.x_o))

    def log_density(self, u: Float[Array, " dim"], potential: Float[Array, ""]) -> Float[Array, ""]:
        """Log prior x likelihood in the prior's own space, where the potential at u is known."""
        return -potential - self.simulator.prior.log_abs_det_jacobian(u)


def observed(goal: Goal, method: str) -> Float[np.ndarray, " num_features"]:
    """The observation that chains are run for.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: there is no observation, or it misses a feature.
    """
    if isinstance(goal, EmergentProperty):
        raise TypeError(f"{method} explains an observation; an emergent property needs the method EPI.")
    if goal is None:
        raise ValueError(f"{method} samples the posterior of one observation; give one, or run SNPE.")
    x_o = np.asarray(goal.x, np.float32)
    if not np.isfinite(x_o).all():
        raise ValueError(
            f"The observation has {int((~np.isfinite(x_o)).sum())} features that are not finite; "
            f"{method} needs all of them."
        )
    return x_o


def key_words(key: Array) -> Array:
    """The key as an array of plain words, which a checkpoint can hold."""
    return jax.random.key_data(key)
