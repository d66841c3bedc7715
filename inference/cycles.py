"""The course of a training: when a cycle of the learning rate begins, ends, and is worth a successor.

The first cycle is short and strongly regularised, each further one twice as long and freer. A nearly linear
problem is solved before the networks can overfit it; a complicated one gets as many steps as it can use.
Measured against one cosine of fixed length (linear Gaussian, two moons and an eight-parameter problem, 1 000
to 100 000 rows) it is about as good as the best length for each; no single length was good for all.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inference.checkpoint import read_checkpoint, write_checkpoint
from inference.epoch import Schedule, TrainState

if TYPE_CHECKING:
    from inference.train import TrainConfig

FIRST_CYCLE_STEPS = 450
FIRST_CYCLE_EPOCHS = 5  # or fewer steps, where the rows are few
WEIGHT_DECAYS = (1.0, 0.03, 0.01)  # then the least
ROWS_PER_DECAY = 300  # over the number of rows: the least decay of all cycles, at most LARGEST_LEAST_DECAY
LARGEST_LEAST_DECAY = 0.03
MAX_STEPS = 30_000  # over all cycles, unless the configuration sets a number of epochs
MIN_GAIN = 0.03  # nats by which another cycle must be expected to lower the held-out loss
MIN_GAIN_PER_GAP = 0.5  # and this share of the distance between training and held-out loss


class EpochLog(NamedTuple):
    """The numbers of one epoch."""

    train_loss: float
    validation_loss: float
    seconds: float
    cycle: float


class Course(NamedTuple):
    """Where training stands between two epochs; this, and nothing else, is in a checkpoint.

    Attributes:
        states: what the compiled epoch works on, one for each lane; see `inference.train.fit`.
        log: one entry per epoch.
        cycle: number of the present cycle; -1 before the first.
        cycle_start, cycle_length: in epochs.
        loss_before: the lowest held-out loss before this cycle.
        gain_before: by how much the cycle before this one had lowered it.
        stop_reason: empty while training goes on.
    """

    states: tuple[TrainState, ...]
    log: tuple[EpochLog, ...] = ()
    cycle: int = -1
    cycle_start: int = 0
    cycle_length: int = 0
    loss_before: float = float("inf")
    gain_before: float = float("inf")
    stop_reason: str = ""

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.log)

    @property
    def best_loss(self) -> float:
        """The lowest held-out loss of each lane, averaged over lanes."""
        return float(np.mean([state.best_loss for state in self.states]))

    @property
    def gain(self) -> float:
        """By how much this cycle has lowered the held-out loss so far, in nats."""
        return self.loss_before - self.best_loss

    @property
    def expected_gain(self) -> float:
        """Of the next cycle: as much as this one, or less where gains shrink though the decay stays."""
        is_comparable = self.cycle > len(WEIGHT_DECAYS)
        return self.gain * min(1.0, self.gain / self.gain_before) if is_comparable else self.gain

    @property
    def planned(self) -> int:
        """Epochs in all, if no further cycle follows."""
        return self.epoch if self.stop_reason else self.cycle_start + self.cycle_length

    @property
    def is_cycle_complete(self) -> bool:
        """Whether the next epoch belongs to another cycle."""
        return self.epoch >= self.cycle_start + self.cycle_length


def begin_cycle(course: Course, config: TrainConfig, steps_per_epoch: int, num_rows: int) -> Course:
    """The next cycle, from the best weights so far."""
    cycle = course.cycle + 1
    length = _cycle_length(cycle, steps_per_epoch)
    if config.max_epochs is not None:
        length = min(length, config.max_epochs - course.epoch)
    decay = _decay(cycle, num_rows) if config.decays else 0.0
    settings = (0.0, length * steps_per_epoch, config.learning_rate, decay)
    schedule = Schedule(*(jnp.asarray(np.float32(value)) for value in settings))
    return course._replace(
        states=tuple(
            state._replace(schedule=schedule, parameters=state.best_parameters) for state in course.states
        ),
        cycle=cycle,
        cycle_start=course.epoch,
        cycle_length=length,
        loss_before=course.best_loss,
        gain_before=course.gain if course.log else float("inf"),
    )


def end_epoch(
    course: Course, numbers: tuple[float, float, float], config: TrainConfig, steps_per_epoch: int
) -> Course:
    """Log (training loss, held-out loss, seconds), and decide whether the cycle or the training is over."""
    course = course._replace(log=(*course.log, EpochLog(*numbers, course.cycle)))
    if _has_waited(course, config.patience):
        course = course._replace(cycle_length=course.epoch - course.cycle_start)
    if not course.is_cycle_complete:
        return course
    return course._replace(stop_reason=_reason_to_stop(course, config, steps_per_epoch))


def _decay(cycle: int, num_rows: int) -> float:
    """The fewer the rows, the more is held back; a compromise of two measurements.

    10 000 rows of the Hodgkin-Huxley model, regions meant to hold 85 % of the truths: one estimator without a
    least decay 60 %, four members without 73 %, with 0.03 77 %, with 0.1 85 %; but 0.1 costs accuracy where
    posteriors are sharp in few dimensions (two moons: C2ST 0.57 instead of 0.54).
    """
    least = min(LARGEST_LEAST_DECAY, ROWS_PER_DECAY / num_rows)
    return max(WEIGHT_DECAYS[cycle], least) if cycle < len(WEIGHT_DECAYS) else least


def _cycle_length(cycle: int, steps_per_epoch: int) -> int:
    epochs = min(FIRST_CYCLE_EPOCHS * 2**cycle, FIRST_CYCLE_STEPS * 2**cycle / steps_per_epoch)
    return max(1, round(epochs))


def _has_waited(course: Course, patience: int) -> bool:
    """Whether the held-out loss rises although the learning rate falls, which it does from mid-cycle on.

    Before, nothing can be said: the first small steps stay near the best weights, the large ones leave them.
    """
    falling = course.log[course.cycle_start + course.cycle_length // 2 :]
    losses = np.array([entry.validation_loss for entry in falling])
    usable = np.where(np.isfinite(losses), losses, np.inf)
    return len(usable) > 0 and len(usable) - 1 - int(np.argmin(usable)) >= patience


def _reason_to_stop(course: Course, config: TrainConfig, steps_per_epoch: int) -> str:
    """Why no further cycle should follow, or an empty string."""
    best = min(
        course.log[course.cycle_start :], key=lambda entry: np.nan_to_num(entry.validation_loss, nan=np.inf)
    )
    gap = best.validation_loss - best.train_loss
    if not course.expected_gain > max(MIN_GAIN, MIN_GAIN_PER_GAP * gap):
        return "The held-out loss has stopped improving."
    if config.max_epochs is not None:
        return (
            f"The limit of {config.max_epochs} epochs was reached."
            if course.epoch >= config.max_epochs
            else ""
        )
    if (course.epoch + _cycle_length(course.cycle + 1, steps_per_epoch)) * steps_per_epoch > MAX_STEPS:
        return f"The budget of {MAX_STEPS} steps was used; the held-out loss was still improving."
    return ""


def save_course(path: Path, identity: str, course: Course) -> None:
    """Write a checkpoint."""
    notes = course._asdict()
    states, log = notes.pop("states"), notes.pop("log")
    write_checkpoint(path, identity, [np.array(log), *map(np.asarray, jax.tree.leaves(states))], notes)


def load_course(path: Path, identity: str, start: Course) -> Course:
    """The course in a checkpoint; `start` where there is none.

    Raises:
        ValueError: if it is damaged, or of another key, configuration or data than `identity` says.
    """
    kept = read_checkpoint(path, identity)
    if kept is None:
        return start
    (log, *arrays), notes = kept
    leaves, structure = jax.tree.flatten(start.states)
    states = [jnp.asarray(array, leaf.dtype) for array, leaf in zip(arrays, leaves, strict=True)]
    return Course(
        jax.tree.unflatten(structure, states), tuple(EpochLog(*row) for row in log.tolist()), **notes
    )
