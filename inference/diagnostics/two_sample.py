"""How far apart two sets of samples are: the classifier two-sample test, its five folds trained at once."""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy  # its parts are imported when they are first used
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key

NUM_FOLDS = 5
MIN_SAMPLES = 50
WITHIN_95 = 1.96  # standard errors

# scikit-learn's defaults for MLPClassifier, which are part of the public protocol.
LEARNING_RATE = 1e-3
BATCH_SIZE = 200
WEIGHT_PENALTY = 1e-4
TOLERANCE = 1e-4
PATIENCE = 10
MAX_EPOCHS = 1_000

Weights = list[tuple[Array, Array]]


def c2st(key: Key[Array, ""], a: Float[ArrayLike, "n dim"], b: Float[ArrayLike, "m dim"]) -> float:
    """Held-out accuracy of a classifier told to tell `a` from `b`: 0.5 when it cannot, 1 when it always can.

    The protocol of the public benchmark: both sets are z-scored with the moments of `a`; a network with two
    hidden layers of 10 x dim ReLU units; the mean accuracy of five-fold cross-validation. With a finite
    number of samples the value scatters: for two sets of n from one distribution by about 0.67 / sqrt(2 n),
    so 0.011 at n = 2000; see `c2st_interval`.

    Args:
        key: decides the folds, the networks' initial weights and the order of their batches.
        a: (n, dim), the reference.
        b: (n, dim), as many rows as `a`.

    Raises:
        ValueError: if the shapes differ, a number is not finite, or there are fewer than 50 rows.

    References:
        Lopez-Paz and Oquab 2017, arXiv:1610.06545; Lueckmann et al. 2021, arXiv:2101.04653.
    """
    a, b = _checked("a", a), _checked("b", b)
    if a.shape != b.shape:
        raise ValueError(f"c2st compares two sets of one shape; got {a.shape} and {b.shape}.")
    spread = a.std(0)
    rows = (np.concatenate([a, b]) - a.mean(0)) / np.where(spread > 0, spread, 1.0)
    labels = np.repeat([0.0, 1.0], [len(a), len(b)])
    fold_key, train_key = jax.random.split(key)
    order = np.asarray(jax.random.permutation(fold_key, len(rows)))
    folds = order[: len(rows) // NUM_FOLDS * NUM_FOLDS].reshape(NUM_FOLDS, -1)  # up to four rows are left out
    others = np.stack([np.delete(folds, i, axis=0).ravel() for i in range(NUM_FOLDS)])
    arrays = (jnp.asarray(array, jnp.float32) for array in (rows, labels))
    return float(_cross_validated(train_key, *arrays, jnp.asarray(others), jnp.asarray(folds)))


@dataclass(frozen=True)
class C2ST:
    """A classifier's accuracy and how far chance may have moved it.

    Attributes:
        accuracy: see `c2st`.
        num: independent rows in each set.
    """

    accuracy: float
    num: int

    @property
    def error(self) -> float:
        """Standard error of the accuracy."""
        return self._error(self.accuracy)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the accuracy with other draws would lie in 95 % of all cases, about."""
        return self.accuracy - WITHIN_95 * self.error, self.accuracy + WITHIN_95 * self.error

    @property
    def null_interval(self) -> tuple[float, float]:
        """Where 95 % of the values lie for two sets from one distribution."""
        return 0.5 - WITHIN_95 * self._error(0.5), 0.5 + WITHIN_95 * self._error(0.5)

    @property
    def p_value(self) -> float:
        """Chance of so high an accuracy for two sets from one distribution."""
        return float(scipy.special.ndtr((0.5 - self.accuracy) / self._error(0.5)))

    def _error(self, accuracy: float) -> float:
        """Folds share most of their training rows: they are correlated by the share that is held out."""
        of_fold = accuracy * (1 - accuracy) / (2 * self.num / NUM_FOLDS)
        shared = 1 / NUM_FOLDS
        return float(np.sqrt(of_fold * (shared + (1 - shared) / NUM_FOLDS)))


def c2st_interval(
    key: Key[Array, ""], a: ArrayLike, b: ArrayLike, *, num_effective: float | None = None
) -> C2ST:
    """`c2st` with its uncertainty, at no further cost; errors as there.

    The standard error is that of held-out rows, made larger by 1.34 for the correlation of the folds.
    Measured for sets from one distribution: by 1.39 with 200 rows of two parameters (60 pairs), by 1.32 with
    500 rows of five (21 pairs).

    Args:
        key: as there.
        a: as there.
        b: as there.
        num_effective: independent draws that the poorer set is worth, where draws depend on each other;
            None: all are independent. Thin chains to about as many first, as `compare_runs` does: else the
            classifier knows held-out rows by their neighbours, which raises the accuracy itself.

    References:
        Nadeau and Bengio 2003, doi:10.1023/A:1024068626366, section 3 (correlation of overlapping splits).
    """
    num = len(np.asarray(a))
    worth = num if num_effective is None else max(1, min(num, int(num_effective)))
    return C2ST(c2st(key, a, b), worth)


def _checked(name: str, samples: ArrayLike) -> np.ndarray:
    rows = np.asarray(samples, np.float64)
    if rows.ndim != 2 or len(rows) < MIN_SAMPLES:
        raise ValueError(
            f"`{name}` must have shape (n, dim) with n >= {MIN_SAMPLES}; got shape {rows.shape}."
        )
    if not np.isfinite(rows).all():
        bad = int((~np.isfinite(rows)).any(1).sum())
        raise ValueError(
            f"`{name}` has {bad} rows that are not finite; leave them out before the comparison."
        )
    return rows


class _Fit(NamedTuple):
    """A network in training; all folds side by side under `vmap`."""

    weights: Weights
    moments: optax.OptState
    best_loss: Float[Array, ""]
    epochs_since_best: Int[Array, ""]


@jax.jit
def _cross_validated(key, rows, labels, training, held_out) -> Float[Array, ""]:
    """Mean held-out accuracy; `training` and `held_out` are row numbers, (folds, n)."""

    def accuracy(fold_key, training, held_out):
        fit = _train(fold_key, rows[training], labels[training])
        return ((_logits(fit.weights, rows[held_out]) > 0) == (labels[held_out] > 0)).mean()

    return jax.vmap(accuracy)(jax.random.split(key, NUM_FOLDS), training, held_out).mean()


def _train(key: Key[Array, ""], rows: Float[Array, "n dim"], labels: Float[Array, " n"]) -> _Fit:
    """Epochs until the training loss has not fallen by the tolerance for ten of them."""
    weight_key, epoch_key = jax.random.split(key)
    weights = _initial_weights(weight_key, rows.shape[1])
    start = _Fit(weights, _optimiser().init(weights), jnp.float32(jnp.inf), jnp.int32(0))

    def is_training(carry) -> Bool[Array, ""]:
        epoch, fit = carry
        return (fit.epochs_since_best <= PATIENCE) & (epoch < MAX_EPOCHS)

    def advance(carry):
        epoch, fit = carry
        weights, moments, loss = _epoch(jax.random.fold_in(epoch_key, epoch), fit, rows, labels)
        waited = jnp.where(loss > fit.best_loss - TOLERANCE, fit.epochs_since_best + 1, 0)
        return epoch + 1, _Fit(weights, moments, jnp.minimum(loss, fit.best_loss), waited)

    return jax.lax.while_loop(is_training, advance, (jnp.int32(0), start))[1]


def _epoch(
    key: Key[Array, ""], fit: _Fit, rows: Array, labels: Array
) -> tuple[Weights, optax.OptState, Array]:
    """One pass over the rows in random order; the last batch may be smaller, its padding weighs nothing."""
    num, size = len(rows), min(BATCH_SIZE, len(rows))
    num_steps = -(-num // size)
    order = jnp.argsort(jax.random.uniform(key, (num,)))
    order = jnp.pad(order, (0, num_steps * size - num), constant_values=-1).reshape(num_steps, size)

    def step(carry, picked):
        weights, moments = carry
        share = (picked >= 0) / (picked >= 0).sum()
        loss, gradient = jax.value_and_grad(_loss)(
            weights, rows[picked], labels[picked], share, (picked >= 0).sum()
        )
        updates, moments = _optimiser().update(gradient, moments)
        weights = jax.tree.map(jnp.add, weights, updates)
        return (weights, moments), loss * (picked >= 0).sum()

    (weights, moments), losses = jax.lax.scan(step, (fit.weights, fit.moments), order)
    return weights, moments, losses.sum() / num


def _loss(weights: Weights, rows: Array, labels: Array, share: Array, num: Array) -> Float[Array, ""]:
    entropy = optax.sigmoid_binary_cross_entropy(_logits(weights, rows), labels)
    return (share * entropy).sum() + 0.5 * WEIGHT_PENALTY / num * sum((w**2).sum() for w, _ in weights)


def _logits(weights: Weights, rows: Float[Array, "n dim"]) -> Float[Array, " n"]:
    hidden = rows
    for weight, bias in weights[:-1]:
        hidden = jax.nn.relu(hidden @ weight + bias)
    weight, bias = weights[-1]
    return (hidden @ weight + bias)[:, 0]


def _initial_weights(key: Key[Array, ""], dim: int) -> Weights:
    """Glorot-uniform weights and biases of one draw, cut into layers."""
    sizes = (dim, 10 * dim, 10 * dim, 1)
    shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
    draws = jax.random.uniform(key, (sum((i + 1) * o for i, o in shapes),), minval=-1.0, maxval=1.0)
    weights, start = [], 0
    for num_in, num_out in shapes:
        part = draws[start : start + (num_in + 1) * num_out].reshape(num_in + 1, num_out)
        part = part * jnp.sqrt(6.0 / (num_in + num_out))
        weights.append((part[:-1], part[-1]))
        start += (num_in + 1) * num_out
    return weights


def _optimiser() -> optax.GradientTransformation:
    return optax.adam(LEARNING_RATE)
