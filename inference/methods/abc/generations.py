"""The generations of SMC-ABC: simulate until enough is accepted, select the nearest, weigh them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from inference.methods.abc.distance import Distance, check_usable, fit_distance, is_usable
from inference.methods.abc.population import Population, constrained, located, weighted
from inference.methods.base import RunContext
from inference.progress import Progress
from inference.simulation_store import simulate_round
from simulators import Simulations, Simulator
from simulators.simulate import joined

if TYPE_CHECKING:
    from inference.methods.smc_abc import SMCABC

NAME = "SMC-ABC"


class Rule(NamedTuple):
    """Accepts rows whose distance is at most the threshold."""

    distance: Distance
    threshold: float


class Batch(NamedTuple):
    """Simulations of one generation, and which of them all rules accept."""

    simulations: Simulations
    u: np.ndarray
    log_prior: np.ndarray
    is_accepted: np.ndarray


class Generation(NamedTuple):
    """What diagnostics tell of a full generation."""

    threshold: float
    acceptance: float
    effective_number: float
    num_simulations: int


@dataclass(eq=False)
class Search:
    """One run: what it was asked for, and what it has reached.

    Every batch is kept in the run folder as a round of simulations, from which a run that was stopped goes
    the same way again.

    Attributes:
        config, simulator, x_o, context: as the method was given them.
        ends: when the time is over, by the monotonic clock.
        population: of the last full generation; None before the first.
        rules: that accept, of all generations. generations: what they came to.
        batches: everything that was simulated.
    """

    config: SMCABC
    simulator: Simulator
    x_o: np.ndarray
    context: RunContext
    ends: float = np.inf
    population: Population | None = None
    rules: list[Rule] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    batches: list[Simulations] = field(default_factory=list)

    @property
    def num_left(self) -> int:
        """Simulations that the budget still allows."""
        return self.config.num_simulations - sum(map(len, self.batches))

    @property
    def is_over(self) -> bool:
        """Whether a budget is used up."""
        return self.num_left <= 0 or time.monotonic() >= self.ends

    def advance(self) -> bool:
        """One more generation; whether there should be another."""
        batch = self._simulated()
        num = self._num_kept(int(batch.is_accepted.sum()))
        if not num:
            return False
        self._select(batch, num)
        self._tell()
        return not self.is_over and self.generations[-1].acceptance >= self.config.min_acceptance

    def _num_kept(self, num_accepted: int) -> int:
        """Particles of the next population; none if too few were accepted for a smaller threshold."""
        num = self.config.num_particles
        if self.population is None:  # whatever there is
            return min(num, int(np.ceil(self.config.quantile * num_accepted)))
        return num if num_accepted > num else 0

    def _simulated(self) -> Batch:
        """Batches until enough is accepted, or a budget is used up."""
        found = [self._batch()]
        while not self.is_over and sum(one.is_accepted.sum() for one in found) < self.config.num_wanted:
            found.append(self._batch())
        simulations = joined([one.simulations for one in found])
        if self.population is None:
            check_usable(simulations, NAME)
        return Batch(simulations, *map(np.concatenate, zip(*(one[1:] for one in found), strict=True)))

    def _batch(self) -> Batch:
        number, num = len(self.batches), min(self.config.num_wanted, self.num_left)
        first_key, later_key = jax.random.split(self.context.key, 4)[:2]  # the first as SNPE, to share them
        propose_key, simulate_key = jax.random.split(jax.random.fold_in(later_key, number))
        simulations = simulate_round(
            simulate_key if number else first_key,
            self.simulator,
            num,
            self._heard(),
            round=number,
            theta=None if self.population is None else self._proposed(propose_key, num),
            num_seconds=None if np.isinf(self.ends) else max(self.ends - time.monotonic(), 0.0),
        )
        simulations = replace(simulations, round=np.full(len(simulations), len(self.generations)))
        self.batches.append(simulations)
        u, log_prior = (np.asarray(part, float) for part in located(self.simulator.prior, simulations.theta))
        return Batch(simulations, u, log_prior, self._accepts(simulations))

    def _proposed(self, key: Array, num: int) -> np.ndarray:
        assert self.population is not None
        u = self.population.propose(key, num)
        return np.asarray(constrained(self.simulator.prior, u.astype(np.float32)))

    def _accepts(self, simulations: Simulations) -> np.ndarray:
        accepted = is_usable(simulations)
        for rule in self.rules:
            accepted &= rule.distance(simulations.x) <= rule.threshold  # False for NaN
        return accepted

    def _select(self, batch: Batch, num: int) -> None:
        """The nearest of what was accepted become the population."""
        usable = is_usable(batch.simulations)
        is_new = self.config.adaptive_distance or not self.rules
        measure = fit_distance(batch.simulations.x[usable], self.x_o) if is_new else self.rules[0].distance
        rows = np.flatnonzero(batch.is_accepted)
        distance = measure(batch.simulations.x[rows])
        nearest = np.argsort(distance, kind="stable")[:num]
        rows, distance = rows[nearest], distance[nearest]
        log_weight = np.zeros(num)
        if self.population is not None:
            log_weight = batch.log_prior[rows] - self.population.log_density(batch.u[rows])
        weight = weighted(log_weight)
        self.population = Population(
            batch.simulations.theta[rows], batch.u[rows], weight, distance, self.config.kernel_scale
        )
        self.rules.append(Rule(measure, float(distance.max())))
        share = float(batch.is_accepted.mean())
        worth, total = self.population.effective_number, len(batch.simulations)
        self.generations.append(Generation(self.rules[-1].threshold, share, worth, total))

    def _heard(self) -> RunContext:
        """The context, whose listener is told of the whole run."""
        number, total = len(self.generations), self.config.num_simulations
        spent, words = total - self.num_left, f"Generation {number + 1}."

        def hear(event: Progress) -> None:
            message = f"{words} {event.message}".strip() if number == 0 else words
            self.context.on_progress(replace(event, done=spent + event.done, total=total, message=message))

        return replace(self.context, on_progress=hear)

    def _tell(self) -> None:
        last, total = self.generations[-1], self.config.num_simulations
        values = {"threshold": last.threshold, "acceptance": last.acceptance, "ess": last.effective_number}
        message = (
            f"Generation {len(self.generations)} is done: threshold {last.threshold:.3g}, "
            f"{100 * last.acceptance:.3g} % accepted, worth {last.effective_number:.0f} draws."
        )
        self.context.on_progress(Progress("simulate", total - self.num_left, total, values, message))
