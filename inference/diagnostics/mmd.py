"""Maximum mean discrepancy: a distance of two sets of draws, with a p-value from random relabellings."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

BANDWIDTHS = (0.25, 0.5, 1.0, 2.0)  # of the kernels that are averaged, in median distances
BLOCK = 256  # rows of the kernel matrix that exist at once
MOST_MEDIAN_ROWS = 1_000  # from which the median distance is taken


@dataclass(frozen=True, eq=False)
class MMD:
    """Squared distance of two distributions by their draws.

    Attributes:
        value: unbiased, so around 0 and at times below it for two sets from one distribution.
        p_value: share of relabellings (the given labels included) at least as far apart; at most a with
            probability at most a for two sets of independent draws from one distribution.
        null: (num_permutations,), values of the relabellings.
    """

    value: float
    p_value: float
    null: Float[np.ndarray, " num_permutations"]


def mmd(
    key: Key[Array, ""],
    a: ArrayLike,
    b: ArrayLike,
    *,
    num_permutations: int = 200,
) -> MMD:
    """Unbiased MMD^2 with a mean of four Gaussian kernels around the median distance.

    All columns are scaled by the standard deviations of both sets together. Time grows with (n + m)^2, memory
    with n + m.

    Args:
        key: of the relabellings.
        a: draws, (n, dim).
        b: draws, (m, dim).
        num_permutations: relabellings; the smallest p-value is 1 / (num_permutations + 1).

    Raises:
        ValueError: the columns differ, there are fewer than two rows, or a number is not finite.

    References:
        Gretton et al. 2012, JMLR 13:723, eq. (3) and section 6 (median distance; relabelling).
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"MMD compares two sets (n, dim) of one dim, n >= 2; got {a.shape} and {b.shape}.")
    rows = np.concatenate([a, b])
    if not np.isfinite(rows).all():
        raise ValueError(f"{(~np.isfinite(rows)).any(axis=1).sum()} rows are not finite; leave them out.")
    rows = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-12)
    is_a = np.arange(len(rows)) < len(a)
    keys = jax.random.split(key, num_permutations)
    values = np.asarray(_discrepancies(keys, jnp.asarray(rows, jnp.float32), is_a, _median_distance(rows)))
    p_value = (1 + (values[1:] >= values[0]).sum()) / (1 + num_permutations)
    return MMD(float(values[0]), float(p_value), values[1:])


def _median_distance(rows: np.ndarray) -> float:
    """Of evenly spread rows, so that it does not depend on the labels by more than their order."""
    few = rows[:: -(-len(rows) // MOST_MEDIAN_ROWS)]
    square = (few**2).sum(axis=1)
    distance = square[:, None] + square - 2 * few @ few.T
    return float(np.sqrt(max(np.median(distance[np.triu_indices(len(few), 1)]), 1e-12)))


@jax.jit
def _discrepancies(keys, rows, is_a, median) -> Float[Array, " num"]:
    """Of the given labels and of each relabelling, in one pass over the kernel matrix.

    With labels 0 and 1 in the columns of L and the matrix K: the sums of K within and between the two groups
    follow from L^T K L, L^T K 1 and 1^T K 1.
    """
    num, num_a = len(rows), is_a.sum()
    shuffled = jax.vmap(lambda key: jax.random.permutation(key, is_a))(keys)
    labels = jnp.concatenate([is_a[None], shuffled]).T.astype(jnp.float32)
    square = (rows**2).sum(axis=1)

    def block(start):
        place = start + jnp.arange(BLOCK)
        here = jnp.minimum(place, num - 1)
        distance = square[here, None] + square - 2 * rows[here] @ rows.T
        kernel = sum(jnp.exp(-0.5 * distance / (width * median) ** 2) for width in BANDWIDTHS)
        kernel = jnp.where((place[:, None] < num) & (here[:, None] != jnp.arange(num)), kernel, 0.0)
        each = kernel.sum(axis=1)
        return (labels[here] * (kernel @ labels)).sum(axis=0), labels[here].T @ each, each.sum()

    sums = jax.lax.map(block, jnp.arange(0, num, BLOCK))
    within_a, of_a, total = (part.sum(axis=0) / len(BANDWIDTHS) for part in sums)
    between, within_b = of_a - within_a, total - 2 * of_a + within_a
    num_b = num - num_a
    return (
        within_a / (num_a * (num_a - 1.0))
        + within_b / (num_b * (num_b - 1.0))
        - 2 * between / (num_a * 1.0 * num_b)
    )
