"""Can the model have produced this observation? Its place among simulations, by feature and jointly.

A density estimator answers any observation, also one that no simulation resembles; its answer is then a guess
(Schmitt et al. 2023, arXiv:2112.08866; Cannon et al. 2022, arXiv:2209.01845).
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import ArrayLike, Float

MOST_ROWS = 2_000  # simulations that are compared with each other
CHUNK = 250  # of them at once
FEW_COLUMNS = 30
LEAST_ROWS = 20
NUM_NEIGHBOURS = 10
KNOTS = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98])  # quantiles kept by scoring


@dataclass(frozen=True, eq=False)
class Misspecification:
    """How unusual an observation is among simulations.

    All p-values are conformal: an observation that the model produced, with parameters from the same
    distribution as the simulations, has a value of at most a with probability at most a, whatever the model.

    Attributes:
        p_value: of everything together.
        tail: (num_features,), of each feature alone, two-sided; NaN where nothing can be compared.
        farthest, mahalanobis, neighbours: of the most extreme feature, of the joint distance from the centre,
            and of the distance to the nearest simulations.
        excess: its Mahalanobis distance relative to the largest of all simulations; above 1 it lies farther
            out than any of them.
        num: simulations compared with.
    """

    p_value: float
    tail: Float[np.ndarray, " num_features"]
    farthest: float
    mahalanobis: float
    neighbours: float
    excess: float
    num: int


def misspecification(x_o: ArrayLike, x: ArrayLike) -> Misspecification:
    """Compare an observation with simulations.

    Features are brought to normal shape by their quantiles, going on linearly beyond them, so that neither
    units nor skewness matter. Three distances (see `Misspecification`) are ranked among those of all
    simulations; the smallest of the three ranks is ranked once more, which makes one exact p-value of three.

    Args:
        x_o: (num_features,); features that are NaN are left out.
        x: (n, num_features), simulated from the prior (or a proposal); rows with NaN are left out.

    Raises:
        ValueError: the shapes do not fit, or there are fewer than 20 usable rows or no usable feature.
    """
    x_o, x = np.asarray(x_o, float), np.asarray(x, float)
    if x.ndim != 2 or x_o.shape != x.shape[1:]:
        raise ValueError(
            f"x_o (num_features,) and x (n, num_features) do not fit: got {x_o.shape} and {x.shape}."
        )
    known = np.isfinite(x_o) & (np.isfinite(x).sum(axis=0) >= LEAST_ROWS)
    rows = x[:, known]
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not known.any() or len(rows) < LEAST_ROWS:
        raise ValueError(
            f"The place of an observation needs {LEAST_ROWS} finite simulations; got {len(rows)}."
        )
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    scores = _scores(np.concatenate([rows, x_o[None, known]]))
    distances = [np.abs(scores).max(axis=1), _mahalanobis(scores), _to_neighbours(scores)]
    ranks = [_share_as_far(distance) for distance in distances]
    tail = np.full(x_o.shape, np.nan)
    tail[known] = _tails(x_o[known], rows)
    farthest, mahalanobis, neighbours = (float(rank[-1]) for rank in ranks)
    excess = distances[1][-1] / max(distances[1][:-1].max(), 1e-12)
    together = float(_share_as_far(-np.min(ranks, axis=0))[-1])
    return Misspecification(together, tail, farthest, mahalanobis, neighbours, float(excess), len(rows))


def _scores(rows: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Columns brought near a standard normal: quantiles to quantiles, linear beyond the outermost.

    All rows are treated alike, which is what makes the p-values exact.
    """
    normal = scipy.special.ndtri(KNOTS)
    return np.stack([_score(column, normal) for column in rows.T], axis=1)


def _score(column: Float[np.ndarray, " n"], normal: np.ndarray) -> np.ndarray:
    knots = np.quantile(column, KNOTS)
    middle = knots[len(KNOTS) // 2]
    spread = max(float(column.std()), 1e-9 * (abs(middle) + 1e-30))
    # Ties (counts, constants) make knots coincide; then the spread alone is the scale.
    distinct, first = np.unique(knots, return_index=True)
    if len(distinct) < 3:
        return (column - middle) / spread
    heights = np.array([normal[knots == knot].mean() for knot in distinct])
    inside = np.interp(column, distinct, heights)
    below = (heights[2] - heights[0]) / (distinct[2] - distinct[0])
    above = (heights[-1] - heights[-3]) / (distinct[-1] - distinct[-3])
    beyond = np.minimum(column - distinct[0], 0) * below + np.maximum(column - distinct[-1], 0) * above
    return inside + beyond


def _mahalanobis(scores: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Distance from the centre; for the covariance far rows, which would blow it up, are pulled in."""
    n, k = scores.shape
    tame = np.clip(scores, -3, 3)
    centred = tame - tame.mean(axis=0)
    shrink = k / (n + k)  # matters with many features: an image
    variance = np.maximum(centred.var(axis=0), 1e-12)
    covariance = (1 - shrink) * centred.T @ centred / n + shrink * np.diag(variance)
    covariance += 1e-6 * np.diag(variance)
    away = scores - tame.mean(axis=0)
    return np.sqrt(np.maximum((away * np.linalg.solve(covariance, away.T).T).sum(axis=1), 0))


def _to_neighbours(scores: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
    """Mean distance to the nearest other rows."""
    num, found = min(NUM_NEIGHBOURS, len(scores) - 1), []
    for start in range(0, len(scores), CHUNK):
        some = slice(start, start + CHUNK)
        apart = _squared_distances(scores[some], scores)
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = 0  # itself, which is left out below
        nearest = np.partition(apart, num, axis=1)[:, : num + 1]
        found.append(np.sqrt(nearest).sum(axis=1) / num)
    return np.concatenate(found)


def _squared_distances(some: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Between all pairs; column by column where these are few: BLAS threads wait for each other."""
    if rows.shape[1] <= FEW_COLUMNS:
        return sum(((a[:, None] - b) ** 2 for a, b in zip(some.T, rows.T, strict=True)), np.zeros(()))
    squares = [(part**2).sum(axis=1) for part in (some, rows)]
    return np.maximum(squares[0][:, None] + squares[1] - 2 * some @ rows.T, 0)


def _share_as_far(distance: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """For each row the share of all rows, itself included, that are at least as far."""
    ordered = np.sort(distance)
    return (len(distance) - np.searchsorted(ordered, distance, side="left")) / len(distance)


def _tails(x_o: Float[np.ndarray, " k"], rows: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " k"]:
    sides = [(rows <= x_o).sum(axis=0), (rows >= x_o).sum(axis=0)]
    return np.minimum(1.0, 2 * (np.minimum(*sides) + 1) / (len(rows) + 1))
