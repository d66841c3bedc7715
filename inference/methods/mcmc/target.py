"""Target: prior x likelihood of an observation, in the prior's unconstrained space."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

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
