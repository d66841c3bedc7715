"""Proposals: where the parameters of a later round come from. All draws take bounded work.

Rows of parameters here are unconstrained, as the density estimators see them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inference import gaussians
from inference.estimators import DensityEstimator
from inference.gaussians import GaussianMixture
from simulators import Prior

BATCH = 16_384  # candidates per compiled call
MAX_CANDIDATES = 1_000_000  # looked at by rejection; beyond, candidates are weighted instead
MAX_WEIGHTED = 1_000_000
CANDIDATES_PER_DRAW = 30  # where they are weighted
SCREENING_BATCHES = 200  # as many times the wanted rows are proposed at most, and no more than 20 in vain
LEAST_BATCHES = 20
# Share of the posterior that a truncation may cut off. An ensemble has long tails: of SIR, observation 1, the
# region held 25 and 42 % of the prior with 1e-4 (seeds 1, 2; C2ST 0.616 and 0.598 after 2 x 5 000), with 1e-3
# 5 and 4 % (0.546 and 0.562).
OUTSIDE = 1e-3
MARGIN = (
    2.0  # nats by which it is drawn wider, because estimates from few simulations are too sure of themselves
)
TAIL_DOF = 10.0  # of the candidates for a tilted prior
MIN_TILT = 1e-3  # precision of a tilt relative to its target, at least
NUM_THRESHOLD = 20_000  # posterior draws that a truncation is measured with


class Draws(NamedTuple):
    """Rows of a proposal and what they cost.

    Attributes:
        u: (num, dim).
        acceptance: share of the candidates that were kept; the effective share where they were weighted.
        is_exact: whether the rows are independent draws; weighted ones are approximately.
        screened: share of the rows that a screen for failures took out.
    """

    u: Float[np.ndarray, "num dim"]
    acceptance: float
    is_exact: bool = True
    screened: float = 0.0


@runtime_checkable
class Proposal(Protocol):
    """What a round is simulated from."""

    def draw(self, key: Key[Array, ""], num: int) -> Draws:
        """`num` rows."""
        ...


@dataclass(frozen=True, eq=False)
class Region:
    """Where a posterior estimate has its mass: log q(u | x_o) at or above a threshold.

    Attributes:
        estimator: q. x_o: the observation. threshold: in nats.
    """

    estimator: DensityEstimator
    x_o: Float[np.ndarray, " num_features"]
    threshold: float

    def contains(self, u: Float[np.ndarray, "n dim"]) -> Bool[np.ndarray, " n"]:
        """Whether each row lies inside."""
        return log_prob_rows(self.estimator, self.x_o, u) >= self.threshold


def highest_density_region(
    key: Key[Array, ""], estimator: DensityEstimator, x_o: np.ndarray, outside: float = OUTSIDE
) -> Region:
    """A little more than the smallest region that holds all but a share `outside` of the estimate at x_o."""
    u = sample_rows(key, estimator, x_o, NUM_THRESHOLD)
    log_q = log_prob_rows(estimator, x_o, u)
    return Region(estimator, x_o, float(np.quantile(log_q[np.isfinite(log_q)], outside)) - MARGIN)


@dataclass(frozen=True, eq=False)
class TruncatedPrior:
    """The prior within all of some regions.

    Within them it is proportional to the prior, so plain maximum likelihood needs no correction.
    Reference: Deistler et al. 2022, arXiv:2210.04815.
    """

    prior: Prior
    regions: tuple[Region, ...]

    def contains(self, u: Float[np.ndarray, "n dim"]) -> Bool[np.ndarray, " n"]:
        """Whether each row lies inside every region; only what the last one keeps is asked of the others."""
        inside = np.ones(len(u), bool)
        for region in reversed(self.regions):
            rows = np.flatnonzero(inside)
            if rows.size:
                inside[rows] = region.contains(u[rows])
        return inside

    def draw(self, key: Key[Array, ""], num: int) -> Draws:
        """Rejection from the prior; where too few of its draws lie inside, weighted draws of the estimate."""
        kept, tried, found = [], 0, 0
        while tried < MAX_CANDIDATES:
            theta = self.prior.sample(jax.random.fold_in(key, tried), BATCH)
            u = np.asarray(_unconstrained(self.prior, theta))
            kept.append(u[self.contains(u)])
            tried += BATCH
            found = sum(map(len, kept))
            if found >= num:
                return Draws(np.concatenate(kept)[:num], found / tried)
            if found / tried < 0.5 * num / MAX_CANDIDATES:  # it would not be enough
                break
        return self._weighted(jax.random.fold_in(key, MAX_CANDIDATES), num, max(found, 1) / max(tried, 1))

    def _weighted(self, key: Array, num: int, share: float) -> Draws:
        draw_key, choice_key = jax.random.split(key)
        last = self.regions[-1]
        total = min(max(CANDIDATES_PER_DRAW * num, 4 * BATCH), MAX_WEIGHTED)
        u = sample_rows(draw_key, last.estimator, last.x_o, total, is_heavy=True)
        log_q = log_prob_rows(last.estimator, last.x_o, u, is_heavy=True)
        log_weights = np.asarray(_log_prior(self.prior, u)) - log_q
        log_weights = np.where(self.contains(u) & np.isfinite(log_weights), log_weights, -np.inf)
        return Draws(_chosen(choice_key, u, log_weights, num), share, is_exact=False)


@dataclass(frozen=True, eq=False)
class EstimatedPosterior:
    """The estimate at x_o, with a share of draws from the prior.

    Attributes:
        prior, estimator, x_o: as they say.
        prior_share: of the draws; keeps importance weights bounded.
        is_heavy: draw from the heavy-tailed companion of the estimate instead.
    """

    prior: Prior
    estimator: DensityEstimator
    x_o: Float[np.ndarray, " num_features"]
    prior_share: float = 0.0
    is_heavy: bool = False

    def draw(self, key: Key[Array, ""], num: int) -> Draws:
        """Independent rows; the first `prior_share` of them from the prior."""
        prior_key, posterior_key = jax.random.split(key)
        num_prior = round(self.prior_share * num)
        parts = []
        if num_prior:
            parts.append(np.asarray(_unconstrained(self.prior, self.prior.sample(prior_key, num_prior))))
        parts.append(
            sample_rows(posterior_key, self.estimator, self.x_o, num - num_prior, is_heavy=self.is_heavy)
        )
        return Draws(np.concatenate(parts), 1.0)

    def log_prob(self, u: Float[np.ndarray, "n dim"]) -> Float[np.ndarray, " n"]:
        """Normalised log density, unconstrained."""
        log_q = log_prob_rows(self.estimator, self.x_o, u, is_heavy=self.is_heavy)
        if not self.prior_share:
            return log_q
        log_p = np.asarray(_log_prior(self.prior, u))
        return np.logaddexp(np.log(self.prior_share) + log_p, np.log1p(-self.prior_share) + log_q)


@dataclass(frozen=True, eq=False)
class TiltedPrior:
    """The prior times a Gaussian mixture T, about as wide as a posterior estimate: p(u) T(u) / Z.

    With it the corrections of SNPE-A and of SNPE-C in closed form are exact for any prior, as only T enters.

    Attributes:
        prior: p. tilt: T. target: the estimate that the product is close to, from which candidates come.
    """

    prior: Prior
    tilt: GaussianMixture
    target: GaussianMixture

    def draw(self, key: Key[Array, ""], num: int) -> Draws:
        """Candidates from the target with Student-t tails, kept in proportion to p T / target."""
        draw_key, choice_key = jax.random.split(key)
        total = max(CANDIDATES_PER_DRAW * num, BATCH)
        u, log_weights = [], []
        for start in range(0, total, BATCH):
            rows, weights = _tilted_candidates(
                jax.random.fold_in(draw_key, start), self.prior, self.tilt, self.target
            )
            u.append(np.asarray(rows))
            log_weights.append(np.asarray(weights))
        weights = np.concatenate(log_weights)
        weights = np.where(np.isfinite(weights), weights, -np.inf)
        shares = np.exp(weights - weights.max())
        effective = shares.sum() ** 2 / np.square(shares).sum() / len(shares)
        return Draws(_chosen(choice_key, np.concatenate(u), weights, num), float(effective), is_exact=False)


def tilt_towards(target: GaussianMixture, prior_draws: Float[np.ndarray, "n dim"]) -> GaussianMixture:
    """T such that prior times T is about `target`; nearly flat where the target is as wide as the prior.

    Each component's precision is the target's less the prior's, whose moments are those of `prior_draws`.
    """
    prior = np.cov(np.asarray(prior_draws, np.float64).T).reshape(2 * (prior_draws.shape[1],))
    prior_mean, prior_precision = np.mean(np.asarray(prior_draws, np.float64), axis=0), np.linalg.inv(prior)
    parts = []
    for log_weight, mean, factor in zip(*(np.asarray(a, np.float64) for a in target), strict=True):
        precision = factor.T @ factor
        root = np.linalg.inv(factor)  # precision = factor^T factor, root^T precision root = 1
        values, vectors = np.linalg.eigh(np.eye(len(mean)) - root.T @ prior_precision @ root)
        values = np.clip(values, MIN_TILT, None)
        tilt = factor.T @ (vectors * values) @ vectors.T @ factor
        centre = np.linalg.solve(tilt, precision @ mean - prior_precision @ prior_mean)
        upper = np.linalg.cholesky(tilt).T
        parts.append((log_weight, centre, upper))
    log_weights, means, factors = zip(*parts, strict=True)
    tilt = GaussianMixture(
        *(jnp.asarray(np.stack(part), jnp.float32) for part in (log_weights, means, factors))
    )
    return _balanced(tilt, target, GaussianMixture(
        jnp.zeros(1), jnp.asarray(prior_mean[None], jnp.float32),
        jnp.asarray(np.linalg.cholesky(prior_precision).T[None], jnp.float32),
    ))  # fmt: skip


def _balanced(tilt: GaussianMixture, target: GaussianMixture, prior: GaussianMixture) -> GaussianMixture:
    """Weights such that prior times component k has the mass of target's component k."""
    masses = []
    for k in range(len(target.log_weights)):
        one = GaussianMixture(jnp.zeros(1), tilt.means[k : k + 1], tilt.factors[k : k + 1])
        masses.append(gaussians.times(prior, one)[1])
    log_weights = target.log_weights - jnp.stack(masses)
    return tilt._replace(log_weights=log_weights - jax.scipy.special.logsumexp(log_weights))


def screened(
    proposal: Proposal,
    accept: Callable[[Array, Float[np.ndarray, "n dim"]], Bool[np.ndarray, " n"]],
    key: Key[Array, ""],
    num: int,
) -> Draws:
    """Rows of a proposal that a screen lets pass.

    Args:
        proposal: where rows come from.
        accept: (key, u) -> whether each row passes, at random.
        key: for both.
        num: how many.

    Raises:
        ValueError: nearly no row passes.
    """
    kept: list[np.ndarray] = []
    draws, tried = Draws(np.zeros((0, 0)), 1.0), 0
    for attempt in range(SCREENING_BATCHES):
        draw_key, screen_key = jax.random.split(jax.random.fold_in(key, attempt))
        draws = proposal.draw(draw_key, num)
        kept.append(draws.u[np.asarray(accept(screen_key, draws.u))])
        tried += num
        found = sum(map(len, kept))
        if found >= num:
            rows = np.concatenate(kept)[:num]
            return draws._replace(u=rows, screened=1 - found / tried)
        if attempt >= LEAST_BATCHES and found / tried < 1 / SCREENING_BATCHES:  # it would not be enough
            break
    raise ValueError(
        f"Only {sum(map(len, kept)):,} of {tried:,} proposed parameter rows are expected to give valid "
        "simulations: the posterior estimate lies where simulations fail. Switch the screening of failures "
        "off, or look at the model there."
    )


def sample_rows(
    key: Key[Array, ""], estimator: DensityEstimator, x: np.ndarray, num: int, *, is_heavy: bool = False
) -> Float[np.ndarray, "num dim"]:
    """Draws of an estimator at one x."""
    rows = []
    for start in range(0, num, BATCH):
        size = _padded_size(num - start)
        index = start + jnp.arange(size)
        rows.append(
            np.asarray(_sample(estimator, key, index, jnp.asarray(x, jnp.float32), is_heavy=is_heavy))
        )
    return np.concatenate(rows)[:num]


def log_prob_rows(
    estimator: DensityEstimator, x: np.ndarray, u: Float[np.ndarray, "n dim"], *, is_heavy: bool = False
) -> Float[np.ndarray, " n"]:
    """Log densities of an estimator at one x; -inf where it is not finite."""
    values = []
    for start in range(0, len(u), BATCH):
        part = np.asarray(u[start : start + BATCH], np.float32)
        padding = _padded_size(len(part)) - len(part)
        rows = jnp.asarray(np.pad(part, ((0, padding), (0, 0)), mode="edge"))
        values.append(
            np.asarray(_log_prob(estimator, rows, jnp.asarray(x, jnp.float32), is_heavy=is_heavy))[
                : len(part)
            ]
        )
    log_q = np.concatenate(values) if values else np.zeros(0, np.float32)
    return np.where(np.isfinite(log_q), log_q, -np.inf)


def _padded_size(num: int) -> int:
    """Few sizes, so that little is compiled."""
    return next((size for size in (64, 1_024) if num <= size), BATCH)


def _chosen(key: Array, u: np.ndarray, log_weights: np.ndarray, num: int) -> np.ndarray:
    """`num` rows without replacement, in proportion to their weights (Gumbel's trick)."""
    usable = np.isfinite(log_weights)
    if usable.sum() < num:
        raise ValueError(
            f"Only {int(usable.sum()):,} of {len(u):,} candidates lie where the next round should simulate; "
            "the estimate of the round before is not usable. Give more simulations per round."
        )
    gumbel = np.asarray(jax.random.gumbel(key, (len(u),)))
    order = np.argsort(-np.where(usable, log_weights + gumbel, -np.inf), kind="stable")
    return u[order[:num]]


@eqx.filter_jit
def _sample(estimator: DensityEstimator, key: Array, rows: Array, x: Array, *, is_heavy: bool) -> Array:
    h = estimator.encode(x)
    draw = estimator.sample_heavy if is_heavy else estimator.sample_given
    return jax.vmap(lambda row: draw(jax.random.fold_in(key, row), h))(rows)


@eqx.filter_jit
def _log_prob(estimator: DensityEstimator, u: Array, x: Array, *, is_heavy: bool) -> Array:
    h = estimator.encode(x)
    density = estimator.log_prob_heavy if is_heavy else estimator.log_prob_given
    return jax.vmap(lambda row: density(row, h))(u)


@eqx.filter_jit
def _tilted_candidates(
    key: Array, prior: Prior, tilt: GaussianMixture, target: GaussianMixture
) -> tuple[Array, Array]:
    keys = jax.random.split(key, BATCH)
    u = jax.vmap(lambda k: gaussians.draw_heavy(k, target, TAIL_DOF))(keys)
    log_t = jax.vmap(lambda row: gaussians.log_density(tilt, row))(u)
    log_target = jax.vmap(lambda row: gaussians.log_density_heavy(target, row, TAIL_DOF))(u)
    return u, prior.unconstrained_log_prob(u) + log_t - log_target


@eqx.filter_jit
def _unconstrained(prior: Prior, theta: Array) -> Array:
    return prior.to_unconstrained(theta)


@eqx.filter_jit
def _log_prior(prior: Prior, u: np.ndarray | Array) -> Array:
    return prior.unconstrained_log_prob(jnp.asarray(u))
