"""What the prior makes of a model's statistics, and whether a property can be had. No Panel in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from dashboard import estimate
from dashboard.words import count, number, unit
from inference.analysis.maximum_entropy import LEAST_EFFECTIVE, MaximumEntropy, maximum_entropy
from inference.goals import EmergentProperty, check_property
from inference.methods import METHODS
from simulators import Simulator, simulate_batch

FEWEST, MOST = 600, 20_000  # simulations from the prior
SECONDS = 3.0  # that they may take
HALF = 0.5  # of the prior predictive sd: what a target begins with


@dataclass(frozen=True, eq=False)
class Support:
    """Simulations from the prior.

    Attributes:
        simulator: the model.
        x: (n, num_features), NaN where a statistic is undefined.
        home: (num_features,) a value of each statistic to begin with; NaN where there is none.
        log_volume: of the prior's box; NaN where the prior is not uniform on a box.
    """

    simulator: Simulator
    x: Float[np.ndarray, "n num_features"]
    home: Float[np.ndarray, " num_features"]
    log_volume: float

    def column(self, name: str) -> Float[np.ndarray, " n"]:
        """One statistic."""
        return self.x[:, self.simulator.feature_names.index(name)]

    def unit(self, name: str) -> str:
        """Of one statistic, as people write it."""
        return unit(self.simulator.feature_units.get(name, ""))

    def undefined(self, name: str) -> float:
        """Share of the simulations in which a statistic is undefined; EPI cannot use it unless that is 0."""
        return float((~np.isfinite(self.column(name))).mean())

    def usual(self, name: str) -> tuple[float, float]:
        """Mean and sd at first: the model's own, else its built-in observation and half the prior's sd."""
        if name in self.simulator.targets:
            return self.simulator.targets[name]
        values = self.column(name)[np.isfinite(self.column(name))].astype(float)
        if not values.size:
            return 0.0, 1.0
        home = float(self.home[self.simulator.feature_names.index(name)])
        sd = float(values.std())
        return home if np.isfinite(home) else float(values.mean()), HALF * sd if sd > 0 else 1.0


class Hint(NamedTuple):
    """Whether a property can be had, in one sentence; "warning" where it seems that it cannot."""

    kind: str
    sentence: str


_NO_BOX = "The targets lie within what was simulated; no more is known where the prior is not uniform."


def why_none(simulator: Simulator) -> str:
    """Why no emergent property can be asked of a model, in one sentence; empty where one can."""
    epi = METHODS["epi"]
    try:
        epi.check(epi.config(), simulator)
    except ValueError as error:
        return str(error)
    return ""


@lru_cache(maxsize=16)
def support(simulator: Simulator) -> Support:
    """As many simulations from the prior as can be made in a few seconds.

    Raises:
        ValueError: the model's own targets are of statistics that it does not have, or no targets.
    """
    if simulator.targets:
        mean, sd = ({name: pair[k] for name, pair in simulator.targets.items()} for k in (0, 1))
        check_property(EmergentProperty(mean, sd), simulator)
    seconds = estimate.sample(simulator).seconds
    num = int(np.clip(SECONDS / max(seconds, 1e-9), FEWEST, MOST))
    x = np.asarray(simulate_batch(simulator, jax.random.key(2), num=num).x, float)
    x[~np.isfinite(x)] = np.nan
    return Support(simulator, x, _home(simulator), _log_volume(simulator))


def feasibility(found: Support, goal: EmergentProperty) -> Hint:
    """Whether some mixture of the simulations has the means and sds of a goal."""
    names, num = list(goal.mean), count(len(found.x), "simulation")
    for name in names:
        low, high = np.nanmin(found.column(name)), np.nanmax(found.column(name))
        if not low <= goal.mean[name] <= high:
            return Hint(
                "warning",
                f"No mixture of {num} has this mean: the target {_value(found, name, goal.mean[name])} of "
                f"{_called(name)} is beyond anything simulated ({number(float(low))} to "
                f"{number(float(high))} {found.unit(name)}".strip()
                + ").",
            )
    if not np.isfinite(found.log_volume):
        return Hint("state", _NO_BOX)
    solved = _solve(found, goal, names)
    if solved.effective_draws == 0:
        return Hint(
            "warning", f"No mixture of {num} has these means and sds: {_culprit(found, goal, names)}."
        )
    if solved.effective_draws < LEAST_EFFECTIVE:
        told = f"Only {solved.effective_draws:.0f} effective of {num} have this property"
        return Hint("state", f"{told}: it can be had, but is rare; by how much it narrows is not known.")
    narrowed = found.log_volume - solved.entropy
    return Hint(
        "state",
        f"{_spaced(solved.effective_draws)} effective of {num} have this property; it narrows the support by "
        f"about {number(narrowed, 2)} nats (to {number(100 * float(np.exp(-narrowed)), 2)} % of its volume).",
    )


def property_words(goal: EmergentProperty, units: Mapping[str, str]) -> str:
    """``"frequency 1 ± 0.1 Hz, real part 0 ± 0.25 1/s"``."""
    parts = (
        f"{_called(name)} {_typed(mean)} ± {_typed(goal.sd[name])} {unit(units.get(name, ''))}".strip()
        for name, mean in goal.mean.items()
    )
    return ", ".join(parts)


def _culprit(found: Support, goal: EmergentProperty, names: list[str]) -> str:
    """What cannot be had."""
    for name in names:
        if _solve(found, goal, [name]).effective_draws == 0:
            sd = _value(found, name, goal.sd[name])
            return (
                f"{_called(name)} cannot have a mean of {_typed(goal.mean[name])} with an sd of {sd}; "
                "another sd may do"
            )
    return "each statistic alone can be had, but not all of them together, or too rarely for so few"


def _solve(found: Support, goal: EmergentProperty, names: list[str]) -> MaximumEntropy:
    columns = np.stack([found.column(name) for name in names], axis=1)
    mean, sd = (np.array([part[name] for name in names]) for part in (goal.mean, goal.sd))
    return maximum_entropy(columns, mean, sd, log_volume=found.log_volume)


def _home(simulator: Simulator) -> np.ndarray:
    try:
        return np.asarray(simulator.default_observation().x, float)
    except ValueError:  # it has none
        return np.full(simulator.num_features, np.nan)


def _log_volume(simulator: Simulator) -> float:
    """NaN unless the log density is the same finite number wherever the prior draws."""
    prior = simulator.prior
    extent = prior.high - prior.low
    draws = prior.sample(jax.random.key(3), 50)
    density = np.asarray(prior.log_prob(draws), float)
    is_box = np.isfinite(extent).all() and np.ptp(density) < 1e-3
    return float(np.log(extent).sum()) if is_box else float("nan")


def _value(found: Support, name: str, value: float) -> str:
    return f"{_typed(value)} {found.unit(name)}".strip()


def _typed(value: float) -> str:
    """A number as a person typed it."""
    return f"{value:.4g}".replace("-", "−")


def _called(name: str) -> str:
    return name.replace("_", " ")


def _spaced(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")
