"""Savitzky-Golay smoothing: polynomials fitted to running windows, as matrices for blocks of samples."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float


@lru_cache
def savitzky_golay(length: int, order: int) -> Float[np.ndarray, "length length"]:
    """Row i: the weights of ``length`` samples in the value at sample i of the polynomial fitted to them.

    The middle row smooths the inside of a series; the rows before and after it smooth the ends, where scipy's
    ``savgol_filter`` with mode "interp" does the same.
    """
    place = np.arange(length) - (length - 1) / 2
    basis, _ = np.linalg.qr(np.vander(place, order + 1))
    return basis @ basis.T


def inside(length: int, order: int, num: int) -> Float[np.ndarray, "num num_samples"]:
    """Weights of num + length - 1 samples in the num values that are smoothed by full windows."""
    middle = savitzky_golay(length, order)[length // 2]
    weights = np.zeros((num, num + length - 1))
    for row in range(num):
        weights[row, row : row + length] = middle
    return weights
