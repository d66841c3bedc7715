"""What EPI tells of its course, and of the density that it chose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inference.analysis.maximum_entropy import MaximumEntropy
from inference.methods.base import Variables
from inference.methods.emergent.course import Course, load_course
from inference.methods.emergent.epoch import Program

CONSTRAINT, STATISTIC = ("epoch", "seed", "constraint"), ("epoch", "seed", "statistic")
DIMENSIONS = {
    "entropy": ("epoch", "seed"),
    "passed": ("epoch", "seed"),
    "penalty": ("epoch", "seed"),
    "restarts": ("epoch", "seed"),
    "num_skipped": ("epoch", "seed"),
    "seconds": ("epoch",),
    "mean": STATISTIC,
    "sd": STATISTIC,
    "violation": CONSTRAINT,
    "p_value": CONSTRAINT,
    "eta": CONSTRAINT,
    "scale": CONSTRAINT,
    "draws": ("epoch", "seed", "epoch_draw", "parameter"),
}
CALLED = {"mean": "statistic_mean", "sd": "statistic_sd", "eta": "multiplier", "draws": "epoch_draws"}


def training_of(course: Course) -> Variables:
    """All that was recorded after each epoch of each seed."""
    return {CALLED.get(name, name): (dims, course.log[name]) for name, dims in DIMENSIONS.items()}


def read_training(folder: Path) -> Variables | None:
    """The same of a run that is still going on; None before its first epoch.

    Args:
        folder: of the run.

    Raises:
        ValueError: the checkpoint is damaged.
    """
    course = load_course(folder / "checkpoint" / "epi.npz")
    return None if course is None or not course.epoch else training_of(course)


def diagnostics_of(
    course: Course, program: Program, num_steps: int, reference: MaximumEntropy | None
) -> Variables:
    """About the chosen epoch of the chosen seed; violations are in units of the targets."""
    seed = course.chosen
    epoch = int(course.best_epoch[seed])
    chosen = {
        name: course.log[name][epoch, seed] for name in ("entropy", "mean", "sd", "violation", "p_value")
    }
    targets = program.targets
    steps = (course.epoch, num_steps, program.sizes.batch_size)
    scalars = {
        "chosen_seed": seed,
        "chosen_epoch": epoch,
        "passed": course.has_passed[seed],
        "num_passed_seeds": course.has_passed.sum(),
        "entropy": chosen["entropy"],
        "batch_size": program.sizes.batch_size,
        "score_share": program.score_share,
        "num_training_simulations": float(np.prod(steps, dtype=float) * len(course.best_score)),
        "num_restarts": course.num_restarts.sum(),
    }
    return {
        **{name: ((), np.asarray(value)) for name, value in scalars.items()},
        "target_mean": (("statistic",), targets.mean),
        "target_sd": (("statistic",), targets.sd),
        "statistic_mean": (("statistic",), chosen["mean"]),
        "statistic_sd": (("statistic",), chosen["sd"]),
        "violation": (("constraint",), chosen["violation"] / targets.unit),
        "p_value": (("constraint",), chosen["p_value"]),
        "first_pass": (("seed",), _first_pass(course)),
        "seed_entropy": (("seed",), np.where(course.has_passed, course.best_score, np.nan)),
        **_of_reference(reference),
    }


def _first_pass(course: Course) -> np.ndarray:
    """Number of the first epoch that passed, from 0; -1 where none did."""
    passed = course.log["passed"].astype(bool)
    return np.where(passed.any(axis=0), passed.argmax(axis=0), -1)


def _of_reference(reference: MaximumEntropy | None) -> Variables:
    if reference is None:
        return {}
    return {
        "greatest_entropy": ((), np.asarray(reference.entropy)),
        "greatest_entropy_draws": ((), np.asarray(reference.num_draws)),
        "greatest_entropy_effective": ((), np.asarray(reference.effective_draws)),
    }
