"""Linear Gaussian: the yardstick with a closed-form posterior.

theta ~ N(0, 0.1 I) in 10 dimensions, x | theta ~ N(theta, 0.1 I): the task "Gaussian linear" of the
simulation-based inference benchmark (Lueckmann et al. 2021, AISTATS).
The posterior is N(x / 2, 0.05 I).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import Simulator, Theta
from simulators.prior import Prior

DIM = 10
PRIOR_VARIANCE = 0.1
NOISE_VARIANCE = 0.1

PRIOR = Prior(
    {"theta": dist.Normal(0.0, PRIOR_VARIANCE**0.5).expand([DIM]).to_event(1)}, labels={"theta": r"$\theta$"}
)


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, " dim"]:
    """Theta plus noise."""
    return theta["theta"] + NOISE_VARIANCE**0.5 * jax.random.normal(key, (DIM,))


def log_likelihood(theta: Theta, x: Float[Array, " dim"]) -> Float[Array, ""]:
    """Log density of N(theta, NOISE_VARIANCE I) at x."""
    return dist.Normal(theta["theta"], NOISE_VARIANCE**0.5).log_prob(x).sum()


def posterior_moments(x: Float[Array, " dim"]) -> tuple[Float[Array, " dim"], Float[Array, "dim dim"]]:
    """Mean and covariance of the exact posterior at x."""
    gain = PRIOR_VARIANCE / (PRIOR_VARIANCE + NOISE_VARIANCE)
    return gain * x, gain * NOISE_VARIANCE * jnp.eye(DIM)


def exact_posterior(key: Key[Array, ""], x: Float[Array, " dim"], num: int) -> Float[Array, "num dim"]:
    """Draws from the exact posterior."""
    mean, covariance = posterior_moments(jnp.asarray(x))
    return mean + jnp.sqrt(covariance[0, 0]) * jax.random.normal(key, (num, DIM))


linear_gaussian = Simulator(
    "linear_gaussian",
    PRIOR,
    simulate,
    log_likelihood=log_likelihood,
    exact_posterior=exact_posterior,
    true_theta=np.linspace(-0.5, 0.5, DIM, dtype=np.float32),
    title="Linear Gaussian",
    summary="Ten means seen through Gaussian noise, with a closed-form posterior: a yardstick for methods.",
    source="Lueckmann et al. 2021, Benchmarking simulation-based inference, AISTATS",
)
