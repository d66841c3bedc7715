"""SMCABC: populations of parameters led from the prior to where simulations come near the observation.

Each generation proposes about the particles of the last one, keeps what all thresholds so far accept, takes
the nearest of that, and weighs it by prior over proposal. Thresholds follow from the quantile, scales of the
distance from the simulations of the generation itself; the proposals, Gaussian with a multiple of the
weighted covariance, live in the prior's unconstrained space. What the run ends with is an approximation with
a threshold above zero, as of rejection ABC, which more simulations make smaller.

References:
    Beaumont et al. 2009, Biometrika 96, 983; Toni et al. 2009, J. R. Soc. Interface 6, 187; Del Moral, Doucet
    and Jasra 2012, Stat. Comput. 22, 1009; Prangle 2017, Bayesian Anal. 12, 289 (adaptive distances).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
import numpy as np

from inference.drawn_posterior import DrawnPosterior
from inference.goals import Goal, observed
from inference.methods.abc.distance import is_usable
from inference.methods.abc.generations import NAME, Search
from inference.methods.abc.population import Population
from inference.methods.base import Method, MethodOutput, RunContext, Variables
from inference.methods.fields import check_settings, explained, setting
from inference.resampling import resampled
from simulators import Simulator
from simulators.simulate import joined


@explained
@dataclass(frozen=True)
class SMCABC:
    """Settings of sequential Monte Carlo ABC.

    Raises:
        ValueError: a value is outside its bounds, or the simulations are too few for one generation.
    """

    num_simulations: int = setting(
        100_000,
        "Simulations",
        "Of all generations together. More allow a smaller threshold.",
        bounds=(20, 100_000_000),
    )
    num_particles: int = setting(
        1_000,
        "Particles",
        "Size of each population, and number of draws in the end. Fewer allow more generations.",
        bounds=(10, 10_000),
    )
    num_seconds: float | None = setting(
        None,
        "Seconds",
        "Stop simulating after so long, and give the last full population; counted anew when a stopped "
        "run is resumed. Empty: no limit.",
        bounds=(0.01, 1e8),
        advanced=True,
    )
    quantile: float = setting(
        0.5,
        "Quantile",
        "Share of the accepted simulations of a generation that make up the population; with less the "
        "thresholds fall faster, at more simulations for each.",
        bounds=(0.05, 0.95),
        advanced=True,
    )
    kernel_scale: float = setting(
        2.0,
        "Kernel scale",
        "Covariance of the kernel that proposes, over that of the particles. Two suits few parameters "
        "(Beaumont et al. 2009); with ten, less keeps the weights more even, given many particles.",
        bounds=(0.05, 4.0),
        advanced=True,
    )
    min_acceptance: float = setting(
        0.01,
        "Least acceptance",
        "End when a smaller share of a generation's simulations is accepted: further ones gain little.",
        bounds=(0.0, 1.0),
        advanced=True,
    )
    adaptive_distance: bool = setting(
        default=True,
        label="Adaptive distance",
        explanation="Scale each feature by its spread in the generation itself (Prangle 2017) instead of "
        "that in simulations from the prior.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.num_wanted > self.num_simulations:
            raise ValueError(
                f"A generation of {self.num_particles} particles needs {self.num_wanted} accepted "
                f"simulations, and num_simulations is {self.num_simulations}; take fewer particles or "
                "more simulations."
            )

    @property
    def num_wanted(self) -> int:
        """Accepted simulations of a full generation, and simulations of a batch."""
        return int(np.ceil(self.num_particles / self.quantile))


def run(config: SMCABC, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Lead a population to the observation, as far as the budgets allow.

    Args:
        config: settings.
        simulator: the model.
        goal: an observation.
        context: key, progress and folder; a run that was stopped goes on after its last batch.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: there is no observation, or it is not finite; simulations are given, which this method has
            to make itself; none of the first is usable.
    """
    x_o = observed(goal, NAME)
    if context.simulations is not None:
        raise ValueError(
            f"{NAME} chooses its own parameters to simulate; for given simulations, use RejectionABC."
        )
    seconds = np.inf if config.num_seconds is None else config.num_seconds
    search = Search(config, simulator, x_o, context, time.monotonic() + seconds)
    for _ in range(config.num_simulations // config.num_particles):  # a generation needs more than that
        if not search.advance():
            break
    population = search.population
    assert population is not None
    rows = resampled(jax.random.fold_in(context.key, 1), population.weight, config.num_particles)
    stats = {"distance": population.distance[rows].astype(np.float32), "particle": rows}
    return MethodOutput(
        DrawnPosterior(population.theta[rows][None], simulator.prior, x_o),
        joined(search.batches),
        diagnostics=_findings(search, population),
        sample_stats={name: (("chain", "draw"), values[None]) for name, values in stats.items()},
    )


def _findings(search: Search, population: Population) -> Variables:
    simulations, generations = joined(search.batches), search.generations
    num = len(simulations)
    by_generation = {
        "generation_threshold": [one.threshold for one in generations],
        "generation_acceptance": [one.acceptance for one in generations],
        "generation_ess": [one.effective_number for one in generations],
        "generation_num_simulations": [one.num_simulations for one in generations],
    }
    numbers = {
        "num_simulations": num,
        "num_usable": int(is_usable(simulations).sum()),
        "num_not_finite": int((~simulations.is_finite).sum()),
        "num_unfinished": num - sum(one.num_simulations for one in generations),
        "effective_draws": population.effective_number,
        "abc_threshold": generations[-1].threshold,
        "acceptance_rate": generations[-1].acceptance,
        "num_not_begun": search.num_left if time.monotonic() >= search.ends else 0,
    }
    return {
        "distance_scale": (("feature",), search.rules[-1].distance.scale.astype(np.float32)),
        **{name: (("generation",), np.asarray(values)) for name, values in by_generation.items()},
        **{name: ((), np.asarray(value)) for name, value in numbers.items()},
    }


smc_abc = Method(
    "smc_abc",
    "Sequential Monte Carlo ABC (SMC-ABC): populations that come nearer",
    SMCABC,
    run,
    needs_observation=True,
    trains=False,
)
