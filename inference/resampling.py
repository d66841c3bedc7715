"""Weighted draws: what they are worth, and as draws of equal weight; for all methods and checks."""

import jax
import numpy as np
from jaxtyping import Array, Float, Int


def effective_number(weight: Float[np.ndarray, " n"]) -> float:
    """How many draws of equal weight these are worth."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def resampled(key: Array, weight: Float[np.ndarray, " n"], num: int) -> Int[np.ndarray, " num"]:
    """Which draws to take, some repeatedly, so that all count the same: systematic, in random order."""
    generator = host_generator(key)
    places = (np.arange(num) + generator.uniform()) / num
    chosen = np.searchsorted(np.cumsum(weight) / weight.sum(), places)
    return generator.permutation(np.minimum(chosen, len(weight) - 1))


def host_generator(key: Array) -> np.random.Generator:
    """NumPy's generator of a key, for what is too small to be compiled."""
    return np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel().tolist())
