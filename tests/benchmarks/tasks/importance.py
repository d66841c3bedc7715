"""Posterior draws by importance sampling: a mixture of Students t is led from the prior to the posterior.

The likelihood is switched on by degrees. At each the weighted points get a Gaussian mixture, whose
heavy-tailed and widened version makes the next points. The last ones are weighted by the full posterior and
resampled; their effective sample size must be several times the number of draws asked for.
"""

import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize, special
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from simulators import Simulator

NUM_START = 200_000  # prior draws
NUM_STEP = 20_000  # points per degree
NUM_LAST = 200_000
NUM_FITTED = 5_000
NUM_COMPONENTS = 4
DOF = 6.0
WIDENING = 1.3  # of covariances
MIN_SHARE = 0.1  # of effective draws, at each degree
MAX_DEGREES = 60
MIN_LAST = 3.0  # effective draws for each draw asked for
ROWS_AT_ONCE = 20_000


def importance_sampler(simulator: Simulator) -> Callable[[jax.Array, np.ndarray, int], np.ndarray]:
    """`(key, x, num) -> (num, dim)` for a simulator with a likelihood.

    Raises:
        ValueError: the effective sample size stays too small.
    """

    def sample(key: jax.Array, x: np.ndarray, num: int) -> np.ndarray:
        u = importance_draws(simulator, key, x, num)[0]
        return np.asarray(simulator.prior.from_unconstrained(jnp.asarray(u, jnp.float32)))

    return sample


def importance_draws(
    simulator: Simulator, key: jax.Array, x: np.ndarray, num: int
) -> tuple[np.ndarray, float]:
    """Unconstrained rows, and the effective sample size that they were chosen from."""
    prior_key, numpy_key = jax.random.split(key)
    rng = np.random.default_rng(np.asarray(jax.random.key_data(numpy_key)).tolist())
    log_prior, log_likelihood = _densities(simulator, x)
    rows = np.asarray(
        simulator.prior.to_unconstrained(simulator.prior.sample(prior_key, NUM_START)), np.float64
    )
    likelihood, log_base, degree = log_likelihood(rows), np.zeros(len(rows)), 0.0
    for _ in range(MAX_DEGREES):
        degree = _next_degree(likelihood, log_base, degree)
        weight = _normalised(degree * likelihood + log_base)
        if degree == 1.0 and len(rows) == NUM_LAST and effective(weight) >= MIN_LAST * num:
            return rows[rng.choice(len(rows), num, p=weight)], effective(weight)
        mixture = _fit(rng, rows, weight)
        size = NUM_LAST if degree == 1.0 else NUM_STEP
        rows, log_proposal = _draw(rng, mixture, size)
        likelihood, log_base = log_likelihood(rows), log_prior(rows) - log_proposal
    raise ValueError(f"Importance sampling of '{simulator.name}' did not reach the posterior.")


def effective(weight: np.ndarray) -> float:
    """Effective sample size of normalised weights."""
    return float(1.0 / (weight**2).sum())


def _densities(simulator: Simulator, x: np.ndarray):
    prior, x = simulator.prior, jnp.asarray(x)

    def log_prior(u):
        return prior.log_prob(prior.from_unconstrained(u)) + prior.log_abs_det_jacobian(u)

    def log_likelihood(u):
        value = simulator.log_likelihood(prior.as_dict(prior.from_unconstrained(u)), x)
        return jnp.where(jnp.isnan(value), -jnp.inf, value)

    def in_parts(function):
        compiled = jax.jit(jax.vmap(function))

        def evaluate(rows):
            parts = [rows[i : i + ROWS_AT_ONCE] for i in range(0, len(rows), ROWS_AT_ONCE)]
            return np.concatenate(
                [np.asarray(compiled(jnp.asarray(p, jnp.float32)), np.float64) for p in parts]
            )

        return evaluate

    return in_parts(log_prior), in_parts(log_likelihood)


def _next_degree(likelihood: np.ndarray, log_base: np.ndarray, degree: float) -> float:
    """As far as a tenth of the points stay effective, at least the degree that there was, at most 1."""

    def excess(tried: float) -> float:
        return effective(_normalised(tried * likelihood + log_base)) - min(MIN_SHARE * len(likelihood), 2_000)

    if excess(1.0) >= 0:
        return 1.0
    if excess(degree) <= 0:
        return degree
    return float(optimize.brentq(excess, degree, 1.0, xtol=1e-9))


def _normalised(log_weight: np.ndarray) -> np.ndarray:
    return special.softmax(np.where(np.isnan(log_weight), -np.inf, log_weight))


def _fit(rng: np.random.Generator, rows: np.ndarray, weight: np.ndarray) -> GaussianMixture:
    chosen = rows[rng.choice(len(rows), NUM_FITTED, p=weight)]
    mixture = GaussianMixture(NUM_COMPONENTS, reg_covar=1e-9, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a rough fit will do: its draws are weighted
        return mixture.set_params(tol=1e-2, max_iter=50).fit(chosen)


def _draw(rng: np.random.Generator, mixture: GaussianMixture, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and their log density under the mixture of Students t."""
    roots = np.linalg.cholesky(WIDENING * mixture.covariances_)
    dim = mixture.means_.shape[1]
    which = rng.choice(len(roots), num, p=mixture.weights_ / mixture.weights_.sum())
    noise = rng.standard_normal((num, dim)) / np.sqrt(rng.chisquare(DOF, (num, 1)) / DOF)
    rows = mixture.means_[which] + np.einsum("nij,nj->ni", roots[which], noise)
    constant = special.gammaln((DOF + dim) / 2) - special.gammaln(DOF / 2) - 0.5 * dim * np.log(DOF * np.pi)
    logs = []
    for weight, mean, root in zip(mixture.weights_, mixture.means_, roots, strict=True):
        distance = (np.linalg.solve(root, (rows - mean).T) ** 2).sum(0)
        tail = -0.5 * (DOF + dim) * np.log1p(distance / DOF)
        logs.append(np.log(weight) + constant - np.log(root.diagonal()).sum() + tail)
    return rows, special.logsumexp(logs, axis=0)
