"""The fixed data set of the speed benchmark: eight parameters, seven noisy features; NumPy only.

Each feature is a random two-layer tanh network of theta, plus products of neighbouring parameters, plus a
sine of one parameter; the noise grows with the last parameter. The numbers are those that
`reference/performance_notes.md` measured on.
"""

import numpy as np

NUM_PARAMETERS, NUM_FEATURES, NUM_HIDDEN = 8, 7, 24
NUM_POOL, NUM_TEST = 100_000, 10_000


def speed_data(num: int) -> dict[str, np.ndarray]:
    """Float32 arrays theta (num, 8) in (-1, 1), x (num, 7), and 10 000 held-out theta_test, x_test.

    Args:
        num: the first so many of 100 000 training rows.
    """
    rng = np.random.default_rng(0)
    theta = rng.uniform(-1, 1, (NUM_POOL + NUM_TEST, NUM_PARAMETERS))
    x = _mean(theta) + _noise_sd(theta) * rng.normal(size=(len(theta), NUM_FEATURES))
    arrays = {
        "theta": theta[:num],
        "x": x[:num],
        "theta_test": theta[NUM_POOL:],
        "x_test": x[NUM_POOL:],
    }
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _mean(theta: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(7)
    inward = rng.normal(size=(NUM_PARAMETERS, NUM_HIDDEN)) / np.sqrt(NUM_PARAMETERS) * 1.5
    offset = rng.normal(size=NUM_HIDDEN) * 0.5
    outward = rng.normal(size=(NUM_HIDDEN, NUM_FEATURES)) / np.sqrt(NUM_HIDDEN)
    pairs = rng.normal(size=(NUM_PARAMETERS, NUM_FEATURES)) * 0.6
    smooth = np.tanh(theta @ inward + offset) @ outward
    products = 0.5 * (theta * np.roll(theta, 1, axis=1)) @ pairs
    return smooth + products + 0.8 * np.sin(2.0 * theta[:, :NUM_FEATURES])


def _noise_sd(theta: np.ndarray) -> np.ndarray:
    return 0.08 * (1 + 1 / (1 + np.exp(-3.0 * theta[:, -1:])))
