"""Genetic: a search by an evolutionary algorithm, IBEA of BluePyOpt. What it gives is NOT a posterior.

The objectives are the distances of all features from the observation, in standard deviations of simulations
from the prior. IBEA selects by how much each parameter set improves on the others in some objective; the hall
of fame holds the sets with the smallest sum of distances. It is shown as draws are, to be compared with them;
but how far its points spread says nothing about uncertainty, and with a noisy simulator the best have been
lucky as well. Neurophysiologists fit models with it, and Goncalves et al. 2020 compare SNPE with it.

BluePyOpt (LGPL) is an optional extra. Its random numbers are those of Python's own generator, whose state is
put back afterwards. (Zitzler and Künzli 2004, PPSN VIII; Van Geit et al. 2016, Front. Neuroinform. 10, 17.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from inference.drawn_posterior import DrawnPosterior
from inference.goals import Goal, observed
from inference.methods.abc.distance import Distance, check_usable, fit_distance, is_usable
from inference.methods.abc.population import constrained, located
from inference.methods.base import Method, MethodOutput, RunContext, Variables
from inference.methods.fields import check_settings, explained, setting
from inference.progress import Progress
from inference.simulation_store import simulate_round
from simulators import Prior, Simulations, Simulator
from simulators.simulate import joined

NAME = "The genetic search"
WORST = 250.0  # standard deviations, for a feature that is not defined
TAILS = 0.001  # of the prior's mass beyond each side of the box, where the prior has no bound
NUM_PRIOR = 10_000  # draws that say where that is


@explained
@dataclass(frozen=True)
class Genetic:
    """Settings of the genetic search.

    Raises:
        ValueError: a value is outside its bounds, or the simulations are too few for two generations.
    """

    num_simulations: int = setting(
        10_000, "Simulations", "Of all generations together.", bounds=(20, 100_000_000)
    )
    num_offspring: int = setting(
        100,
        "Offspring",
        "Parameter sets of each generation; the first come from the prior.",
        bounds=(10, 10_000),
    )
    num_best: int = setting(
        10, "Hall of fame", "How many of the best parameter sets are kept and shown.", bounds=(1, 10_000)
    )
    num_seconds: float | None = setting(
        None,
        "Seconds",
        "End with the generation during which the time is over; counted anew when a stopped run is resumed. "
        "Empty: no limit.",
        bounds=(0.01, 1e8),
        advanced=True,
    )
    eta: float = setting(
        10.0,
        "Eta",
        "How near children stay to their parents: higher is nearer.",
        bounds=(0.1, 1_000.0),
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.num_simulations < 2 * self.num_offspring:
            raise ValueError(
                f"Two generations of {self.num_offspring} need {2 * self.num_offspring} simulations; got "
                f"num_simulations={self.num_simulations}."
            )


def check(config: Genetic, simulator: Simulator) -> None:
    """Whether BluePyOpt is there.

    Raises:
        ValueError: it is not.
    """
    del config, simulator
    if find_spec("bluepyopt") is None:
        raise ValueError(
            f"{NAME} needs BluePyOpt, which is not installed: pip install 'posterior-lab[baselines]', or "
            "pip install bluepyopt."
        )


@dataclass(eq=False)
class _Evaluation:
    """Simulates the parameter sets of a generation at once; each is kept as a round of simulations.

    Attributes:
        ends: when the time is over, by the monotonic clock.
        rounds: simulations so far. measure: distances, from the first of them.
        best: after each generation, the smallest sum of distances of all simulations so far.
    """

    config: Genetic
    simulator: Simulator
    x_o: np.ndarray
    context: RunContext
    ends: float
    rounds: list[Simulations] = field(default_factory=list)
    measure: Distance | None = None
    best: list[float] = field(default_factory=list)

    def first(self) -> Simulations:
        """Draws of the prior, those of the first round of SNPE."""
        simulations = self._simulate(jax.random.split(self.context.key, 4)[0], None)
        check_usable(simulations, NAME)
        self.measure = fit_distance(simulations.x[is_usable(simulations)], self.x_o)
        return simulations

    def map(self, evaluate: Callable, individuals: Iterable[list[float]]) -> list[list[float]]:
        """The objectives of individuals, in place of one call of `evaluate` for each."""
        del evaluate
        with _python_random():  # of which files and listeners may take some
            return self._objectives(individuals)

    def _objectives(self, individuals: Iterable[list[float]]) -> list[list[float]]:
        simulations = self.rounds[0]
        if self.best:  # the first have been simulated
            theta = inside(self.simulator.prior, list(individuals))
            simulations = self._simulate(jax.random.fold_in(self.context.key, len(self.rounds)), theta)
        assert self.measure is not None
        away = np.abs(self.measure.differences(simulations.x))
        objectives = np.where(is_usable(simulations)[:, None], np.minimum(away, WORST), WORST)
        self.best.append(min([float(objectives.sum(axis=1).min()), *self.best[-1:]]))
        self._tell()
        return objectives.tolist()

    def is_set(self) -> bool:
        """Whether the time is over: what BluePyOpt asks before each generation."""
        return time.monotonic() >= self.ends

    def _simulate(self, key: jax.Array, theta: np.ndarray | None) -> Simulations:
        number, num = len(self.rounds), self.config.num_offspring
        spent, words = number * num, f"Generation {number + 1}."

        def hear(event: Progress) -> None:
            message = event.message if not number else words
            total = self.config.num_simulations
            self.context.on_progress(replace(event, done=spent + event.done, total=total, message=message))

        context = replace(self.context, on_progress=hear)
        simulations = simulate_round(key, self.simulator, num, context, round=number, theta=theta)
        self.rounds.append(replace(simulations, round=np.full(len(simulations), number)))
        return self.rounds[-1]

    def _tell(self) -> None:
        done, total = sum(map(len, self.rounds)), self.config.num_simulations
        message = (
            f"Generation {len(self.rounds)}: the nearest simulation so far is {self.best[-1]:.3g} standard "
            "deviations away, summed over features."
        )
        self.context.on_progress(Progress("simulate", done, total, {"best": self.best[-1]}, message))


def run(config: Genetic, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Search for parameters whose features are those of the observation.

    Args:
        config: settings.
        simulator: the model.
        goal: an observation.
        context: key, progress and folder; a run that was stopped goes on after its last generation.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: BluePyOpt is missing; there is no observation, or it is not finite; simulations are given,
            which this method has to make itself; none of the first is usable.
    """
    check(config, simulator)
    x_o = observed(goal, NAME)
    if context.simulations is not None:
        raise ValueError(f"{NAME} chooses the parameters that it simulates; leave simulations out.")
    seconds = np.inf if config.num_seconds is None else config.num_seconds
    evaluation = _Evaluation(config, simulator, x_o, context, time.monotonic() + seconds)
    found = _evolved(evaluation)
    theta = inside(simulator.prior, [list(one) for one in found])
    sums = np.array([[one.fitness.sum for one in found]], np.float32)
    return MethodOutput(
        DrawnPosterior(theta[None], simulator.prior, x_o),
        joined(evaluation.rounds),
        diagnostics=_findings(evaluation, np.array([one.fitness.values for one in found])),
        sample_stats={"sum_of_distances": (("chain", "draw"), sums)},
    )


def inside(prior: Prior, rows: list[list[float]]) -> np.ndarray:
    """Parameter rows as they are simulated: float32, and moved into the support by rounding errors."""
    return np.asarray(constrained(prior, located(prior, np.asarray(rows, np.float32))[0]))


def _evolved(evaluation: _Evaluation) -> Any:
    """The hall of fame, best first."""
    optimisations, tools = (import_module(name) for name in ("bluepyopt.deapext.optimisations", "deap.tools"))
    config, key = evaluation.config, jax.random.fold_in(evaluation.context.key, 2**31)
    first = evaluation.first()
    with _python_random():
        search = optimisations.IBEADEAPOptimisation(
            evaluator=_problem(evaluation),
            seed=int(jax.random.bits(key, dtype="uint32")),
            offspring_size=config.num_offspring,
            eta=config.eta,
            map_function=evaluation.map,
            hof=tools.HallOfFame(config.num_best),
        )
        search.run(
            max_ngen=config.num_simulations // config.num_offspring,
            parent_population=np.asarray(first.theta, float).tolist(),
            terminator=evaluation,
        )
    return search.hof


def _problem(evaluation: _Evaluation) -> SimpleNamespace:
    """What BluePyOpt is told: parameters within a box, an objective for each feature."""
    objectives, parameters = (import_module(f"bluepyopt.{name}") for name in ("objectives", "parameters"))
    prior, key = evaluation.simulator.prior, jax.random.fold_in(evaluation.context.key, 2**30)
    tails = np.quantile(np.asarray(prior.sample(key, NUM_PRIOR), float), (TAILS, 1 - TAILS), axis=0)
    first = np.asarray(evaluation.rounds[0].theta, float)  # all of which the box has to hold
    lows = np.where(np.isfinite(prior.low), prior.low, np.minimum(tails[0], first.min(axis=0)))
    highs = np.where(np.isfinite(prior.high), prior.high, np.maximum(tails[1], first.max(axis=0)))
    return SimpleNamespace(
        objectives=[objectives.Objective(name) for name in evaluation.simulator.feature_names],
        params=[
            parameters.Parameter(name, bounds=[float(low), float(high)])
            for name, low, high in zip(prior.names, lows, highs, strict=True)
        ],
        init_simulator_and_evaluate_with_lists=evaluation.map,  # of one set; never called
    )


@contextmanager
def _python_random() -> Iterator[None]:
    """Puts the state of BluePyOpt's generator, which is Python's own, back afterwards."""
    generator = import_module("bluepyopt.deapext.optimisations").random
    state = generator.getstate()
    try:
        yield
    finally:
        generator.setstate(state)


def _findings(evaluation: _Evaluation, distances: np.ndarray) -> Variables:
    simulations = joined(evaluation.rounds)
    planned = evaluation.config.num_simulations // evaluation.config.num_offspring
    numbers = {
        "is_hall_of_fame": 1,
        "num_simulations": len(simulations),
        "num_usable": int(is_usable(simulations).sum()),
        "num_not_finite": int((~simulations.is_finite).sum()),
        "num_not_begun": (planned - len(evaluation.rounds)) * evaluation.config.num_offspring,
    }
    return {
        "generation_best": (("generation",), np.array(evaluation.best)),
        "best_distance": (("feature",), distances[0].astype(np.float32)),
        **{name: ((), np.asarray(value)) for name, value in numbers.items()},
    }


genetic = Method(
    "genetic",
    "Genetic search (IBEA of BluePyOpt): best sets, no posterior",
    Genetic,
    run,
    check,
    needs_observation=True,
    trains=False,
)
