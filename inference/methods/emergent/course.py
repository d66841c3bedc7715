"""The course of EPI between epochs: penalties, restarts, the best density so far, and when to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are imported when they are first used
from jaxtyping import Array, Bool, Float, Int, Key

from inference.checkpoint import read_checkpoint, write_checkpoint
from inference.methods.emergent.epoch import Look, SeedState

if TYPE_CHECKING:
    from inference.methods.epi import EPI

FAILED = -1e9  # score of a density that failed the test, less its violation
MOST_RESTARTS = 3
FAILURES = 2  # epochs that a seed may fail in a row after it has passed
LEAST_PER_PARAMETER = -8.0  # nats of entropy lost since the start, below which a flow has collapsed
RECORDED = ("entropy", "mean", "sd", "violation", "p_value", "passed", "num_skipped")
MORE_RECORDED = ("eta", "penalty", "scale", "restarts", "draws", "seconds")


class Course(NamedTuple):
    """Where a run stands between two epochs; this, and nothing else, is in a checkpoint.

    Attributes:
        states: of all seeds.
        norms: (seeds, sets) squared violations after the last epoch, in the unit in force.
        best_parameters: (seeds, k), of the passing epoch of the greatest entropy; of the least violation
            while none has passed.
        best_eta: (seeds, m) the multipliers with which it was learnt.
        best_score: (seeds,) that entropy; `FAILED` less that violation.
        best_epoch: (seeds,) numbered from 0.
        num_restarts: (seeds,).
        log: name -> (epochs, ...), see `History`.
    """

    states: SeedState
    norms: Float[np.ndarray, "seeds sets"]
    best_parameters: Float[np.ndarray, "seeds k"]
    best_eta: Float[np.ndarray, "seeds m"]
    best_score: Float[np.ndarray, " seeds"]
    best_epoch: Int[np.ndarray, " seeds"]
    num_restarts: Int[np.ndarray, " seeds"]
    log: dict[str, np.ndarray]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.log["entropy"])

    @property
    def has_passed(self) -> Bool[np.ndarray, " seeds"]:
        """Whether a seed has passed the test in any epoch."""
        return self.best_score > FAILED / 2

    @property
    def chosen(self) -> int:
        """The best seed."""
        return int(np.argmax(self.best_score))


def begin(states: SeedState, look: Look, config: EPI, unit: Float[np.ndarray, " m"]) -> Course:
    """Before the first epoch; `look` is at the initial flows."""
    num = len(np.asarray(states.penalty))
    scale = scale_of(look, config, unit)
    return Course(
        states._replace(scale=jnp.asarray(scale)),
        np.asarray(look.norms),
        np.asarray(states.parameters),
        np.asarray(states.eta),
        np.full(num, -np.inf),
        np.full(num, -1),
        np.zeros(num, int),
        {name: np.zeros((0,)) for name in (*RECORDED, *MORE_RECORDED)},
    )


def advance(
    course: Course,
    key: Key[Array, ""],
    after: tuple[SeedState, Look, float],
    config: EPI,
    unit: Float[np.ndarray, " m"],
) -> Course:
    """After an epoch: its states, the look at them, and its seconds; the key decides Welch's rule."""
    states, look, seconds = after
    score = _scores(look, unit)
    is_better = score > course.best_score
    now = (np.asarray(states.parameters), np.asarray(states.eta))
    before = (course.best_parameters, course.best_eta)
    best, best_eta = (np.where(is_better[:, None], *pair) for pair in zip(now, before, strict=True))
    course = course._replace(
        best_parameters=best,
        best_eta=best_eta,
        best_score=np.where(is_better, score, course.best_score),
        best_epoch=np.where(is_better, course.epoch, course.best_epoch),
        log=_logged(course, states, look, seconds),
    )
    penalty = _penalties(key, course, look, config)
    scale = np.minimum(scale_of(look, config, unit), np.asarray(states.scale))
    states = states._replace(penalty=jnp.asarray(penalty, jnp.float32), scale=jnp.asarray(scale))
    return _returned(course._replace(states=states, norms=np.asarray(look.norms)), config)


def since_pass(course: Course) -> int:
    """Epochs since the first one in which a seed passed; 0 before."""
    passed = course.log["passed"].astype(bool).any(axis=-1) if course.epoch else np.zeros(0, bool)
    return int(course.epoch - passed.argmax()) if passed.any() else 0


def collapsed(look: Look, first: Float[np.ndarray, " seeds"], dim: int) -> Bool[np.ndarray, " seeds"]:
    """Which seeds are lost: nothing finite, or far narrower than they started (entropy `first`)."""
    entropy = np.asarray(look.entropy)
    is_finite = np.isfinite(entropy) & np.isfinite(np.asarray(look.violation)).all(axis=1)
    return ~is_finite | (entropy < first + LEAST_PER_PARAMETER * dim)


def scale_of(look: Look, config: EPI, unit: Float[np.ndarray, " m"]) -> Float[np.ndarray, "seeds m"]:
    """The unit of each constraint in the penalty."""
    spread = np.asarray(look.spread)
    if config.scaling == "paper":
        return np.ones_like(spread)
    if config.scaling == "target":
        return np.broadcast_to(unit, spread.shape).astype(np.float32)
    return np.maximum(np.nan_to_num(spread, nan=0.0, posinf=0.0), unit).astype(np.float32)


def why_end(course: Course, config: EPI) -> str:
    """Why no further epoch follows, or an empty string."""
    if course.has_passed.any():
        if not config.raise_entropy:
            return "The constraints are met." if course.has_passed.all() else _at_limit(course, config)
        seeds = course.has_passed
        waited = course.epoch - 1 - course.best_epoch[seeds]
        gain = _gain(course, config.patience)
        if waited.min() >= config.patience or (gain is not None and gain < config.tolerance):
            return "The constraints are met and the entropy has stopped rising."
    return _at_limit(course, config)


def save_course(path: Path, identity: str, course: Course) -> None:
    """Write a checkpoint."""
    arrays = [np.asarray(leaf) for leaf in (*jax.tree.leaves(course.states), *course[1:7])]
    names = list(course.log)
    write_checkpoint(path, identity, [*arrays, *(course.log[name] for name in names)], {"log": names})


def load_course(path: Path, identity: str | None = None) -> Course | None:
    """The course in a checkpoint, of any work where no identity is given; None where there is none.

    Raises:
        ValueError: it is damaged, or of another key, configuration or goal than `identity` says.
    """
    kept = read_checkpoint(path, identity)
    if kept is None:
        return None
    arrays, notes = kept
    num = len(SeedState._fields)
    states = SeedState(*(jnp.asarray(array) for array in arrays[:num]))
    log = dict(zip(notes["log"], arrays[num + 6 :], strict=True))
    return Course(states, *arrays[num : num + 6], log=log)


def _at_limit(course: Course, config: EPI) -> str:
    return (
        f"The limit of {config.max_epochs} epochs was reached." if course.epoch >= config.max_epochs else ""
    )


def _gain(course: Course, patience: int) -> float | None:
    """By how much the best passing entropy rose in the last `patience` epochs; None before."""
    entropy = np.where(course.log["passed"].astype(bool), course.log["entropy"], -np.inf).max(axis=1)
    best = np.maximum.accumulate(entropy)
    if len(best) <= patience or not np.isfinite(best[-1 - patience]):
        return None
    return float(best[-1] - best[-1 - patience])


def _returned(course: Course, config: EPI) -> Course:
    """Seeds that had passed and have failed for some epochs since go back to where they were best."""
    if not config.raise_entropy or course.epoch < FAILURES:
        return course
    has_failed = ~course.log["passed"].astype(bool)[-FAILURES:].any(axis=0) & course.has_passed
    states, strayed = course.states, has_failed[:, None]
    parameters = jnp.where(strayed, course.best_parameters, states.parameters)
    eta = jnp.where(strayed, course.best_eta, states.eta)
    return course._replace(states=states._replace(parameters=parameters, eta=eta))


def _scores(look: Look, unit: Float[np.ndarray, " m"]) -> Float[np.ndarray, " seeds"]:
    worst = (np.abs(np.asarray(look.violation, float)) / unit).max(axis=1)
    score = np.where(np.asarray(look.passed), np.asarray(look.entropy, float), FAILED - worst)
    return np.where(np.isfinite(score), score, -np.inf)


def _logged(course: Course, states: SeedState, look: Look, seconds: float) -> dict[str, np.ndarray]:
    entry = {name: np.asarray(getattr(look, name)) for name in (*RECORDED, "draws")}
    before = course.states
    entry |= {"eta": np.asarray(states.eta), "penalty": np.asarray(before.penalty)}
    entry |= {"scale": np.asarray(before.scale), "restarts": course.num_restarts}
    entry["seconds"] = np.asarray(seconds)
    return {
        name: np.concatenate([kept, entry[name][None]])
        if len(kept := course.log[name])
        else entry[name][None]
        for name in course.log
    }


def _penalties(key: Array, course: Course, look: Look, config: EPI) -> Float[np.ndarray, " seeds"]:
    """Of the next epoch: grown where the violation has not shrunk enough; lower after the first pass."""
    penalty = np.asarray(course.states.penalty, float)
    is_late = course.has_passed & config.raise_entropy
    grows = _grows(key, course, np.asarray(look.norms, float), config)
    grown = np.where(grows, np.minimum(penalty * config.growth_factor, config.penalty_cap), penalty)
    return np.where(is_late, config.penalty_after, np.maximum(grown, penalty))


def _grows(
    key: Array, course: Course, norms: Float[np.ndarray, "seeds sets"], config: EPI
) -> Bool[np.ndarray, " seeds"]:
    """Whether the squared violation is not below `config.shrinkage` times what it was."""
    before = config.shrinkage * np.asarray(course.norms, float)
    if config.growth == "none":
        return np.zeros(len(norms), bool)
    if config.growth == "fixed":
        return norms.mean(axis=1) > before.mean(axis=1)
    t, p = scipy.stats.ttest_ind(norms, before, axis=1, equal_var=False)
    chance = np.asarray(jax.random.uniform(key, (len(norms),)))
    return (t > 0) & (chance < 1 - p / 2)
