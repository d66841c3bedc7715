"""RejectionABC: simulate from the prior, and keep the parameters whose features came near the observation.

The draws are exact ones of the posterior of "the features lie within the threshold of x_o". They become the
posterior of x_o itself as the threshold falls, at a cost that rises with the power of the number of features
that matter. (Tavaré et al. 1997, Genetics 145, 505; Pritchard et al. 1999, Mol. Biol. Evol. 16, 1791.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from inference.drawn_posterior import MOST_DRAWS, DrawnPosterior
from inference.goals import Goal, observed
from inference.methods.abc.distance import Distance, check_usable, fit_distance, is_usable
from inference.methods.abc.regression import adjust
from inference.methods.base import Method, MethodOutput, RunContext, Variables
from inference.methods.fields import check_settings, explained, setting
from inference.resampling import effective_number, resampled
from inference.simulation_store import simulate_round
from simulators import Prior, Simulations, Simulator

NAME = "Rejection ABC"


@explained
@dataclass(frozen=True)
class RejectionABC:
    """Settings of rejection ABC.

    Raises:
        ValueError: a value is outside its bounds.
    """

    num_simulations: int = setting(
        100_000,
        "Simulations",
        "Drawn from the prior. More allow a smaller threshold.",
        bounds=(10, 100_000_000),
    )
    keep_share: float = setting(
        0.01,
        "Share to keep",
        "Share of the usable simulations, those nearest to the observation, whose parameters are kept.",
        bounds=(1e-7, 1.0),
        applies=lambda values: values.get("epsilon") is None,
    )
    epsilon: float | None = setting(
        None,
        "Threshold",
        "Keep what lies within this distance instead: root mean square over the features, each in standard "
        "deviations of the simulations from the prior. Empty: by the share to keep.",
        bounds=(1e-6, 1e3),
        advanced=True,
    )
    num_seconds: float | None = setting(
        None,
        "Seconds",
        "Stop simulating after so long, and make do with what there is; counted anew when a stopped run is "
        "resumed. Empty: no limit.",
        bounds=(0.01, 1e8),
        advanced=True,
    )
    regression_adjustment: bool = setting(
        default=False,
        label="Regression adjustment",
        explanation="Move what was kept to where a linear regression on the features puts it at the "
        "observation (Beaumont et al. 2002): sharper where the posterior moves linearly with the features.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)


class Accepted(NamedTuple):
    """Rows (n, dim) of parameters, weights and distances (n,)."""

    theta: np.ndarray
    weight: np.ndarray
    distance: np.ndarray


def run(config: RejectionABC, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Simulate, and keep what is near.

    Args:
        config: settings.
        simulator: the model.
        goal: an observation.
        context: key, progress, folder and simulations to use; the simulations are those of the first round of
            SNPE with the same key.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: there is no observation, or it is not finite; no simulation is usable, or near enough.
    """
    x_o = observed(goal, NAME)
    simulate_key = jax.random.split(context.key, 4)[0]  # as SNPE, to share what was simulated
    num_not_begun, simulations = 0, context.simulations
    if simulations is None:
        num = config.num_simulations
        simulations = simulate_round(
            simulate_key, simulator, num, context, round=0, num_seconds=config.num_seconds
        )
        num_not_begun = num - len(simulations)
    check_usable(simulations, NAME)
    usable = simulations.select(is_usable(simulations))
    measure = fit_distance(usable.x, x_o)
    near = _nearest(config, usable, measure)
    accepted = Accepted(usable.theta[near], np.ones(len(near)), measure(usable.x[near]))
    if config.regression_adjustment:
        accepted = _adjusted(simulator.prior, accepted, measure.differences(usable.x[near]))
    kept = accepted if len(near) <= MOST_DRAWS else Accepted(*(values[:MOST_DRAWS] for values in accepted))
    if config.regression_adjustment:
        rows = resampled(jax.random.fold_in(context.key, 1), kept.weight, len(kept.weight))
        kept = Accepted(*(values[rows] for values in kept))
    return MethodOutput(
        DrawnPosterior(kept.theta[None], simulator.prior, x_o),
        simulations,
        diagnostics={
            **_findings(simulations, accepted, measure),
            "num_not_begun": ((), np.asarray(num_not_begun)),
        },
        sample_stats={"distance": (("chain", "draw"), kept.distance[None].astype(np.float32))},
    )


def _nearest(config: RejectionABC, usable: Simulations, measure: Distance) -> np.ndarray:
    """Rows that are accepted, in the order of their simulation."""
    distance = measure(usable.x)
    threshold = config.epsilon
    if threshold is None:
        num = int(np.ceil(config.keep_share * len(usable)))
        threshold = np.partition(distance, num - 1)[num - 1]
    near = np.flatnonzero(distance <= threshold)
    if not len(near):
        raise ValueError(
            f"No simulation came within epsilon={threshold:g} of the observation; the nearest is at "
            f"{distance.min():.3g}: choose a larger one, leave it empty, or simulate more."
        )
    return near


def _adjusted(prior: Prior, accepted: Accepted, differences: np.ndarray) -> Accepted:
    u = np.asarray(jax.jit(prior.to_unconstrained)(jnp.asarray(accepted.theta)))
    moved, weight = adjust(u, differences, accepted.distance)
    theta = jax.jit(prior.from_unconstrained)(jnp.asarray(moved, jnp.float32))
    return accepted._replace(theta=np.asarray(theta), weight=weight)


def _findings(simulations: Simulations, accepted: Accepted, measure: Distance) -> Variables:
    num = len(simulations)
    numbers = {
        "num_simulations": num,
        "num_usable": int(is_usable(simulations).sum()),
        "num_not_finite": int((~simulations.is_finite).sum()),
        "num_accepted": len(accepted.theta),
        "acceptance_rate": len(accepted.theta) / num,
        "effective_draws": effective_number(accepted.weight),
        "abc_threshold": float(accepted.distance.max()),
    }
    return {
        "distance_scale": (("feature",), measure.scale.astype(np.float32)),
        **{name: ((), np.asarray(value)) for name, value in numbers.items()},
    }


rejection_abc = Method(
    "rejection_abc",
    "Rejection ABC: keep what comes near",
    RejectionABC,
    run,
    needs_observation=True,
    trains=False,
)
