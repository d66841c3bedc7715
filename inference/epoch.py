"""The compiled part of training: one dispatch per epoch, for any number of rows up to a bucket's size."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key

from inference.estimators.base import DensityEstimator, partition_trainable
from inference.objectives import Objective, Rows

CLIP_NORM = 5.0
VALIDATION_CHUNK = 1024  # rows whose loss is computed at once; small enough for the processor's cache


class TrainState(NamedTuple):
    """All that changes while training; one pytree, checkpointed as it is.

    Attributes:
        parameters: (p,), every trainable number in one vector, so that the optimiser is one fused operation.
        moments: Adam's.
        schedule: where the learning-rate schedule stands, see `learning_rate`.
        best_parameters, best_loss: at the lowest held-out loss; the initial ones if nothing was better.
        num_skipped: steps left out because their gradient was not finite.
    """

    parameters: Float[Array, " p"]
    moments: optax.OptState
    schedule: Schedule
    best_parameters: Float[Array, " p"]
    best_loss: Float[Array, ""]
    num_skipped: Int[Array, ""]


class Schedule(NamedTuple):
    """One cycle of the learning rate; scalars, so that another cycle compiles nothing anew.

    Attributes:
        step: steps done in this cycle.
        total: steps of this cycle.
        peak: the highest learning rate.
        decay: pull of every parameter towards zero, relative to the learning rate (decoupled weight decay).
    """

    step: Float[Array, ""]
    total: Float[Array, ""]
    peak: Float[Array, ""]
    decay: Float[Array, ""]


class EpochData(NamedTuple):
    """Rows padded to a bucket's size, and how many of the training rows are real; padding has weight 0."""

    training: Rows
    num_training: Int[Array, ""]
    validation: Rows


def initial_state(estimator: DensityEstimator) -> TrainState:
    """The state before the first epoch."""
    leaves = jax.tree.leaves(partition_trainable(estimator)[0])
    parameters = jax.device_put(np.concatenate([np.ravel(leaf) for leaf in leaves]))  # as ravel_pytree's
    zero, most = jax.device_put((np.float32(0), np.float32(np.inf)))
    moments = jax.jit(_optimiser().init)(parameters)
    schedule = Schedule(zero, zero, zero, zero)
    return TrainState(parameters, moments, schedule, parameters, most, jax.device_put(np.int32(0)))


def with_parameters(estimator: DensityEstimator, parameters: Float[Array, " p"]) -> DensityEstimator:
    """The estimator with its trainable numbers replaced."""
    trainable, fixed = partition_trainable(estimator)
    _, unravel = ravel_pytree(trainable)
    return eqx.combine(unravel(parameters), fixed)


def pad_rows(rows: Rows, capacity: int = 0) -> Rows:
    """Rows followed by copies of the first with weight 0, up to a bucket that holds `capacity` rows too."""
    num = len(rows.weight)
    size = bucket_size(max(num, capacity))
    index = np.where(np.arange(size) < num, np.arange(size), 0)
    padded = {name: np.asarray(array)[index] for name, array in rows._asdict().items()}
    padded["weight"] = np.where(np.arange(size) < num, padded["weight"], 0)
    return Rows(**jax.device_put(padded))


def bucket_size(num: int, *, minimum: int = 4) -> int:
    """The least of 4, 5, 6, 7 times a power of two that reaches `num` and `minimum`: at most 25 % more."""
    wanted = max(num, minimum)
    step = 2 ** max(wanted.bit_length() - 3, 0)
    return -(-wanted // step) * step


def learning_rate(schedule: Schedule) -> Float[Array, ""]:
    """Step size at the schedule's step: up over the first 3 %, then half a cosine down to zero."""
    warm = jnp.maximum(0.03 * schedule.total, 1.0)
    fraction = jnp.clip((schedule.step - warm) / jnp.maximum(schedule.total - warm, 1.0), 0.0, 1.0)
    return (
        schedule.peak * jnp.minimum(1.0, (schedule.step + 1) / warm) * 0.5 * (1 + jnp.cos(jnp.pi * fraction))
    )


@eqx.filter_jit
def run_epoch(
    fixed: tuple[tuple[Key[Array, ""], Key[Array, ""]], DensityEstimator, Objective, EpochData, int],
    state: TrainState,
) -> tuple[TrainState, Float[Array, ""], Float[Array, ""]]:
    """One pass over the training rows in random order, then the held-out loss.

    Args:
        fixed: the keys of the epoch and of the held-out loss, an estimator (for its structure and scalings),
            the objective, the data, and the batch size.
        state: before the epoch; it stays valid, so that an epoch can be abandoned.

    Returns:
        The new state, the mean training loss, the held-out loss.
    """
    (key, validation_key), estimator, objective, data, batch_size = fixed
    order_key, step_key = jax.random.split(key)
    order = _random_order(order_key, data.training.weight.shape[0], data.num_training)
    num_steps = data.num_training // batch_size

    def step(i, carry):
        state, total = carry
        picked = jax.lax.dynamic_slice_in_dim(order, i * batch_size, batch_size)
        rows = Rows(*(array[picked] for array in data.training))
        state, loss = _step(jax.random.fold_in(step_key, i), estimator, objective, rows, state)
        return state, total + jnp.where(jnp.isfinite(loss), loss, 0.0)

    state, total = jax.lax.fori_loop(0, num_steps, step, (state, jnp.float32(0)))
    held_out = _held_out_loss(
        validation_key, with_parameters(estimator, state.parameters), objective, data.validation
    )
    is_better = held_out < state.best_loss  # false for NaN
    best = jnp.where(is_better, state.parameters, state.best_parameters)
    state = state._replace(best_parameters=best, best_loss=jnp.where(is_better, held_out, state.best_loss))
    return state, total / jnp.maximum(num_steps, 1), held_out


def _random_order(key: Key[Array, ""], size: int, num: Int[Array, ""]) -> Int[Array, " size"]:
    """The real rows in random order, then the padding."""
    draws = jax.random.uniform(key, (size,))
    return jnp.argsort(jnp.where(jnp.arange(size) < num, draws, 2.0))


def _step(
    key: Key[Array, ""], estimator: DensityEstimator, objective: Objective, rows: Rows, state: TrainState
) -> tuple[TrainState, Float[Array, ""]]:
    def mean_loss(parameters):
        return _weighted_mean(objective(key, with_parameters(estimator, parameters), rows), rows.weight)

    loss, gradient = jax.value_and_grad(mean_loss)(state.parameters)
    is_finite = jnp.isfinite(loss) & jnp.isfinite(gradient).all()
    updates, moments = _optimiser().update(jnp.where(is_finite, gradient, 0.0), state.moments)
    direction = jnp.asarray(updates) + state.schedule.decay * state.parameters
    parameters = state.parameters - learning_rate(state.schedule) * direction
    keep = lambda new, old: jnp.where(is_finite, new, old)  # noqa: E731
    state = state._replace(
        parameters=keep(parameters, state.parameters),
        moments=jax.tree.map(keep, moments, state.moments),
        schedule=state.schedule._replace(step=state.schedule.step + 1),
        num_skipped=state.num_skipped + ~is_finite,
    )
    return state, loss


def _held_out_loss(key: Key[Array, ""], estimator: DensityEstimator, objective: Objective, rows: Rows):
    def chunk_loss(chunk):
        return objective(key, estimator, chunk)

    size = min(VALIDATION_CHUNK, rows.weight.shape[0])
    num_chunks = -(-rows.weight.shape[0] // size)
    padded = Rows(*(jnp.pad(a, [(0, num_chunks * size - len(a)), *[(0, 0)] * (a.ndim - 1)]) for a in rows))
    chunks = Rows(*(a.reshape(num_chunks, size, *a.shape[1:]) for a in padded))
    return _weighted_mean(jax.lax.map(chunk_loss, chunks).ravel(), padded.weight)


def _weighted_mean(losses: Float[Array, " n"], weight: Float[Array, " n"]) -> Float[Array, ""]:
    """Rows of weight 0 count as absent even where their loss is not finite."""
    losses = jnp.where(weight > 0, losses, 0.0)
    return (weight * losses).sum() / jnp.maximum(weight.sum(), jnp.finfo(jnp.float32).tiny)


def _optimiser() -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(CLIP_NORM), optax.scale_by_adam())
