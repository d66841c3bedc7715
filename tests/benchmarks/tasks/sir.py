"""SIR: an epidemic among a million people, seen through ten noisy counts of the infected.

    S' = -beta S I / N,   I' = beta S I / N - gamma I,   160 days from one infected

x_i ~ Binomial(1000, I / N) at days 0, 17, ..., 153;
log beta ~ N(log 0.4, 0.5^2), log gamma ~ N(log 0.125, 0.2^2).
Integrated by Runge-Kutta of order 4 in steps of 0.25 days.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln, xlog1py, xlogy
from numpyro import distributions as dist

from simulators import Prior, Simulator
from tests.benchmarks.tasks.base import Task
from tests.benchmarks.tasks.importance import importance_sampler
from tests.benchmarks.tasks.ode import solve

POPULATION = 1e6
NUM_TRIALS = 1000
NUM_COUNTS = 10
DAYS_BETWEEN = 17.0
STEPS_BETWEEN = 68


def share_infected(theta):
    """I / N at the ten days; shares, because a million less one is no round number in single precision."""
    beta, gamma = theta["beta"], theta["gamma"]

    def slope(state):
        infections = beta * (1.0 - state[0] - state[1]) * state[0]
        return jnp.stack([infections - gamma * state[0], gamma * state[0]])

    start = jnp.array([1.0 / POPULATION, 0.0])  # infected, recovered
    return jnp.clip(solve(slope, start, DAYS_BETWEEN, STEPS_BETWEEN, NUM_COUNTS)[:, 0], 0.0, 1.0)


def simulate(key, theta):
    """Ten counts of a thousand tested people."""
    return jax.random.binomial(key, float(NUM_TRIALS), share_infected(theta))


def log_likelihood(theta, x):
    """Binomial log probability of the counts."""
    share, n = share_infected(theta), NUM_TRIALS
    choose = gammaln(n + 1.0) - gammaln(x + 1.0) - gammaln(n - x + 1.0)
    return (choose + xlogy(x, share) + xlog1py(n - x, -share)).sum()


_prior = Prior(
    {
        "beta": dist.LogNormal(float(np.log(0.4)), 0.5),
        "gamma": dist.LogNormal(float(np.log(0.125)), 0.2),
    },
    labels={"beta": r"$\beta$", "gamma": r"$\gamma$"},
    units={"beta": "1/day", "gamma": "1/day"},
)
_simulator = Simulator("sir", _prior, simulate, log_likelihood=log_likelihood)
TASK = Task(_simulator, importance_sampler(_simulator))
