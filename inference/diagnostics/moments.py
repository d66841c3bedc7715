"""How draws differ from a reference in means, widths and correlations, and what that is in nats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import ArrayLike, Float


@dataclass(frozen=True, eq=False)
class Moments:
    """Draws less their reference.

    Attributes:
        mean_shift: (dim,), in standard deviations of the reference.
        sd_ratio: (dim,), above 1 where the draws are wider.
        correlation_difference: (dim, dim).
        p_value: (dim,), of a shift or a ratio so large by chance, both tests together, if the rows of both
            sets are independent; draws of a Markov chain should be thinned first.
    """

    mean_shift: Float[np.ndarray, " dim"]
    sd_ratio: Float[np.ndarray, " dim"]
    correlation_difference: Float[np.ndarray, "dim dim"]
    p_value: Float[np.ndarray, " dim"]


class Gaussian(NamedTuple):
    """By its moments: mean (dim,) and covariance (dim, dim)."""

    mean: np.ndarray
    covariance: np.ndarray


def compare_moments(theta: ArrayLike, reference: ArrayLike) -> Moments:
    """Moments of `theta` (n, dim) relative to those of `reference` (m, dim), with p-values.

    Raises:
        ValueError: they have different columns, fewer than three rows, or numbers that are not finite.
    """
    theta, reference = (_checked(rows) for rows in (theta, reference))
    if theta.shape[1] != reference.shape[1]:
        raise ValueError(
            f"Draws of the same parameters are compared; got {theta.shape[1]} and "
            f"{reference.shape[1]} columns."
        )
    spread, wanted = theta.std(axis=0), np.maximum(reference.std(axis=0), 1e-300)
    shift, ratio = theta.mean(axis=0) - reference.mean(axis=0), spread / wanted
    correlations = [np.atleast_2d(_correlations(rows)) for rows in (theta, reference)]
    shift_error = np.hypot(*(rows.std(axis=0) / np.sqrt(len(rows)) for rows in (theta, reference)))
    ratio_error = np.hypot(*(_log_sd_error(rows) for rows in (theta, reference)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num([shift / shift_error, np.log(ratio) / ratio_error], posinf=99.0, neginf=-99.0)
    p_value = np.minimum(
        1.0, 2 * 2 * scipy.special.ndtr(-np.abs(z).max(axis=0))
    )  # two-sided, of the worse of two
    return Moments(shift / wanted, ratio, correlations[0] - correlations[1], p_value)


def relative_kl_error(
    theta: ArrayLike | Gaussian,
    reference: ArrayLike | Gaussian,
    prior: ArrayLike | Gaussian,
) -> float:
    """KL(reference || theta) / KL(reference || prior), of Gaussians of the same moments.

    0 is perfect, 1 is no better than the prior. What figure 2d of Gonçalves et al. 2020
    (doi:10.7554/eLife.56261) shows for a posterior that is nearly Gaussian.

    Args:
        theta: draws (n, dim), or exact moments where they are known.
        reference: from the exact posterior.
        prior: of the parameters.

    Raises:
        ValueError: a set of draws has too few rows, is not finite, or a parameter in it is constant.
    """
    given, exact, before = (
        known if isinstance(known, Gaussian) else moments(known) for known in (theta, reference, prior)
    )
    return gaussian_kl(exact, given) / gaussian_kl(exact, before)


def moments(theta: ArrayLike) -> Gaussian:
    """Mean and covariance of draws.

    Raises:
        ValueError: there are too few rows, or numbers that are not finite.
    """
    rows = _checked(theta)
    if len(rows) <= rows.shape[1]:
        raise ValueError(f"A covariance of {rows.shape[1]} parameters needs more draws; got {len(rows)}.")
    return Gaussian(rows.mean(axis=0), np.atleast_2d(np.cov(rows.T)))


def gaussian_kl(one: Gaussian, other: Gaussian) -> float:
    """KL(one || other) in nats.

    Raises:
        ValueError: a covariance is singular.
    """
    (sign, log_det), (other_sign, other_log_det) = (np.linalg.slogdet(g.covariance) for g in (one, other))
    if sign <= 0 or other_sign <= 0:
        raise ValueError("A covariance is singular: a parameter is constant, or a combination of others.")
    shift = other.mean - one.mean
    distance = shift @ np.linalg.solve(other.covariance, shift)
    trace = np.trace(np.linalg.solve(other.covariance, one.covariance))
    return 0.5 * float(trace + distance - len(shift) + other_log_det - log_det)


def _checked(rows: ArrayLike) -> np.ndarray:
    rows = np.asarray(rows, float)
    if rows.ndim != 2 or len(rows) < 3 or not np.isfinite(rows).all():
        raise ValueError(f"Draws are finite rows of shape (n, dim), n >= 3; got shape {rows.shape}.")
    return rows


def _correlations(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=0)
    scaled = centred / np.maximum(np.sqrt((centred**2).sum(axis=0)), 1e-300)
    return scaled.T @ scaled


def _log_sd_error(rows: np.ndarray) -> np.ndarray:
    """Standard error of the log of a standard deviation, whatever the distribution's tails."""
    square = (rows - rows.mean(axis=0)) ** 2
    variance = np.maximum(square.mean(axis=0), 1e-300)
    return square.std(axis=0) / variance / (2 * np.sqrt(len(rows)))
