"""Toy of hierarchical inference: the two factors of a product, one of them shared with other observations.

    x = alpha beta^gamma + sigma eps,   alpha, beta ~ U[0, 1],   eps ~ N(0, 1)

One x tells little more than the product. Others x_1 ... x_N, with factors alpha_i of their own and the same
beta, tell the two apart, and the posterior stays known. With b = beta^gamma and Phi the normal cdf,

    p(x_i | beta) = (Phi((b - x_i) / sigma) - Phi(-x_i / sigma)) / b,   for sigma = 0: 1{0 <= x_i <= b} / b
    p(beta | x_0 ... x_N) ~ product of p(x_i | beta),                   0 < beta <= 1
    p(alpha_i | beta, x_i) = N(x_i / b, (sigma / b)^2) within [0, 1],   for sigma = 0: x_i / b

Where the other alpha_i are not from the prior but all equal to alpha_0, the same posterior is sharp and
wrong: beta gathers near the largest x_i. The model is example 1 of Rodrigues et al. 2021, arXiv:2102.06477;
the closed forms follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist
from scipy.special import log_ndtr, ndtr, ndtri

from simulators.base import Observed, Simulator, Theta
from simulators.prior import Prior
from simulators.recordings import Rows, rows_kind

PRIOR = Prior(
    {"alpha": dist.Uniform(0.0, 1.0), "beta": dist.Uniform(0.0, 1.0)},
    labels={"alpha": r"$\alpha$", "beta": r"$\beta$"},
    shared=("beta",),
)
COARSE, FINE = 2001, 4001  # places where the density of beta is computed: on [0, 1], then where it is
NEGLIGIBLE = 50.0  # below the largest log density
NARROW = 1e-4  # an interval over which a standard normal density is straight

Numbers = Float[Array | np.ndarray, "*shape"]
Observations = Float[Array | np.ndarray, " n"]  # x_0 ... x_N


@dataclass(frozen=True)
class Product:
    """The model with its exact posterior, computed in double precision.

    Attributes:
        gamma: exponent of beta, positive.
        sigma: standard deviation of the noise of x, 0 for none.
    """

    gamma: float
    sigma: float

    def simulate(self, key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
        """The noisy product."""
        return {"x": self._mean(theta) + self.sigma * jax.random.normal(key)}

    def log_likelihood(self, theta: Theta, x: Float[Array, " 1"]) -> Float[Array, ""]:
        """Log density of x (one number), for sigma > 0."""
        return dist.Normal(self._mean(theta), self.sigma).log_prob(x[0])

    def log_density(self, beta: Numbers, x: Observations) -> Float[np.ndarray, "*shape"]:
        """Log p(beta | x_0 ... x_N), normalised; -inf outside (0, 1].

        Args:
            beta: any shape.
            x: all observations that share beta.

        Raises:
            ValueError: sigma = 0 and observations that no parameters explain.
        """
        beta, x = np.asarray(beta, float), np.asarray(x, float)
        return self._log_marginal(beta, x) - self.log_evidence(x)

    def log_evidence(self, x: Observations) -> float:
        """Log p(x_0 ... x_N).

        Raises:
            ValueError: as for ``log_density``.
        """
        x = np.asarray(x, float)
        if self.sigma == 0:
            power = 1 - self.gamma * len(x)
            log_ratio = power * np.log(self._least(x))  # Z = (1 - m^power) / power, m the least beta
            if power == 0:
                return float(np.log(-np.log(self._least(x))))
            return float(max(log_ratio, 0.0) + np.log(-np.expm1(-abs(log_ratio)) / abs(power)))
        beta, log_marginal, cumulative = self._tabulated(x)
        return float(log_marginal.max() + np.log(cumulative[-1] * (beta[1] - beta[0])))

    def exact_joint(
        self, key: Key[Array, ""], x: Observations, num: int
    ) -> tuple[Float[Array, "num n"], Float[Array, " num"]]:
        """Exact draws of all parameters given all observations: each alpha_i, and the beta that they share.

        Args:
            key: for the draws.
            x: x_0 ... x_N.
            num: of draws.

        Raises:
            ValueError: as for ``log_density``.
        """
        shared_key, local_key = jax.random.split(key)
        x = np.asarray(x, float)
        beta = self._shared_draws(np.asarray(jax.random.uniform(shared_key, (num,)), float), x)
        b = beta[:, None] ** self.gamma
        alpha = x / b
        if self.sigma > 0:
            quantile = np.asarray(jax.random.uniform(local_key, (num, len(x))), float)
            low, high = np.broadcast_arrays(-x / self.sigma, (b - x) / self.sigma)
            alpha = (x + self.sigma * _truncated_normal(quantile, low, high)) / b
        return jnp.asarray(np.clip(alpha, 0.0, 1.0), jnp.float32), jnp.asarray(beta, jnp.float32)

    def exact_posterior(
        self,
        key: Key[Array, ""],
        x: Float[Array | np.ndarray, " 1"],
        num: int,
        *,
        extra: Float[Array | np.ndarray, "N 1"] | None = None,
    ) -> Float[Array, "num 2"]:
        """Exact draws of (alpha_0, beta) given x_0, and further observations that share beta.

        Args:
            key: for the draws.
            x: x_0.
            num: of draws.
            extra: x_1 ... x_N; None: none.

        Raises:
            ValueError: as for ``log_density``.
        """
        others = np.zeros(0) if extra is None else np.asarray(extra, float)[:, 0]
        alpha, beta = self.exact_joint(key, np.append(np.asarray(x, float), others), num)
        return jnp.stack([alpha[:, 0], beta], axis=1)

    def _mean(self, theta: Theta) -> Array:
        return theta["alpha"] * theta["beta"] ** self.gamma

    def _log_marginal(self, beta: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Sum over i of log p(x_i | beta)."""
        is_inside = (beta > 0) & (beta <= 1)
        b = np.where(is_inside, beta, 0.5)[..., None] ** self.gamma
        if self.sigma == 0:
            each = np.where((x >= 0) & (x <= b), -np.log(b), -np.inf)
        else:
            each = _log_mean_density(-x / self.sigma, b / self.sigma) - np.log(self.sigma)
        return np.where(is_inside, each.sum(axis=-1), -np.inf)

    def _least(self, x: np.ndarray) -> float:
        """The least beta that explains observations without noise."""
        if not (x.min() >= 0 and 0 < x.max() < 1):
            raise ValueError(
                f"Without noise, observations lie between 0 and 1; got {x.min():g} to {x.max():g}: choose "
                "sigma > 0, or observations that the model can make."
            )
        return float(x.max() ** (1 / self.gamma))

    def _shared_draws(self, quantile: np.ndarray, x: np.ndarray) -> np.ndarray:
        """The places of these quantiles in p(beta | x)."""
        if self.sigma == 0:
            least, power = self._least(x), 1 - self.gamma * len(x)
            if power == 0:
                return least ** (1 - quantile)
            return least * (1 + quantile * np.expm1(-power * np.log(least))) ** (1 / power)
        beta, _, cumulative = self._tabulated(x)
        return np.interp(quantile * cumulative[-1], cumulative, beta)

    def _tabulated(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Evenly spaced beta where the density is not negligible, its log, and its sum (trapezoids)."""
        coarse = np.linspace(0.0, 1.0, COARSE)
        log_marginal = self._log_marginal(coarse, x)
        kept = np.flatnonzero(log_marginal > log_marginal.max() - NEGLIGIBLE)
        low, high = coarse[max(kept[0] - 1, 0)], coarse[min(kept[-1] + 1, COARSE - 1)]
        beta = np.linspace(max(low, np.finfo(float).eps), high, FINE)  # the density has its limit at 0
        log_marginal = self._log_marginal(beta, x)
        density = np.exp(log_marginal - log_marginal.max())
        return beta, log_marginal, np.append(0.0, np.cumsum((density[1:] + density[:-1]) / 2))


def _log_mean_density(low: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Log of (Phi(low + width) - Phi(low)) / width, also far out in a tail; if narrow, at the middle."""
    wide = np.maximum(width, NARROW)
    left, right, _ = _left(*np.broadcast_arrays(low, low + wide))
    log_mean = log_ndtr(right) + np.log(-np.expm1(log_ndtr(left) - log_ndtr(right))) - np.log(wide)
    return np.where(width < NARROW, -((low + width / 2) ** 2) / 2 - np.log(2 * np.pi) / 2, log_mean)


def _truncated_normal(quantile: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The places of quantiles (or, where turned round, of their complements) between low and high."""
    low, high, is_right = _left(low, high)
    z = np.clip(ndtri(ndtr(low) + quantile * (ndtr(high) - ndtr(low))), low, high)
    return np.where(is_right, -z, z)


def _left(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An interval on the right turned round: a double resolves the left tail only."""
    is_right = low + high > 0
    return np.where(is_right, -high, low), np.where(is_right, -low, high), is_right


def make_hnpe_toy(*, gamma: float = 1.0, sigma: float = 0.05, num_trials: int = 1) -> Simulator:
    """The model with another exponent or noise.

    Published observations are made with sigma = 0 also where inference assumes noise: take those of
    ``make_hnpe_toy(sigma=0)``.

    Args:
        gamma: exponent of beta.
        sigma: standard deviation of the noise of one trial; the likelihood is known for sigma > 0.
        num_trials: x is the mean of that many trials with the same parameters.

    Raises:
        ValueError: gamma is not positive, sigma is negative, or there is no trial.
    """
    if not (gamma > 0 and sigma >= 0 and num_trials >= 1):
        raise ValueError(
            "The toy model takes gamma > 0, sigma >= 0 and at least one trial; got "
            f"gamma {gamma!r}, sigma {sigma!r} and {num_trials!r} trials."
        )
    model = Product(float(gamma), float(sigma / np.sqrt(num_trials)))
    truth = np.array([0.5, 0.5], np.float32)
    x_o = np.array([0.5 * 0.5**gamma], np.float32)
    return Simulator(
        "hnpe_toy",
        PRIOR,
        model.simulate,
        log_likelihood=model.log_likelihood if model.sigma > 0 else None,
        exact_posterior=model.exact_posterior,
        true_theta=truth,
        observed=Observed(x_o, truth, label=f"x = {x_o[0]:.3g}, made without noise"),
        recordings=rows_kind("x"),
        drive=partial(drive, gamma=gamma, sigma=sigma, num_trials=num_trials),
        title="Product of two factors",
        summary="One number, the product of two parameters, cannot tell them apart; others that share one of "
        "them can. The toy model of hierarchical inference, with exact posteriors.",
        source="Rodrigues et al. 2021, HNPE: leveraging global parameters for neural posterior estimation, "
        "NeurIPS, arXiv:2102.06477, example 1",
    )


def drive(rows: Rows, *, gamma: float = 1.0, sigma: float = 0.05, num_trials: int = 1) -> Simulator:
    """The model with a number from elsewhere as its observation; settings as for ``make_hnpe_toy``."""
    observed = Observed(rows.x[0], label=f"{rows.names[0]} of {rows.name or 'a table'}")
    return replace(make_hnpe_toy(gamma=gamma, sigma=sigma, num_trials=num_trials), observed=observed)


hnpe_toy = make_hnpe_toy()
