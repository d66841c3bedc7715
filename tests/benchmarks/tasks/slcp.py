"""SLCP: a simple likelihood, a complex posterior.

theta ~ U(-3, 3)^5; four points x_i ~ N((theta_1, theta_2), S) with standard deviations theta_3^2 and
theta_4^2 and correlation tanh(theta_5). The signs of theta_3 and theta_4 cannot be told: four modes.
"""

import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist

from simulators import Prior, Simulator
from tests.benchmarks.tasks.base import Task

BOUND = 3.0
NUM_POINTS = 4
NUM_CELLS = (80, 120, 180)  # along log|theta_3|, log|theta_4| and theta_5; more where fewer are too coarse
NUM_ZOOMS = 2  # from the prior to where the mass is
NEGLIGIBLE = 20.0  # nats below the highest density
MIN_CANDIDATES = 10_000  # so that one steep cell does not decide whether the grid is fine enough
LOWEST = 1e-3  # of |theta_3| on the grid; below, the prior has 0.03 % of its mass


def simulate(key, theta):
    """Four points, (x_1, y_1, x_2, y_2, ...)."""
    noise = jax.random.normal(key, (NUM_POINTS, 2))
    mean, sd_1, sd_2, rho = _shape(theta["theta"])
    second = rho * noise[:, 0] + jnp.sqrt(1.0 - rho**2) * noise[:, 1]
    return (mean + jnp.stack([sd_1 * noise[:, 0], sd_2 * second], axis=1)).ravel()


def log_likelihood(theta, x):
    """Log density of the four points."""
    mean, sd_1, sd_2, rho = _shape(theta["theta"])
    a, b = ((x.reshape(NUM_POINTS, 2) - mean) / jnp.stack([sd_1, sd_2])).T
    spread = 1.0 - rho**2
    distance = ((a - b) ** 2 + 2 * (1 - rho) * a * b) / spread
    log_scale = jnp.log(2 * jnp.pi * sd_1 * sd_2) + 0.5 * jnp.log(spread)
    return -0.5 * distance.sum() - NUM_POINTS * log_scale


def sample_posterior(key, x, num):
    """Draws from a grid of (log|theta_3|, log|theta_4|, theta_5), then of the means given these.

    The means are integrated out in closed form without the box's edges, and draws whose means lie outside are
    left out, which is exact. Within a cell draws are uniform and weighted by the density there.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
    points = np.asarray(x, np.float64).reshape(NUM_POINTS, 2)
    for num_cells in NUM_CELLS:
        draws = _draws(rng, points, num, num_cells)
        if draws is not None:
            return rng.permutation(draws)[:num]
    raise ValueError("The grid is too coarse for the posterior of SLCP at this x.")


def _draws(rng, points, num, num_cells):
    """At least `num` draws; None where the density differs so much within cells that few would count."""
    low, width, cells = _grid(points, num_cells)
    mass = np.exp(cells - cells.max())
    kept = [np.zeros((0, 5))]
    while sum(map(len, kept)) < num:
        chosen = rng.choice(len(cells), max(4 * num, MIN_CANDIDATES), p=mass / mass.sum())
        index = np.stack(np.unravel_index(chosen, (num_cells,) * 3), axis=1)
        places = low + width * (index + rng.random(index.shape))
        log_weight = _log_marginal(*places.T, points) - cells[chosen]
        weight = np.exp(log_weight - log_weight.max())
        if weight.sum() ** 2 / (weight**2).sum() < 0.5 * len(weight):
            return None
        places = places[rng.choice(len(places), len(places), p=weight / weight.sum())]
        theta = _with_means(rng, places, points)
        kept.append(theta[(np.abs(theta) <= BOUND).all(1)])
    return np.concatenate(kept)


def _grid(points, num_cells):
    """Lower ends, widths of cells, and log densities of cells, flat."""
    low = np.array([np.log(LOWEST), np.log(LOWEST), -BOUND])
    high = np.array([np.log(BOUND), np.log(BOUND), BOUND])
    for zoom in range(NUM_ZOOMS + 1):
        width = (high - low) / num_cells
        centres = [a + w * (np.arange(num_cells) + 0.5) for a, w in zip(low, width, strict=True)]
        cells = _log_marginal(*np.meshgrid(*centres, indexing="ij"), points)
        if zoom == NUM_ZOOMS:
            break
        index = np.argwhere(cells > cells.max() - NEGLIGIBLE)
        high = np.minimum(low + width * (index.max(0) + 2), high)  # with a cell to spare
        low = np.maximum(low + width * (index.min(0) - 1), low)
    return low, width, cells.ravel()


def _with_means(rng, places, points):
    """Rows of all five parameters: means drawn given the shape, signs by a coin."""
    log_3, log_4, theta_5 = places.T
    sds, rho = np.exp(2 * np.stack([log_3, log_4])), np.tanh(theta_5)
    noise = rng.standard_normal((2, len(places)))
    noise[1] = rho * noise[0] + np.sqrt(1 - rho**2) * noise[1]
    means = points.mean(0)[:, None] + sds * noise / np.sqrt(NUM_POINTS)
    signs = rng.choice([-1.0, 1.0], (2, len(places)))
    return np.stack([*means, *(signs * np.exp([log_3, log_4])), theta_5], axis=1)


def _log_marginal(log_3, log_4, theta_5, points):
    """Log density of (log|theta_3|, log|theta_4|, theta_5), means integrated over the whole plane."""
    scatter = (points - points.mean(0)).T @ (points - points.mean(0))
    rho, spread = np.tanh(theta_5), np.cosh(theta_5) ** -2.0
    inverse_3, inverse_4 = np.exp(-2 * log_3), np.exp(-2 * log_4)
    trace = scatter[0, 0] * inverse_3**2 + scatter[1, 1] * inverse_4**2
    trace = (trace - 2 * rho * scatter[0, 1] * inverse_3 * inverse_4) / spread
    log_determinant = 4 * log_3 + 4 * log_4 + np.log(spread)
    return -0.5 * trace - 0.5 * (NUM_POINTS - 1) * log_determinant + log_3 + log_4


def _shape(theta):
    return theta[:2], theta[2] ** 2, theta[3] ** 2, jnp.tanh(theta[4])


_simulator = Simulator(
    "slcp",
    Prior({"theta": dist.Uniform(-BOUND, BOUND).expand([5]).to_event(1)}, labels={"theta": r"$\theta$"}),
    simulate,
    log_likelihood=log_likelihood,
)
TASK = Task(_simulator, sample_posterior)
