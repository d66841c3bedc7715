"""Binned draws: marginal counts, smoothed pair densities, highest-density levels; fast enough for a brush.

Draws are turned into bin numbers once; every later question (also about a subset of the draws) is a
`bincount` and a few matrix products.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Float, Int, Num, UInt8

MASSES = (0.95, 0.8, 0.5)  # of the highest-density regions, from the widest to the narrowest
SHARP, CALM = 0.010, 0.030  # kernel widths of the two smoothings, as shares of the axis, at 10 000 draws


@dataclass(frozen=True, eq=False)
class Bins:
    """Draws as bin numbers.

    Attributes:
        low, high: edges of the binned range, shape (dim,), in the parameters' units.
        index: bin of each draw, one row per parameter, shape (dim, n); `num_bins` outside the range.
        num_bins: bins per parameter, of equal width.
    """

    low: Float[np.ndarray, " dim"]
    high: Float[np.ndarray, " dim"]
    index: Int[np.ndarray, "dim n"]
    num_bins: int


def bin_draws(
    draws: Num[np.ndarray, "n dim"],
    low: Num[np.ndarray, " dim"],
    high: Num[np.ndarray, " dim"],
    *,
    num_bins: int,
) -> Bins:
    """The bins of `draws` between `low` and `high`; a draw outside (or NaN) is in no bin.

    Raises:
        ValueError: a range is empty or not finite, or there are no bins.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    wrong = np.flatnonzero(~(np.isfinite(low) & np.isfinite(high) & (high > low)))
    if wrong.size:
        k = wrong[0]
        raise ValueError(
            f"The range of column {k} must be finite with low < high; got {low[k]} to {high[k]}."
        )
    if num_bins < 1:
        raise ValueError(f"num_bins must be at least 1; got {num_bins}.")
    position = (np.asarray(draws, float) - low) / (high - low)
    inside = (position >= 0) & (position <= 1)  # False for NaN
    index = np.minimum(np.where(inside, position, 0.0) * num_bins, num_bins - 1).astype(np.intp)
    return Bins(low, high, np.ascontiguousarray(np.where(inside, index, num_bins).T), num_bins)


def marginal_counts(bins: Bins, rows: Int[np.ndarray, " m"] | None = None) -> Int[np.ndarray, "dim num_bins"]:
    """Draws per bin of every parameter; `rows` restricts to some draws."""
    index = bins.index if rows is None else bins.index[:, rows]
    counts = [np.bincount(column, minlength=bins.num_bins + 1)[: bins.num_bins] for column in index]
    return np.stack(counts)


def pair_densities(
    bins: Bins, pairs: Sequence[tuple[int, int]], rows: Int[np.ndarray, " m"] | None = None
) -> Float[np.ndarray, "num_pairs num_bins num_bins"]:
    """Smoothed draws per bin for every pair (x parameter, y parameter); indexed [pair, y bin, x bin].

    Two Gaussian smoothings are blended bin by bin: the calm one where both agree within counting noise, the
    sharp one where they differ, so that broad clouds are smooth and thin ridges stay thin (the idea of
    Lepski's method). Smoothing reflects at the edges, hence no mass leaves the range.
    """
    index = bins.index if rows is None else bins.index[:, rows]
    if not pairs:
        return np.zeros((0, bins.num_bins, bins.num_bins), np.float32)
    counts = np.stack([_pair_counts(index[x], index[y], bins.num_bins) for x, y in pairs])
    growth = (1e4 / max(index.shape[1], 1)) ** (1 / 6)  # Scott's rule for two dimensions
    widths = [float(np.clip(s * bins.num_bins * growth, 0.5, bins.num_bins / 8)) for s in (SHARP, CALM)]
    sharp, calm = (_smooth(counts, width) for width in widths)
    # A Gaussian kernel averages over 4 pi width^2 bins, so this is the counting noise of `sharp`.
    noise = np.sqrt(np.maximum(calm, 1e-6) / float(4 * np.pi * widths[0] ** 2))
    trust_sharp = np.clip(np.abs(sharp - calm) / noise - 2, 0, 1)
    return calm + trust_sharp * (sharp - calm)


def hdr_thresholds(
    bins: Bins,
    densities: Float[np.ndarray, "num_pairs num_bins num_bins"],
    pairs: Sequence[tuple[int, int]],
    rows: Int[np.ndarray, " m"] | None = None,
    *,
    masses: Sequence[float] = MASSES,
) -> Float[np.ndarray, "num_pairs num_masses"]:
    """The densities above which the highest-density regions of the given masses lie.

    A quantile of the density at the draws themselves, so that a region of mass m holds that share of the
    draws however much the density was smoothed. A draw outside the binned range counts as lying where the
    density is lowest. Infinite where there are no draws.

    References:
        R. J. Hyndman (1996), Computing and graphing highest density regions, The American Statistician 50(2).
    """
    index = bins.index if rows is None else bins.index[:, rows]
    num = index.shape[1]
    if num == 0 or not pairs:
        return np.full((len(pairs), len(masses)), np.inf, np.float32)
    side = bins.num_bins + 1
    padded = np.pad(densities, ((0, 0), (0, 1), (0, 1))).reshape(len(pairs), side * side)
    at_draws = np.stack([padded[k].take(index[y] * side + index[x]) for k, (x, y) in enumerate(pairs)])
    at_draws.sort(axis=1)
    return at_draws[:, [min(int((1 - mass) * num), num - 1) for mass in masses]]


def hdr_levels(
    bins: Bins, pairs: Sequence[tuple[int, int]], rows: Int[np.ndarray, " m"] | None = None
) -> UInt8[np.ndarray, "num_pairs num_bins num_bins"]:
    """How many of the regions of `MASSES` hold each bin: 0 outside all, 3 in the innermost.

    Indexed as `pair_densities`. All zero where there are no draws.
    """
    densities = pair_densities(bins, pairs, rows)
    thresholds = hdr_thresholds(bins, densities, pairs, rows)
    levels = np.zeros(densities.shape, np.uint8)
    for threshold in thresholds.T:
        levels += (densities >= threshold[:, None, None]) & (densities > 0)
    return levels


def _pair_counts(x: np.ndarray, y: np.ndarray, num_bins: int) -> np.ndarray:
    side = num_bins + 1  # the last bin collects what lies outside, and is cut off
    counts = np.bincount(y * side + x, minlength=side * side).reshape(side, side)
    return counts[:num_bins, :num_bins].astype(np.float32)


def _smooth(counts: np.ndarray, width: float) -> np.ndarray:
    # Not as a matrix product: BLAS would start threads for it, which wait for each other on a busy machine.
    return scipy.ndimage.gaussian_filter(counts, width, mode="reflect", truncate=3.0, axes=(1, 2))
