"""One parameter at a time: a density that stops at the bounds, intervals, and how much was learned."""

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Float, Num


def bounded_density(
    draws: Num[np.ndarray, " n"], low: float = -np.inf, high: float = np.inf, *, num_points: int = 256
) -> tuple[Float[np.ndarray, " num_points"], Float[np.ndarray, " num_points"]]:
    """Kernel density estimate on a grid, with no mass outside `low` and `high`.

    A Gaussian kernel with Silverman's bandwidth, reflected at the bounds: what would leak out comes back in,
    so the density of a uniform sample is flat up to its edge. The grid covers the draws and three bandwidths
    beyond, cut at the bounds.

    Args:
        draws: shape (n,), n >= 1; values that are not finite are left out.
        low: lower bound of the support; -inf where there is none.
        high: upper bound; inf where there is none.
        num_points: of the grid.

    Returns:
        The grid (bin centres, in the parameter's unit) and the density there (per unit), which sums to one
        over the bins.

    Raises:
        ValueError: there is no finite draw, or a draw lies outside the bounds.

    References:
        B. W. Silverman (1986), Density Estimation for Statistics and Data Analysis, sections 2.10 and 3.4.
    """
    kept = np.asarray(draws, float)
    kept = kept[np.isfinite(kept)]
    if kept.size == 0:
        raise ValueError("A density needs at least one finite draw; got none.")
    if kept.min() < low or kept.max() > high:
        raise ValueError(
            f"Draws lie between {kept.min():g} and {kept.max():g}, outside the bounds {low:g} to {high:g}."
        )
    width = _bandwidth(kept)
    start, stop = max(low, kept.min() - 3 * width), min(high, kept.max() + 3 * width)
    counts, edges = np.histogram(kept, bins=num_points, range=(start, stop))
    step = (stop - start) / num_points
    smooth = scipy.ndimage.gaussian_filter1d(counts.astype(float), width / step, mode="reflect")
    return (edges[:-1] + edges[1:]) / 2, smooth / (smooth.sum() * step)


def central_interval(draws: Num[np.ndarray, "n dim"], *, mass: float = 0.9) -> Float[np.ndarray, "3 dim"]:
    """Lower end, median and upper end of the central interval that holds `mass` of each column's draws."""
    outside = (1 - mass) / 2
    return np.quantile(np.asarray(draws, float), [outside, 0.5, 1 - outside], axis=0)


def correlations(draws: Num[np.ndarray, "n dim"]) -> Float[np.ndarray, "dim dim"]:
    """Pearson correlations between the columns; NaN for a column that does not vary."""
    centred = np.asarray(draws, float) - np.mean(draws, axis=0)
    scale = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(centred.T @ centred / np.outer(scale, scale), -1.0, 1.0)


def contraction(
    draws: Num[np.ndarray, "n dim"], prior_draws: Num[np.ndarray, "m dim"]
) -> Float[np.ndarray, " dim"]:
    """1 - posterior variance / prior variance of each parameter: 0 nothing learned, 1 known exactly."""
    return 1 - np.var(draws, axis=0, dtype=float) / np.var(prior_draws, axis=0, dtype=float)


def _bandwidth(draws: np.ndarray) -> float:
    """Silverman's rule with the smaller of two scales; never zero, also when all draws are equal."""
    quartiles = np.quantile(draws, [0.25, 0.75])
    scales = [draws.std(), (quartiles[1] - quartiles[0]) / 1.34]
    positive = [scale for scale in scales if scale > 0]
    floor = 1e-6 * max(abs(float(draws.mean())), 1e-12)
    return max(0.9 * min(positive, default=0.0) * draws.size ** (-0.2), floor)
