"""Two moons: the yardstick with a crescent-shaped, bimodal posterior.

theta ~ U(-1, 1)^2; with a ~ U(-pi/2, pi/2) and r ~ N(0.1, 0.01^2),

    x = (r cos a + 0.25, r sin a) + (-|theta_1 + theta_2|, -theta_1 + theta_2) / sqrt(2)

(Greenberg et al. 2019, ICML, appendix A.5.1; the variant of the simulation-based inference benchmark,
Lueckmann et al. 2021, AISTATS).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import Simulator, Theta
from simulators.prior import Prior

RADIUS_MEAN = 0.1
RADIUS_SD = 0.01
SHIFT = 0.25
OVERSAMPLING = 64  # candidates per exact draw; at the edge of the prior box few of them lie inside

PRIOR = Prior({"theta": dist.Uniform(-1.0, 1.0).expand([2]).to_event(1)}, labels={"theta": r"$\theta$"})


def simulate(key: Key[Array, ""], theta: Theta) -> Float[Array, "2"]:
    """One point of the crescent, moved by theta."""
    return _crescent(key) + _offset(theta["theta"])


def log_likelihood(theta: Theta, x: Float[Array, "2"]) -> Float[Array, ""]:
    """Log density of x: with r the distance from the centre of the crescent, N(r) / (pi r).

    A negative radius has probability below 1e-22 and is left out.
    """
    p = x - _offset(theta["theta"]) - jnp.array([SHIFT, 0.0])
    radius = jnp.sqrt((p**2).sum())
    log_density = dist.Normal(RADIUS_MEAN, RADIUS_SD).log_prob(radius) - jnp.log(jnp.pi * radius)
    return jnp.where(p[0] > 0, log_density, -jnp.inf)


def exact_posterior(key: Key[Array, ""], x: Float[Array, "2"], num: int) -> Float[Array, "num 2"]:
    """Exact draws: invert the map for a random crescent point and sign, keep what the prior allows.

    The prior is uniform and the map theta -> x is, for a fixed crescent point, two isometries (one per sign
    of theta_1 + theta_2): so draws of the crescent, turned back, are posterior draws within the box.

    Raises:
        ValueError: x is so far out that too few candidates fall inside the prior.
    """
    crescent_key, sign_key, choice_key = jax.random.split(key, 3)
    points = jax.vmap(_crescent)(jax.random.split(crescent_key, num * OVERSAMPLING))
    q = points - jnp.asarray(
        x
    )  # q = (|s|, -d) / sqrt(2) with s = theta_1 + theta_2 and d = theta_2 - theta_1
    s = jnp.sqrt(2.0) * q[:, 0] * jnp.where(jax.random.bernoulli(sign_key, shape=q[:, 0].shape), 1.0, -1.0)
    d = -jnp.sqrt(2.0) * q[:, 1]
    theta = jnp.stack([(s - d) / 2, (s + d) / 2], axis=1)
    inside = np.flatnonzero(np.asarray((q[:, 0] >= 0) & (jnp.abs(theta) <= 1).all(1)))
    if len(inside) < num:
        raise ValueError(
            f"Only {len(inside)} of {num * OVERSAMPLING} candidates lie inside the prior at x = {x}."
        )
    return theta[jax.random.permutation(choice_key, inside)[:num]]


def _crescent(key: Key[Array, ""]) -> Float[Array, "2"]:
    angle_key, radius_key = jax.random.split(key)
    angle = jax.random.uniform(angle_key, minval=-jnp.pi / 2, maxval=jnp.pi / 2)
    radius = RADIUS_MEAN + RADIUS_SD * jax.random.normal(radius_key)
    return jnp.stack([radius * jnp.cos(angle) + SHIFT, radius * jnp.sin(angle)])


def _offset(theta: Float[Array, "2"]) -> Float[Array, "2"]:
    return jnp.stack([-jnp.abs(theta[0] + theta[1]), theta[1] - theta[0]]) / jnp.sqrt(2.0)


two_moons = Simulator(
    "two_moons",
    PRIOR,
    simulate,
    log_likelihood=log_likelihood,
    exact_posterior=exact_posterior,
    true_theta=np.array([-0.25, -0.25], np.float32),
    title="Two moons",
    summary="Two parameters, two crescents: a posterior with two modes and sharp edges, known exactly.",
    source="Greenberg et al. 2019, Automatic posterior transformation, ICML",
)
