"""Lotka-Volterra: predators and prey over twenty days, each seen at ten times with log-normal noise.

    X' = alpha X - beta X Y,   Y' = -gamma Y + delta X Y,   X(0) = 30, Y(0) = 1

x = ten values of X at days 0, 2.1, ..., 18.9 and then ten of Y, log-normal around the solution with sd 0.1;
log alpha, log gamma ~ N(-0.125, 0.5^2) and log beta, log delta ~ N(-3, 0.5^2).
Integrated for log X and log Y by Runge-Kutta of order 4 in steps of 0.0105 days.
"""

import jax
import jax.numpy as jnp
from numpyro import distributions as dist

from simulators import Prior, Simulator
from tests.benchmarks.tasks.base import Task
from tests.benchmarks.tasks.importance import importance_sampler
from tests.benchmarks.tasks.ode import solve

NOISE = 0.1
NUM_TIMES = 10
DAYS_BETWEEN = 2.1
STEPS_BETWEEN = 200
LOWEST, HIGHEST = 1e-10, 1e4  # populations are clipped to this range before the noise


def log_populations(theta):
    """Log of the ten values of X and the ten of Y, shape (20,)."""

    def slope(state):
        x, y = jnp.exp(state)
        return jnp.stack([theta["alpha"] - theta["beta"] * y, -theta["gamma"] + theta["delta"] * x])

    start = jnp.log(jnp.array([30.0, 1.0]))
    solution = solve(slope, start, DAYS_BETWEEN, STEPS_BETWEEN, NUM_TIMES)
    return jnp.clip(solution, jnp.log(LOWEST), jnp.log(HIGHEST)).T.ravel()


def simulate(key, theta):
    """Twenty noisy populations."""
    return jnp.exp(log_populations(theta) + NOISE * jax.random.normal(key, (2 * NUM_TIMES,)))


def log_likelihood(theta, x):
    """Log density of the twenty values."""
    return (dist.Normal(log_populations(theta), NOISE).log_prob(jnp.log(x)) - jnp.log(x)).sum()


_rate, _meeting = dist.LogNormal(-0.125, 0.5), dist.LogNormal(-3.0, 0.5)
_prior = Prior(
    {"alpha": _rate, "beta": _meeting, "gamma": _rate, "delta": _meeting},
    labels={name: rf"$\{name}$" for name in ("alpha", "beta", "gamma", "delta")},
)
_simulator = Simulator("lotka_volterra", _prior, simulate, log_likelihood=log_likelihood)
TASK = Task(_simulator, importance_sampler(_simulator))
