"""Calibration: does a posterior hold the true parameters as often as it says, over simulations it never saw?

Two views of the same draws. Ranks (simulation-based calibration): among the draws of its posterior each true
parameter is equally likely to have any rank. Coverage: the region of highest density that holds a share of
the draws holds the truth in that share of the simulations.

References:
    Talts et al. 2018, arXiv:1804.06788 (ranks); Hermans et al. 2022, arXiv:2110.06581 (expected coverage);
    Lemos et al. 2023, arXiv:2302.03026 (TARP).
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Array, Bool, Float, Int, Key

from inference.diagnostics.bands import MOST_POSITIONS, Band, binomial_band, ecdf_band, joint_band
from inference.progress import Callback, Progress, as_callback
from simulators import Prior

LEVELS = np.linspace(0.05, 0.95, 19)  # at which coverage is told
ROWS_PER_BIN = 20  # of a rank histogram: so many are expected in each bin
MOST_BINS = 20
CHUNK = 100  # rows between two reports of progress, at most


@runtime_checkable
class Calibrated(Protocol):
    """What calibration asks of a posterior (`inference.posterior.Posterior` has it)."""

    @property
    def estimator(self) -> Any:
        """With `sample(key, x)` and `log_prob(u, x)` for one unconstrained row."""
        ...

    @property
    def prior(self) -> Prior:
        """Of the parameters."""
        ...


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where true parameters lie among the draws of their posteriors.

    Attributes:
        ranks: (n, dim), draws of the parameter below the true value: 0 ... num_draws, uniform if calibrated.
        level: (n,), share of the draws whose density is above that of the truth: the smallest region of
            highest density that holds the truth has this mass. Uniform if calibrated.
        num_draws: per posterior.
    """

    ranks: Int[np.ndarray, "n dim"]
    level: Float[np.ndarray, " n"]
    num_draws: int

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def position(self) -> Float[np.ndarray, "n dim"]:
        """Ranks as shares between 0 and 1."""
        return (self.ranks + 0.5) / (self.num_draws + 1)

    @property
    def shift(self) -> Float[np.ndarray, " dim"]:
        """Mean position - 0.5: above zero where the posterior lies too low, below where it lies too high."""
        return self.position.mean(axis=0) - 0.5

    @property
    def spread(self) -> Float[np.ndarray, " dim"]:
        """Mean of |position - 0.5|, less its expectation: above zero where the posterior is too narrow."""
        return np.abs(self.position - 0.5).mean(axis=0) - 0.25

    @property
    def p_value(self) -> Float[np.ndarray, " dim"]:
        """Of the Kolmogorov-Smirnov test of each parameter's positions against the uniform distribution."""
        ordered, n = np.sort(self.position, axis=0), len(self)
        steps = np.arange(n + 1)[:, None] / n
        farthest = np.maximum(steps[1:] - ordered, ordered - steps[:-1]).max(axis=0)
        return scipy.special.kolmogorov((np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n)) * farthest)  # Stephens 1970

    @property
    def overconfidence(self) -> float:
        """Mean level - 0.5, which is nominal less actual coverage, averaged over all masses."""
        return float(self.level.mean() - 0.5)

    @property
    def level_error(self) -> float:
        """Standard error of the mean level of a calibrated posterior."""
        return float(np.sqrt(1 / (12 * len(self))))

    def histogram(self, num_bins: int | None = None) -> Int[np.ndarray, "dim num_bins"]:
        """Rows in each of equally wide bins of positions; about 20 per bin, at most 20 bins."""
        num_bins = num_bins or int(np.clip(len(self) // ROWS_PER_BIN, 4, MOST_BINS))
        return np.stack([np.histogram(p, bins=num_bins, range=(0, 1))[0] for p in self.position.T])

    def ecdf_band(self, *, mass: float = 0.95, most_positions: int = MOST_POSITIONS) -> Band:
        """Within which all of a calibrated parameter's `ecdf_difference` lies with this probability."""
        return ecdf_band(len(self), self.num_draws, mass=mass, most_positions=most_positions)

    def ecdf_difference(self, position: Float[np.ndarray, " k"]) -> Float[np.ndarray, "dim k"]:
        """ECDF of each parameter's positions, less that of the uniform distribution, at `band.position`.

        A hill says that the posterior lies too high, a valley too low; first a hill, then a valley: too
        narrow; the other way round: too wide.
        """
        below = [np.searchsorted(np.sort(column), position) for column in self.position.T]
        return np.stack(below) / len(self) - position

    def is_inside(self, *, mass: float = 0.95) -> Bool[np.ndarray, " dim"]:
        """Whether each parameter's ranks lie within the band, all of them: false alarms 1 - `mass` each."""
        band = self.ecdf_band(mass=mass)
        return band.is_inside(self.ecdf_difference(band.position))

    def coverage(self, levels: Float[np.ndarray, " k"] = LEVELS) -> Float[np.ndarray, " k"]:
        """Share of the rows whose truth lies in the region of highest density of each mass."""
        return (self.level[:, None] <= levels).mean(axis=0)


def sbc(
    key: Key[Array, ""],
    posterior: Calibrated,
    theta: Float[np.ndarray, "n dim"],
    x: Float[np.ndarray, "m num_features"],
    *,
    num_draws: int = 1_000,
    on_progress: Callback | bool | None = False,
) -> Ranks:
    """Ranks and levels of true parameters; rows in compiled calls of one size, which changes no number.

    Args:
        key: of the draws.
        posterior: amortised, or at least right for all of these x; only its estimator and prior are used.
        theta: true parameters, drawn from the prior (or the proposal that the posterior is conditioned on).
        x: what was simulated from them, not seen in training.
        num_draws: from each posterior.
        on_progress: hears a `Progress` after at most 100 rows each; None: a progress bar; False: silent. May
            raise `Stopped`.

    Raises:
        ValueError: there are no rows, theta and x differ in length, or a theta lies outside the prior.
    """
    theta, x = checked_rows(posterior, theta, x)
    report, num = as_callback(on_progress), len(theta)
    rows = (jax.random.split(key, num), theta, x)
    size = -(-num // -(-num // CHUNK))  # chunks of one size, as few as there may be
    found = []
    for start in range(0, num, size):
        picked = np.minimum(start + np.arange(size), num - 1)
        chunk = jax.tree.map(lambda rows, picked=picked: rows[picked], rows)
        found.append(jax.device_get(_compare(posterior.estimator, posterior.prior, chunk, num_draws)))
        report(Progress("diagnose", min(start + size, num), num, message="simulation-based calibration"))
    below, above = (np.concatenate(parts)[:num] for parts in zip(*found, strict=True))
    return Ranks(below, above.astype(float) / num_draws, num_draws)


@dataclass(frozen=True, eq=False)
class Coverage:
    """How often regions of nominal mass `level` held the truth, over `num` rows."""

    level: Float[np.ndarray, " k"]
    coverage: Float[np.ndarray, " k"]
    num: int

    @property
    def error(self) -> float:
        """Mean distance of the curve from the diagonal; about 0.4 / sqrt(num) for a calibrated posterior."""
        return float(np.abs(self.coverage - self.level).mean())

    @property
    def band(self) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Where the curve of a calibrated posterior lies with 95 %, at each level by itself."""
        low, high = binomial_band(self.num, self.level)
        return low / self.num, high / self.num

    def joint_band(self, *, mass: float = 0.95) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
        """Where the whole curve of a calibrated posterior lies with this probability."""
        low, high = joint_band(self.num, self.level, mass=mass)
        return low / self.num, high / self.num

    def is_inside(self, *, mass: float = 0.95) -> bool:
        """Whether the whole curve lies within the joint band: a false alarm in 1 - `mass` of all cases."""
        low, high = self.joint_band(mass=mass)
        return bool(((self.coverage >= low) & (self.coverage <= high)).all())


def expected_coverage(
    key: Key[Array, ""],
    posterior: Calibrated,
    theta: Float[np.ndarray, "n dim"],
    x: Float[np.ndarray, "m num_features"],
    *,
    num_draws: int = 1_000,
) -> Coverage:
    """Coverage of regions of highest density; arguments and errors as in `sbc`."""
    ranks = sbc(key, posterior, theta, x, num_draws=num_draws)
    return Coverage(LEVELS, ranks.coverage(), len(ranks))


def tarp(
    key: Key[Array, ""],
    posterior: Calibrated,
    theta: Float[np.ndarray, "n dim"],
    x: Float[np.ndarray, "m num_features"],
    *,
    num_draws: int = 1_000,
) -> Coverage:
    """Coverage of balls around random points (TARP): needs draws only, no density. Arguments as in `sbc`.

    The reference points are the true parameters of other rows; distances are in standard deviations of theta.
    """
    theta, x = checked_rows(posterior, theta, x)
    order_key, draw_key = jax.random.split(key)
    references = theta[np.asarray(jax.random.permutation(order_key, len(theta)))]
    scale = np.maximum(theta.std(axis=0), 1e-12)
    rows = (theta, x, references)
    nearer = _nearer(posterior.estimator, posterior.prior, draw_key, rows, (scale, num_draws))
    level = np.asarray(nearer, float) / num_draws
    return Coverage(LEVELS, (level[:, None] <= LEVELS).mean(axis=0), len(theta))


def checked_rows(posterior: Calibrated, theta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of theta and x in single precision.

    Raises:
        ValueError: see `sbc`.
    """
    theta, x = np.asarray(theta, np.float32), np.asarray(x, np.float32)
    if len(theta) != len(x) or not len(theta):
        raise ValueError(
            f"Calibration needs pairs of theta and x; got {len(theta)} rows of theta and {len(x)} of x."
        )
    outside = ~np.isfinite(np.asarray(posterior.prior.log_prob(theta)))
    if outside.any():
        raise ValueError(f"{outside.sum()} of {len(theta)} rows of theta lie outside the prior.")
    return theta, x


@eqx.filter_jit
def _compare(estimator, prior, rows, num_draws) -> tuple[Array, Array]:
    """Draws below the truth, by parameter, and draws of higher density than it.

    One row after the other, its draws side by side: that fits the processor's cache.
    """

    def compare(row):
        key, theta, x = row
        u = jax.vmap(lambda k: estimator.sample(k, x))(jax.random.split(key, num_draws))
        u = jnp.concatenate([prior.to_unconstrained(theta)[None], u])
        density = jax.vmap(lambda u: estimator.log_prob(u, x))(u) - prior.log_abs_det_jacobian(u)
        draws = prior.from_unconstrained(u[1:])
        return (draws < theta).sum(axis=0), (density[1:] > density[0]).sum()

    return jax.lax.map(compare, rows)


@eqx.filter_jit
def _nearer(estimator, prior, key, rows, settings) -> Array:
    """Draws that are nearer to the reference point than the truth is."""
    scale, num_draws = settings

    def compare(row):
        key, theta, x, reference = row
        u = jax.vmap(lambda k: estimator.sample(k, x))(jax.random.split(key, num_draws))
        distances = (((prior.from_unconstrained(u) - reference) / scale) ** 2).sum(axis=1)
        return (distances < (((theta - reference) / scale) ** 2).sum()).sum()

    return jax.lax.map(compare, (jax.random.split(key, len(rows[0])), *rows))
