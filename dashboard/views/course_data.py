"""The course of EPI: what each epoch of each seed led to, from a result or from a run that goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from dashboard.views.groups import group

NONE = -1


class Course(NamedTuple):
    """Per epoch and seed.

    Attributes:
        entropy: (epochs, seeds) nats. passed: (epochs, seeds) whether all constraints were met.
        violation: (epochs, seeds, constraints), in units of the targets: sd, and sqrt(2) sd^2 of a variance.
        draws: (epochs, seeds, n, dim), or None.
        constraints: what is constrained.
        seed, epoch: the chosen ones, from 0; `NONE` while nothing is chosen.
        greatest: the greatest entropy that any distribution with the property has; NaN where unknown.
        score_share: how much of the gradient of the constraints was the score's; 0 while that is not told.
    """

    entropy: Float[np.ndarray, "epochs seeds"]
    passed: Bool[np.ndarray, "epochs seeds"]
    violation: Float[np.ndarray, "epochs seeds constraints"]
    draws: Float[np.ndarray, "epochs seeds n dim"] | None
    constraints: tuple[str, ...]
    seed: int = NONE
    epoch: int = NONE
    greatest: float = float("nan")
    score_share: float = 0.0

    @property
    def num_epochs(self) -> int:
        """How many have ended."""
        return len(self.entropy)

    @property
    def num_seeds(self) -> int:
        """How many flows are trained beside each other."""
        return self.entropy.shape[1]

    @property
    def worst(self) -> Float[np.ndarray, "epochs seeds"]:
        """The largest violation of all constraints, without its sign."""
        return np.abs(self.violation).max(axis=2)

    @property
    def leading(self) -> int:
        """The chosen seed, or the best one so far."""
        if self.seed != NONE:
            return self.seed
        last = np.where(self.passed, self.entropy, -np.inf)
        best = last.max(axis=0, initial=-np.inf)
        return int(np.argmax(best)) if np.isfinite(best).any() else int(np.argmin(self.worst[-1]))


def is_of_property(tree: xr.DataTree) -> bool:
    """Whether a result is of an emergent property."""
    return "target_mean" in group(tree, "diagnostics")


def read_course(tree: xr.DataTree) -> Course | None:
    """The course in a result's tree; None where it holds none."""
    trained, found = group(tree, "training"), group(tree, "diagnostics")
    if not is_of_property(tree) or "violation" not in trained:
        return None
    variables = {str(name): np.asarray(values.values) for name, values in trained.data_vars.items()}
    names = tuple(map(str, found["statistic"].values))
    course = _course(variables, np.asarray(found["target_sd"].values, float), names)
    greatest = float(found["greatest_entropy"]) if "greatest_entropy" in found else float("nan")
    share = float(found["score_share"]) if "score_share" in found else 0.0  # of old results: slopes alone
    chosen = {"seed": int(found["chosen_seed"]), "epoch": int(found["chosen_epoch"])}
    return course._replace(**chosen, greatest=greatest, score_share=share)


def live_course(
    variables: Mapping[str, tuple[Sequence[str], Any]], sd: Mapping[str, float], feature_names: Sequence[str]
) -> Course:
    """The course of a run that goes on.

    Args:
        variables: as `read_training` gives them.
        sd: the targets of the request.
        feature_names: of the simulator, in whose order the statistics are.
    """
    names = tuple(name for name in feature_names if name in sd)
    values = {name: np.asarray(found) for name, (_, found) in variables.items()}
    return _course(values, np.array([sd[name] for name in names]), names)


def target_units(sd: Float[np.ndarray, " p"]) -> Float[np.ndarray, " m"]:
    """The unit of each constraint: those of the means first."""
    return np.concatenate([sd, np.sqrt(2) * sd**2])


def _course(variables: Mapping[str, np.ndarray], sd: np.ndarray, names: Sequence[str]) -> Course:
    draws = variables.get("epoch_draws")
    return Course(
        np.asarray(variables["entropy"], float),
        np.asarray(variables["passed"], bool),
        np.asarray(variables["violation"], float) / target_units(sd),
        None if draws is None else np.asarray(draws, float),
        tuple(f"{moment} of {name}" for moment in ("mean", "variance") for name in names),
    )
