"""A normal distribution bent into an interval.

NumPyro's own transformed distribution would make device arrays when it is asked for its support, which a
model must not do on import.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, Normal, constraints


class LogitNormal(Distribution):
    """Distribution of x in (low, high) whose log((x - low) / (high - x)) is N(0, scale^2).

    Args:
        low: of the interval.
        high: of the interval.
        scale: standard deviation on the logit scale.
    """

    arg_constraints = {"low": constraints.real, "high": constraints.real, "scale": constraints.positive}

    def __init__(self, low: float, high: float, scale: float) -> None:
        self.low, self.high, self.scale = low, high, scale
        super().__init__(batch_shape=(), event_shape=(), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """The open interval."""
        return constraints.open_interval(self.low, self.high)

    def sample(
        self, key: Key[Array, ""] | None, sample_shape: tuple[int, ...] = ()
    ) -> Float[Array, "*shape"]:
        """Independent draws."""
        assert key is not None
        logit = self.scale * jax.random.normal(key, sample_shape)
        return self.low + (self.high - self.low) * jax.nn.sigmoid(logit)

    def log_prob(self, value: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Log density inside the interval."""
        above, below = jnp.log(value - self.low), jnp.log(self.high - value)
        jacobian = jnp.log(self.high - self.low) - above - below
        return Normal(0.0, self.scale).log_prob(above - below) + jacobian
