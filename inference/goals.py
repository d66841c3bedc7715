"""What a run is asked to explain: an observation, or an emergent property."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike, Float

from simulators import Simulator
from simulators.registry import unknown_name


@dataclass(frozen=True, eq=False)
class Observation:
    """The features of one recording, and optionally of further recordings that share parameters with it.

    Attributes:
        x: (num_features,) as float32, in the simulator's feature order and units. NaN stays NaN.
        extra: (N, num_features) as float32, or None.

    Raises:
        ValueError: if `x` is not one row of numbers, or the rows of `extra` are not as long as `x`.
    """

    x: ArrayLike
    extra: ArrayLike | None = None

    def __post_init__(self):
        x = np.asarray(self.x, np.float32)
        if x.ndim != 1 or x.size == 0:
            raise ValueError(
                f"An observation is one row of features, shape (num_features,); got shape {x.shape}."
            )
        object.__setattr__(self, "x", x)
        if self.extra is None:
            return
        extra = np.asarray(self.extra, np.float32)
        if extra.ndim != 2 or extra.shape[1] != x.size:
            raise ValueError(
                f"`extra` holds further observations, shape (N, {x.size}) like x; got shape {extra.shape}."
            )
        object.__setattr__(self, "extra", extra)


@dataclass(frozen=True)
class EmergentProperty:
    """Target means and standard deviations of named statistics of the simulator.

    Attributes:
        mean: feature name -> target mean, in the feature's unit.
        sd: feature name -> target standard deviation, the same names, all positive.

    Raises:
        ValueError: if the names differ, none is given, or an sd is not positive.
    """

    mean: Mapping[str, float]
    sd: Mapping[str, float]

    def __post_init__(self):
        if not self.mean or set(self.mean) != set(self.sd):
            raise ValueError(
                "An emergent property needs a mean and an sd for the same, at least one, statistics; "
                f"got means of {sorted(self.mean)} and sds of {sorted(self.sd)}."
            )
        for name, value in (*self.mean.items(), *self.sd.items()):
            if not np.isfinite(value):
                raise ValueError(f"The targets of '{name}' must be finite numbers; got {value!r}.")
        wrong = {name: value for name, value in self.sd.items() if not value > 0}
        if wrong:
            raise ValueError(f"The sd of a statistic must be above zero; got {wrong}.")


Goal = Observation | EmergentProperty | None


def check_property(goal: EmergentProperty, simulator: Simulator) -> None:
    """Raise ValueError, in one sentence, unless the simulator has all statistics of a goal."""
    for name in goal.mean:
        if name not in simulator.feature_names:
            raise ValueError(
                unknown_name(f"statistic of '{simulator.name}' called", name, list(simulator.feature_names))
            )


def as_goal(goal: "Goal | ArrayLike") -> Goal:
    """The goal as its type: a bare array is an `Observation`, everything else is left as it is."""
    if goal is None or isinstance(goal, Observation | EmergentProperty):
        return goal
    return Observation(goal)


def observed(goal: "Goal", method: str) -> Float[np.ndarray, " num_features"]:
    """The features of an observation, for a method that needs one and all of its features.

    Args:
        goal: of the run.
        method: as it is called in error messages.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: there is no observation, or it misses a feature.
    """
    if isinstance(goal, EmergentProperty):
        raise TypeError(f"{method} explains an observation; an emergent property needs the method EPI.")
    if goal is None:
        raise ValueError(f"{method} samples the posterior of one observation; give one, or run SNPE.")
    x_o = np.asarray(goal.x, np.float32)
    if not np.isfinite(x_o).all():
        raise ValueError(
            f"The observation has {int((~np.isfinite(x_o)).sum())} features that are not finite; "
            f"{method} needs all of them."
        )
    return x_o
