"""Settings that are far apart and equally probable: where a degenerate posterior has its most to tell."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.analysis.walled import values, walled

NUM_CANDIDATES = 1_000  # draws among which a pair is sought: a million pairs
WITHIN = 1.0  # nats between the two
LEAST_RANK = 0.5  # share of the candidates that are less probable than either


def disparate_pair(
    key: Key[Array, ""],
    posterior: Any,
    draws: Float[np.ndarray, "n dim"],
    scale: Float[ArrayLike, " dim"],
    *,
    within: float = WITHIN,
    x: ArrayLike | None = None,
) -> tuple[int, int]:
    """Numbers of the two draws that are farthest apart among those that are equally, and highly, probable.

    Args:
        key: PRNG key; picks the candidates where there are more draws than `NUM_CANDIDATES`.
        posterior: see `walled`.
        draws: of the posterior.
        scale: of each parameter, in which distances are measured, for instance the prior's sd.
        within: how far apart their log densities may be, nats.
        x: features; None: the observation.

    Raises:
        ValueError: fewer than two draws have a finite density, or no two are equally probable.
    """
    num = min(NUM_CANDIDATES, len(draws))
    rows = np.asarray(jax.random.choice(key, len(draws), (num,), replace=False))
    heights = values(walled(posterior, x), draws[rows])
    finite = heights[np.isfinite(heights)]
    if len(finite) < 2:
        raise ValueError(f"A pair needs two draws of finite density; got {len(finite)} among {num}.")
    likely = np.flatnonzero(heights >= np.quantile(finite, LEAST_RANK))
    places, heights = np.asarray(draws, np.float64)[rows[likely]] / np.asarray(scale), heights[likely]
    squares = (places**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * places @ places.T
    apart[np.abs(heights[:, None] - heights) > within] = -1.0
    np.fill_diagonal(apart, -1.0)
    first, second = np.unravel_index(int(np.argmax(apart)), apart.shape)
    if apart[first, second] < 0:
        raise ValueError(f"No two of {len(likely)} draws are within {within:g} nats; allow for more.")
    pair = sorted((int(rows[likely[first]]), int(rows[likely[second]])))
    return pair[0], pair[1]
