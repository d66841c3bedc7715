"""Training: cycles of a learning-rate schedule, as long as the held-out loss is worth another."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from inference.checkpoint import fingerprint
from inference.cycles import Course, begin_cycle, end_epoch, load_course, save_course
from inference.epoch import EpochData, TrainState, initial_state, pad_rows, run_epoch, with_parameters
from inference.estimators.base import DensityEstimator
from inference.estimators.ensemble import Ensemble, join, split
from inference.objectives import Objective, Rows, make_rows, negative_log_prob
from inference.progress import Progress

MIN_ROWS = 100
MAX_VALIDATION = 10_000
BATCH_SIZES = ((5_000, 50), (30_000, 100), (75_000, 200), (1_000_000, 500))  # up to so many rows; then 1000
SECONDS_BETWEEN_CHECKPOINTS = 2.0
NUM_LANES = 2  # shares of an ensemble that are trained side by side, whatever the number of cores
POLL_SECONDS = 0.2  # a long epoch is left to a thread, so that a wish to stop is heard in time


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes:
        batch_size: rows per step; None: by the number of rows.
        learning_rate: at the top of each cycle.
        max_epochs: no more than these; None: by the number of steps. Training usually ends itself before.
        patience: epochs of a cycle without a lower held-out loss after which the cycle ends.
        capacity: rows, training and held-out, to make room for, so that trainings on fewer, such as the
            rounds of a sequential method, share one compiled program and batch size.
        decays: whether cycles pull the weights towards zero; not where the objective has a prior for them.
    """

    batch_size: int | None = None
    learning_rate: float = 5e-3
    max_epochs: int | None = None
    patience: int = 20
    capacity: int = 0
    decays: bool = True


class TrainingProblem(NamedTuple):
    """What to train on what.

    Attributes:
        estimator: brings its scalings and initial weights.
        training, validation: rows.
        objective: loss.
        first_cycle: of the schedule; the early ones are for weights that have learnt nothing yet.
    """

    estimator: DensityEstimator
    training: Rows
    validation: Rows
    objective: Objective = negative_log_prob
    first_cycle: int = 0


@dataclass(frozen=True, eq=False)
class TrainingRecord:
    """How the training went.

    Attributes:
        train_loss: (epochs,), the mean over each epoch's steps, in nats.
        validation_loss: (epochs,), after each epoch.
        seconds: (epochs,) of wall time; the first includes compilation.
        cycle: (epochs,), which cycle of the schedule.
        num_training, num_validation: rows.
        batch_size: rows per step.
        num_skipped: steps left out because their gradient was not finite.
        stop_reason: why training ended, in words.
    """

    train_loss: Float[np.ndarray, " epochs"]
    validation_loss: Float[np.ndarray, " epochs"]
    seconds: Float[np.ndarray, " epochs"]
    cycle: Int[np.ndarray, " epochs"]
    num_training: int
    num_validation: int
    batch_size: int
    num_skipped: int
    stop_reason: str

    @property
    def best_epoch(self) -> int:
        """Position of the lowest held-out loss, whose weights were kept."""
        return int(np.nanargmin(self.validation_loss))


def training_variables(records: list[TrainingRecord]) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """The epochs of all rounds in a row, and the last round's scalars, for the tree of a result."""
    last, before = records[-1], sum(len(record.train_loss) for record in records[:-1])
    by_epoch = {
        name: (("epoch",), np.concatenate([np.asarray(getattr(record, name)) for record in records]))
        for name in ("train_loss", "validation_loss", "seconds", "cycle")
    }
    lengths = [len(record.train_loss) for record in records]
    by_epoch["round"] = (("epoch",), np.repeat(np.arange(len(records)), lengths))
    once = {name: getattr(last, name) for name in ("num_training", "num_validation", "batch_size")}
    once["num_skipped"] = sum(record.num_skipped for record in records)
    once["best_epoch"] = before + last.best_epoch
    return by_epoch | {name: ((), np.asarray(value)) for name, value in once.items()}


def split_rows(
    key: Key[Array, ""], num: int, fraction: float
) -> tuple[Int[np.ndarray, " t"], Int[np.ndarray, " v"]]:
    """Row numbers for training and for validation, at random; at least 10 and at most 10 000 for validation.

    Raises:
        ValueError: if there are fewer than 100 rows.
    """
    if num < MIN_ROWS:
        raise ValueError(f"Training needs at least {MIN_ROWS} usable simulations; got {num}. Simulate more.")
    num_validation = int(np.clip(round(fraction * num), 10, min(MAX_VALIDATION, num // 2)))
    order = np.asarray(jax.random.permutation(key, num))
    return order[num_validation:], order[:num_validation]


def automatic_batch_size(num: int) -> int:
    """Rows per step: on a CPU small batches give the best result per second."""
    return next((size for limit, size in BATCH_SIZES if num <= limit), 1_000)


def fit(
    key: Key[Array, ""],
    problem: TrainingProblem,
    config: TrainConfig,
    *,
    on_progress: Callable[[Progress], None] = lambda event: None,
    checkpoint: Path | None = None,
) -> tuple[DensityEstimator, TrainingRecord]:
    """Train an estimator and keep the weights of the lowest held-out loss.

    An ensemble of an even number of members is trained in two lanes of half of them, each in a thread with
    its own order of rows and its own best weights: two cores are twice as fast. Losses are means over lanes.

    Args:
        key: decides the order of the rows; the same key gives the same weights, interrupted or not.
        problem: estimator, rows and objective.
        config: settings.
        on_progress: called after each epoch and at least five times a second. It may raise `Stopped`; the
            state after the last full epoch is then in the checkpoint.
        checkpoint: a file that is written every two seconds and at the end, and resumed from where it exists.

    Returns:
        The trained estimator and how it went.

    Raises:
        ValueError: if the checkpoint is of another problem, or no finite held-out loss was reached.
    """
    num = len(problem.training.weight)
    data, batch_size = _epoch_data(problem, config)
    identity = _identity(key, problem, (config, batch_size))
    lanes = _lanes(problem.estimator)
    course = Course(tuple(initial_state(lane) for lane in lanes), cycle=problem.first_cycle - 1)
    course = course if checkpoint is None else load_course(checkpoint, identity, course)
    steps, saved = num // batch_size, time.monotonic()
    pool = ThreadPoolExecutor(len(lanes), thread_name_prefix="train")
    try:
        while not course.stop_reason:
            course = begin_cycle(course, config, steps, num) if course.is_cycle_complete else course
            keys = _lane_keys(key, course.epoch, len(lanes))
            fixed = [(keys[i], lane, problem.objective, data, batch_size) for i, lane in enumerate(lanes)]
            states, numbers = _one_epoch(pool, fixed, course, on_progress)
            course = end_epoch(course._replace(states=states), numbers, config, steps)
            on_progress(_event(course))
            if checkpoint is not None and time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                save_course(checkpoint, identity, course)
                saved = time.monotonic()
    finally:
        pool.shutdown(wait=False)
        if checkpoint is not None and course.log:
            save_course(checkpoint, identity, course)
    if not np.isfinite(course.best_loss):
        raise ValueError(
            "Training met no finite held-out loss; look for extreme features, or lower the learning rate."
        )
    best = [state.best_parameters for state in course.states]
    trained = list(map(eqx.filter_jit(with_parameters), lanes, best))
    return _joined(trained), _record(problem, batch_size, course)


def compile_ahead(
    estimator: DensityEstimator,
    num_rows: tuple[int, int],
    config: TrainConfig,
    objective: Objective = negative_log_prob,
) -> None:
    """Compile what `fit` will run, for example in a thread while the rows are being simulated.

    Afterwards `fit` does not wait for the compiler if its estimator has the same spec (scalings and weights
    may differ), its objective is the same or of the same shapes, and its rows fall into the same bucket.

    Args:
        estimator: of the spec that will be trained.
        num_rows: training and held-out rows, as many as will be usable.
        config: settings.
        objective: loss.
    """
    zeros = [
        make_rows(np.zeros((num, estimator.spec.dim)), np.zeros((num, estimator.spec.num_features)))
        for num in num_rows
    ]
    data, batch_size = _epoch_data(TrainingProblem(estimator, zeros[0], zeros[1], objective), config)
    data = data._replace(num_training=jnp.asarray(np.int32(0)))  # no step is done
    keys = (jax.random.fold_in(jax.random.key(0), 0), jax.random.fold_in(jax.random.key(0), 2**31))
    lane = _lanes(estimator)[0]
    course = begin_cycle(Course((initial_state(lane),)), config, 1, 1_000)
    jax.block_until_ready(run_epoch((keys, lane, objective, data, batch_size), course.states[0]))


def _lanes(estimator: DensityEstimator) -> tuple[DensityEstimator, ...]:
    """The parts that are trained side by side: of one compiled program, and independent of each other."""
    if not isinstance(estimator, Ensemble):
        return (estimator,)
    return split(estimator, 1 if estimator.spec.num_members % NUM_LANES else NUM_LANES)


def _joined(lanes: list[DensityEstimator]) -> DensityEstimator:
    shares = [lane for lane in lanes if isinstance(lane, Ensemble)]
    return join(shares) if shares else lanes[0]


def _lane_keys(key: Array, epoch: int, num: int) -> list[tuple[Array, Array]]:
    """Keys of each lane's epoch and of the held-out loss, the latter always the same: losses are compared."""
    epoch_key, held_out_key = jax.random.fold_in(key, epoch), jax.random.fold_in(key, 2**31)
    lanes = [epoch_key] if num == 1 else [jax.random.fold_in(epoch_key, lane) for lane in range(num)]
    return [(lane, held_out_key) for lane in lanes]


def _epoch_data(problem: TrainingProblem, config: TrainConfig) -> tuple[EpochData, int]:
    """Padded rows, and how many of them make a step."""
    num, num_validation = len(problem.training.weight), len(problem.validation.weight)
    share = max(1.0, config.capacity / (num + num_validation))
    batch_size = min(config.batch_size or automatic_batch_size(int(num * share)), num)
    training = pad_rows(problem.training, int(num * share))
    validation = pad_rows(problem.validation, int(num_validation * share))
    return EpochData(training, jnp.asarray(np.int32(num)), validation), batch_size


def _one_epoch(
    pool: ThreadPoolExecutor, fixed: list[Any], course: Course, on_progress: Callable[[Progress], None]
) -> tuple[tuple[TrainState, ...], tuple[float, float, float]]:
    """The states after an epoch, and (training loss, held-out loss, seconds).

    Epochs run in threads, so that a listener is heard while they are compiled or long, and may stop them.
    """
    began = time.perf_counter()
    jobs = list(zip(fixed, course.states, strict=True))
    # The first lane goes ahead once, because lanes that meet the compiler together would each compile.
    groups = [jobs] if course.log else [jobs[:1], jobs[1:]]
    epochs = []
    for group in groups:
        epochs += [pool.submit(lambda job: jax.block_until_ready(run_epoch(*job)), job) for job in group]
        while wait(epochs, timeout=POLL_SECONDS).not_done:
            on_progress(_event(course))
    states, train_losses, held_out_losses = zip(*(epoch.result() for epoch in epochs), strict=True)
    return states, (
        float(np.mean(train_losses)),
        float(np.mean(held_out_losses)),
        time.perf_counter() - began,
    )


def _identity(key: Array, problem: TrainingProblem, settings: tuple) -> str:
    """What a checkpoint must have in common with the training that resumes from it."""
    rows = jax.tree.leaves((problem.training, problem.validation))
    weights = jax.tree.leaves(eqx.filter(problem.estimator, eqx.is_array))
    arrays = [np.asarray(array) for array in (jax.random.key_data(key), *rows, *weights)]
    return fingerprint(*arrays, problem.estimator.spec, settings)


def _event(course: Course) -> Progress:
    if not course.log:
        return Progress("train", 0, course.planned, message="Compiling the training program.")
    values = {"train_loss": course.log[-1].train_loss, "validation_loss": course.log[-1].validation_loss}
    return Progress("train", course.epoch, course.planned, values, course.stop_reason)


def _record(problem: TrainingProblem, batch_size: int, course: Course) -> TrainingRecord:
    train_loss, validation_loss, seconds, cycle = np.array(course.log).T
    return TrainingRecord(
        train_loss=train_loss,
        validation_loss=validation_loss,
        seconds=seconds,
        cycle=cycle.astype(int),
        num_training=len(problem.training.weight),
        num_validation=len(problem.validation.weight),
        batch_size=batch_size,
        num_skipped=sum(int(state.num_skipped) for state in course.states),
        stop_reason=course.stop_reason,
    )
