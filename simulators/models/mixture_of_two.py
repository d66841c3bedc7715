"""Two equally likely Gaussians, both placed by one parameter: toy problems with exact posteriors.

    theta ~ U(-10, 10)
    x | theta ~ 1/2 N(s_1 theta, sigma_1^2) + 1/2 N(s_2 theta, sigma_2^2),   s = +1 or -1

As a function of theta the likelihood is again a mixture of two Gaussians, at s x with the same standard
deviations, so the posterior is that mixture truncated to the prior's box (Papamakarios and Murray 2016,
arXiv:1605.06376; Lueckmann et al. 2017, arXiv:1711.01861, figure 2A and B).
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr, ndtri
from jax.scipy.stats import norm
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import Theta
from simulators.prior import Prior

BOUND = 10.0

PRIOR = Prior({"theta": dist.Uniform(-BOUND, BOUND)}, labels={"theta": r"$\theta$"})


@dataclass(frozen=True)
class MixtureOfTwo:
    """The model.

    Attributes:
        signs: s of each component, +1 or -1.
        sds: standard deviation of each component.
    """

    signs: tuple[float, float]
    sds: tuple[float, float]

    def simulate(self, key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
        """One number, from either component."""
        which_key, noise_key = jax.random.split(key)
        which = jax.random.bernoulli(which_key).astype(int)
        mean = jnp.asarray(self.signs)[which] * theta["theta"]
        return {"x": mean + jnp.asarray(self.sds)[which] * jax.random.normal(noise_key)}

    def log_likelihood(self, theta: Theta, x: Float[Array, "1"]) -> Float[Array, ""]:
        """Log density of x (one number)."""
        means, sds = np.asarray(self.signs) * theta["theta"], np.asarray(self.sds)
        return jnp.logaddexp(*norm.logpdf(x[0], means, sds)) - jnp.log(2.0)

    def exact_posterior(self, key: Key[Array, ""], x: Float[Array, "1"], num: int) -> Float[Array, "num 1"]:
        """Exact draws: a component by its mass inside the box, then its truncated Gaussian."""
        which_key, place_key = jax.random.split(key)
        means, sds = jnp.asarray(self.signs) * jnp.asarray(x)[0], jnp.asarray(self.sds)
        low, high = (-BOUND - means) / sds, (BOUND - means) / sds
        # Tails are exact below zero only, so an interval on the right is turned round.
        is_right = low + high > 0
        low, high = jnp.where(is_right, -high, low), jnp.where(is_right, -low, high)
        log_mass = log_ndtr(high) + jnp.log1p(-jnp.exp(log_ndtr(low) - log_ndtr(high)))
        which = jax.random.categorical(which_key, log_mass, shape=(num,))
        quantile = jax.random.uniform(place_key, (num,), minval=jnp.finfo(jnp.float32).tiny)
        below, above = ndtr(low)[which], ndtr(high)[which]
        standard = jnp.clip(ndtri(below + quantile * (above - below)), low[which], high[which])
        theta = means[which] + sds[which] * jnp.where(is_right[which], -standard, standard)
        return jnp.clip(theta, -BOUND, BOUND)[:, None]
