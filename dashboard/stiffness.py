"""How exactly parameters must be set, and what is left of a model's behaviour when they are shuffled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Float

from dashboard.background import Gathering
from dashboard.views.draws import PosteriorDraws
from dashboard.views.feature_data import read_features
from inference.analysis import (
    Importance,
    Subspace,
    active_subspace,
    conditional_entropies,
    density_gradients,
    importance_from,
    shuffled_marginals,
)
from inference.drawn_posterior import AnyPosterior
from simulators import Simulator

NUM_HELD, NUM_SLOPES = 100, 1_000  # draws at which the others are held; at which slopes are taken
STEEPEST = 0.05  # share of the draws whose slopes are left out of the directions
NUM_SHUFFLED, CHUNK = 400, 50  # simulations of either kind; of them at once
SECONDS = 0.6  # between two pictures


class Found(NamedTuple):
    """What there is to see of a posterior's stiffness.

    Attributes:
        entropies: of each parameter with all others held, at each draw so far.
        importance: how narrow each parameter is with all others held, averaged over them, and on its own.
        subspace: directions along which the log density changes, in sds of the posterior; None: not yet.
        ranges: lower and upper end of each parameter, of which widths are shares.
    """

    entropies: Float[np.ndarray, "num dim"]
    importance: Importance
    subspace: Subspace | None
    ranges: Float[np.ndarray, "dim 2"]

    @property
    def num(self) -> int:
        """Draws at which the others have been held."""
        return len(self.entropies)

    @property
    def alone(self) -> Float[np.ndarray, " dim"]:
        """Width of the marginal, as a share of the range."""
        return np.exp(self.importance.marginal - self.importance.flat)


class Stiffness(Gathering[Found | None]):
    """Holds the others at draw after draw, then looks for directions; see `Gathering`.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
    """

    failure = "There is no spectrum"

    def __init__(self, draws: PosteriorDraws, load: Callable[[], AnyPosterior]) -> None:
        super().__init__()
        self.draws, self._load = draws, load
        self.num = min(NUM_HELD, len(draws))

    def begin(self) -> None:
        """Or go on."""
        self._go_on()

    def is_whole(self, found: Found | None) -> bool:
        """Whether the others have been held at all draws, and there are directions."""
        return found is not None and found.num >= self.num and found.subspace is not None

    def _more(self, so_far: Found | None) -> Found:
        posterior = self._load()
        if so_far is not None and so_far.num >= self.num:
            return so_far._replace(subspace=self._subspace(posterior))
        rows, ranges = self.draws.values, np.stack(self.draws.whole_range, axis=1)
        known = [] if so_far is None else list(so_far.entropies)
        until = time.perf_counter() + SECONDS
        while len(known) < self.num:
            num = len(known)
            known.append(conditional_entropies(posterior, rows[num : num + 1], ranges)[0])
            if time.perf_counter() > until or not self.is_running:
                break
        entropies = np.stack(known)
        return Found(entropies, importance_from(entropies, rows[:NUM_HELD], ranges), None, ranges)

    def _subspace(self, posterior: AnyPosterior) -> Subspace:
        slopes, sd = density_gradients(posterior, self.draws.values[:NUM_SLOPES]).rows, self.draws.middle[1]
        return active_subspace(without_steepest(slopes, sd), sd)


class Counted(NamedTuple):
    """Simulations so far, of draws as they are and of shuffled ones.

    Attributes:
        num: of either kind.
        valid: valid ones.
        distance: sum of the distances of the valid ones to the observation, in sds of the prior's.
        measured: how many have a distance.
    """

    num: int = 0
    valid: tuple[float, float] = (0.0, 0.0)
    distance: tuple[float, float] = (0.0, 0.0)
    measured: tuple[float, float] = (0.0, 0.0)

    @property
    def shares(self) -> tuple[float, float]:
        """Of valid ones, 0 to 1: as they are, shuffled."""
        return self.valid[0] / max(self.num, 1), self.valid[1] / max(self.num, 1)

    @property
    def errors(self) -> tuple[float, float]:
        """Standard errors of the shares."""
        one, other = (float(np.sqrt(p * (1 - p) / max(self.num, 1))) for p in self.shares)
        return one, other

    @property
    def distances(self) -> tuple[float, float]:
        """Mean distances; NaN where there are none."""
        one, other = (
            total / num if num else np.nan for total, num in zip(self.distance, self.measured, strict=True)
        )
        return one, other


class Shuffling(Gathering[Counted]):
    """Simulates draws and shuffled draws, some at a time; see `Gathering`.

    Args:
        tree: of a result with an observation and predictions.
        draws: of the posterior.
        drive: gives the simulator; called in the background.
    """

    failure = "Nothing could be simulated"

    def __init__(self, tree: xr.DataTree, draws: PosteriorDraws, drive: Callable[[], Simulator]) -> None:
        super().__init__()
        self.draws, self._drive = draws, cache(drive)  # one simulator, so that it is compiled once
        self.num, self.found = min(NUM_SHUFFLED, len(draws) // CHUNK * CHUNK), Counted()
        features = read_features(tree)
        self.observed = None if features is None else features.observed
        prior = None if features is None else features.prior
        self.scale = None if prior is None else np.nanstd(np.asarray(prior, float), axis=0)

    def begin(self) -> None:
        """Or go on."""
        if self.observed is None:
            self.problem = "There is no observation to compare simulations with."
        else:
            self._go_on()

    def is_whole(self, found: Counted) -> bool:
        """Whether all have been simulated."""
        return found.num >= self.num

    def _more(self, so_far: Counted) -> Counted:
        rows = self.draws.values[so_far.num : so_far.num + CHUNK]
        simulator, observed = self._drive(), np.asarray(self.observed)
        found = shuffled_marginals(
            jax.random.key(so_far.num), simulator, rows, observed, num=CHUNK, scale=self.scale
        )
        both = found.joint, found.shuffled
        valid = [one.valid * one.num for one in both]
        known = [num if np.isfinite(one.distance) else 0.0 for num, one in zip(valid, both, strict=True)]
        distance = [num * one.distance if num else 0.0 for num, one in zip(known, both, strict=True)]
        return Counted(
            so_far.num + both[0].num,
            (so_far.valid[0] + valid[0], so_far.valid[1] + valid[1]),
            (so_far.distance[0] + distance[0], so_far.distance[1] + distance[1]),
            (so_far.measured[0] + known[0], so_far.measured[1] + known[1]),
        )


def without_steepest(slopes: Float[np.ndarray, "n dim"], sd: Float[np.ndarray, " dim"]) -> np.ndarray:
    """Rows but the steepest 5 %: next to a bound a density may fall as steeply as it likes."""
    steep = np.linalg.norm(slopes * sd, axis=1)
    return slopes[steep <= np.nanquantile(steep, 1 - STEEPEST)]


def words_of(vector: np.ndarray, names: Mapping[int, str], *, most: int = 3) -> str:
    """The parameters that a direction mixes most: "0.81 g_Na − 0.52 g_K"."""
    order = [k for k in np.argsort(-np.abs(vector))[:most] if abs(vector[k]) > 0.15]
    parts = [f"{'−' if vector[k] < 0 else '+'} {abs(vector[k]):.2f} {names[int(k)]}" for k in order]
    return " ".join(parts).removeprefix("+ ")
