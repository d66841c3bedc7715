"""EPI: the widest distribution of parameters whose simulations have given means and standard deviations.

Maximise the entropy of a flow over the parameters, subject to the first two moments of statistics of the
simulations, by an augmented Lagrangian; gradients run through the simulator, or are the score's where it has
none. The parts are in `emergent/`.

Entropy is that of the density over the parameters in their own units, with respect to the uniform measure on
the support of the prior: of the prior nothing but its support matters. Where the support has no bounds and
the statistics leave a parameter free, there is no greatest entropy; give such a parameter bounds.

The defaults differ from the paper, whose settings `EPI.paper()` gives. Multipliers follow the violation in
every step rather than after each epoch (Platt and Barr 1988), constraints are weighed by their current
spread, the flow starts nearly uniform, its couplings stretch along a few directions besides, and training
goes on after the constraints are met, as long as that raises the entropy.

References:
    Bittner et al. 2021, eLife 10:e56265; Platt and Barr 1988, Constrained differential optimization, NIPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from inference.checkpoint import fingerprint
from inference.goals import EmergentProperty, Goal, check_property
from inference.methods.base import Method, MethodOutput, RunContext
from inference.methods.emergent.findings import diagnostics_of, training_of
from inference.methods.emergent.population import find_particles, first_particles, is_rare
from inference.methods.emergent.program import gradient_of, make_program
from inference.methods.emergent.reference import greatest_entropy, simulate_support
from inference.methods.emergent.training import Trainer
from inference.methods.fields import check_settings, explained, setting
from inference.property_posterior import PropertyPosterior
from simulators import Simulator


@explained
@dataclass(frozen=True)
class EPI:
    """Settings of emergent property inference.

    Raises:
        ValueError: a value is outside its bounds or choices.
    """

    num_seeds: int = setting(
        3,
        "Seeds",
        "Flows trained side by side from different starts; the one of the greatest entropy that meets the "
        "constraints is taken.",
        bounds=(1, 100),
    )
    max_epochs: int = setting(40, "Most epochs", "Training usually ends itself before.", bounds=(1, 10_000))
    num_steps: int = setting(
        500, "Steps per epoch", "Optimiser steps between two looks at the constraints.", bounds=(1, 100_000)
    )
    batch_size: int | None = setting(
        None,
        "Batch size",
        "Draws, each simulated once, per step; empty: 200, or fewer where memory is short.",
        bounds=(4, 100_000),
        advanced=True,
    )
    estimator: str = setting(
        "coupling",
        "Density estimator",
        "coupling: affine, fast. spline: bends more, about three times as slow.",
        choices=("coupling", "spline"),
    )
    raise_entropy: bool = setting(
        default=True,
        label="Raise the entropy",
        explanation="Go on after the constraints are met, with a lower penalty, while the entropy rises.",
    )
    tolerance: float = setting(
        0.1,
        "Smallest gain",
        "Nats by which the entropy must rise within the patience for training to go on.",
        bounds=(0.0, 100.0),
        advanced=True,
        group="Course",
    )
    patience: int = setting(
        6,
        "Patience",
        "Epochs over which that gain is measured.",
        bounds=(1, 1_000),
        advanced=True,
        group="Course",
    )
    scaling: str = setting(
        "spread",
        "Weighing of constraints",
        "spread: by the standard deviation of each under the current density. target: by its target. paper: "
        "in the raw units of the statistics.",
        choices=("spread", "target", "paper"),
        advanced=True,
        group="Course",
    )
    multipliers: str = setting(
        "steps",
        "Multipliers follow",
        "steps: a little in every step. epochs: after each epoch, by the penalty times the violation.",
        choices=("steps", "epochs"),
        advanced=True,
        group="Course",
    )
    multiplier_rate: float = setting(
        0.1,
        "Multiplier rate",
        "Of a multiplier in one step, per violation in the unit of the constraint.",
        bounds=(1e-5, 10.0),
        advanced=True,
        group="Course",
        applies=lambda values: values.get("multipliers") == "steps",
    )
    gradient: str = setting(
        "auto",
        "Gradient of the constraints",
        "pathwise: through the simulator. score: of the density alone, which needs no derivative of the "
        "simulator. both: half of each, for statistics that are flat in places. auto: both where flows start "
        "from particles, score where the simulator has no derivative, else pathwise.",
        choices=("auto", "pathwise", "score", "both"),
        advanced=True,
        group="Course",
    )
    penalty: float | None = setting(
        None,
        "Penalty",
        "Weight c of the squared violations at the start; empty: 10, or 30 for more than 250 parameters.",
        bounds=(1e-6, 1e8),
        advanced=True,
        group="Course",
    )
    penalty_after: float = setting(
        3.0,
        "Penalty afterwards",
        "Weight c once the constraints have been met, while the entropy is raised.",
        bounds=(1e-6, 1e8),
        advanced=True,
        group="Course",
        applies=lambda values: bool(values.get("raise_entropy", True)),
    )
    growth: str = setting(
        "fixed",
        "Growth of the penalty",
        "When the squared violation has not shrunk enough: fixed: always. welch: if a test of 200 samples "
        "says so, as in the paper. none: never.",
        choices=("fixed", "welch", "none"),
        advanced=True,
        group="Course",
    )
    growth_factor: float = setting(
        1.5,
        "Growth factor",
        "By which the penalty grows.",
        bounds=(1.0, 100.0),
        advanced=True,
        group="Course",
    )
    shrinkage: float = setting(
        0.25,
        "Enough",
        "Share of the squared violation of the epoch before that is low enough for no growth.",
        bounds=(0.0, 1.0),
        advanced=True,
        group="Course",
    )
    penalty_cap: float = setting(
        100.0,
        "Highest penalty",
        "A high penalty meets the constraints soonest, with a density that is far too narrow.",
        bounds=(1e-6, 1e12),
        advanced=True,
        group="Course",
    )
    test_size: int = setting(
        200,
        "Draws of a test mean",
        "200 means of so many draws must lie on both sides of each target; fewer are more lenient.",
        bounds=(2, 100_000),
        advanced=True,
        group="Course",
    )
    accuracy: float = setting(
        0.15,
        "Accuracy",
        "Largest violation that passes besides the test of means, in target sds (of a variance in those of a "
        "Gaussian). The test alone is lenient where a statistic has heavy tails.",
        bounds=(1e-3, 1e6),
        advanced=True,
        group="Course",
    )
    initialisation: str = setting(
        "auto",
        "Start",
        "near-identity: nearly uniform. gaussian: 10 000 steps towards a Gaussian around the centre. "
        "particles: fitted to parameters that simulating alone has led to the property, where it gets there. "
        "auto: particles if fewer than one in a thousand simulations from the prior is near the property, "
        "else near-identity.",
        choices=("auto", "near-identity", "gaussian", "particles"),
        advanced=True,
        group="Network",
    )
    num_layers: int = setting(
        3, "Flow layers", "Couplings of the flow.", bounds=(1, 20), advanced=True, group="Network"
    )
    depth: int = setting(
        2, "Hidden layers", "Of the network in each coupling.", bounds=(1, 10), advanced=True, group="Network"
    )
    width: int | None = setting(
        None,
        "Hidden units",
        "Per hidden layer; empty: 50 for up to 8 parameters, else 100.",
        bounds=(1, 4096),
        advanced=True,
        group="Network",
    )
    maps: str = setting(
        "auto",
        "Maps between couplings",
        "linear: trainable, P L U. permutation: fixed. auto: permutations for more than 100 parameters."
        " Linear ones are slow then.",
        choices=("auto", "linear", "permutation"),
        advanced=True,
        group="Network",
    )
    rank: int | None = setting(
        None,
        "Directions",
        "Along which a coupling stretches besides, linear in the parameters that it keeps; 0 is a plain real "
        "NVP. Empty: 4 for up to 400 parameters, else 0.",
        bounds=(0, 32),
        advanced=True,
        group="Network",
        applies=lambda values: values.get("estimator") == "coupling",
    )
    linear_skip: bool = setting(
        default=True,
        label="Linear shift",
        explanation="Add a dense linear map to the shift of each coupling, whose network is narrow.",
        advanced=True,
        group="Network",
        applies=lambda values: values.get("estimator") == "coupling",
    )
    num_bins: int = setting(
        8,
        "Spline bins",
        "Bins of each spline.",
        bounds=(2, 128),
        advanced=True,
        group="Network",
        applies=lambda values: values.get("estimator") == "spline",
    )
    learning_rate: float | None = setting(
        None,
        "Learning rate",
        "At the start of each epoch; empty: 0.002, and less for more than 250 parameters.",
        bounds=(1e-6, 0.1),
        advanced=True,
        group="Course",
    )
    final_share: float = setting(
        0.1,
        "Final learning rate",
        "Share of the learning rate that is left at the end of an epoch; 1 keeps it constant.",
        bounds=(0.0, 1.0),
        advanced=True,
        group="Course",
    )
    annealing: float | None = setting(
        None,
        "Annealing",
        "Factor of the learning rate in each epoch after the constraints have been met for the first time; "
        "empty: 0.85 for up to 8 parameters, else 0.93.",
        bounds=(0.01, 1.0),
        advanced=True,
        group="Course",
        applies=lambda values: bool(values.get("raise_entropy", True)),
    )
    num_reference: int = setting(
        100_000,
        "Reference draws",
        "Uniform draws, where the support is a box, from which the greatest entropy of all distributions is "
        "computed; it is told where enough of them count. 0 leaves it out.",
        bounds=(0, 100_000_000),
        advanced=True,
        group="Course",
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @classmethod
    def paper(cls, **changes: Any) -> EPI:
        """The paper's algorithm; penalty, growth factor, batch and epoch sizes depend on the problem."""
        settings = {
            "scaling": "paper", "multipliers": "epochs", "growth": "welch", "growth_factor": 4.0,
            "penalty_cap": 1e12, "initialisation": "gaussian", "raise_entropy": False, "rank": 0,
            "linear_skip": False, "maps": "linear", "learning_rate": 1e-3, "final_share": 1.0, "penalty": 1.0,
            "accuracy": 1e6, "gradient": "pathwise",
        }  # fmt: skip
        return cls(**{**settings, **changes})


def check(config: EPI, simulator: Simulator) -> None:
    """Whether the simulator is compiled with the flow, and whether there are the gradients asked for.

    Raises:
        ValueError: it is a black box; or its gradients mean nothing, and the score's are not taken.
    """
    if simulator.function is not None:
        raise ValueError(
            f"EPI simulates within its compiled steps, and the black box '{simulator.name}' is called row by "
            "row from outside; use SNPE with the target means as the observation, or write it in JAX."
        )
    if not simulator.differentiable and gradient_of(config, simulator) != "score":
        raise ValueError(
            f"This follows gradients through the simulator, and '{simulator.name}' has none; set gradient to "
            "'score' or 'auto', or use SNPE with the target means as the observation."
        )


def run(config: EPI, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Learn the distribution of the greatest entropy with an emergent property.

    Args:
        config: settings.
        simulator: written in JAX.
        goal: target means and sds of some of its features.
        context: key, progress and folder; a run that was stopped goes on after its last epoch.

    Raises:
        TypeError: the goal is no emergent property.
        ValueError: the simulator is a black box, or has not the statistics; a statistic is undefined in
            simulations from the prior.
    """
    check(config, simulator)
    if not isinstance(goal, EmergentProperty):
        raise TypeError(
            "EPI needs an emergent property: EmergentProperty(mean={...}, sd={...}) of statistics."
        )
    check_property(goal, simulator)
    train_key, support_key, reference_key, flow_key = jax.random.split(context.key, 4)
    support = simulate_support(support_key, simulator, goal, context)
    words = np.asarray(jax.random.key_data(context.key))
    identity = fingerprint(words, config, sorted(goal.mean.items()), sorted(goal.sd.items()))
    first = first_particles(support, simulator, goal)
    is_auto = config.initialisation == "auto"
    is_led = config.initialisation == "particles" or (is_auto and is_rare(first, len(goal.mean)))
    program = make_program(flow_key, config, simulator, goal, is_led=is_led)
    led_key = jax.random.fold_in(support_key, 1)
    particles = find_particles(led_key, program, first, context.on_progress) if is_led else None
    course, reason = Trainer(train_key, config, program, context, identity, particles).train()
    flow = program.flow.with_vector(jnp.asarray(course.best_parameters[course.chosen]))
    reference = greatest_entropy(reference_key, program, config.num_reference, context.on_progress)
    return MethodOutput(
        PropertyPosterior(flow, simulator.prior),
        support,
        training=training_of(course),
        diagnostics=diagnostics_of(course, program, config.num_steps, reference),
    )


epi = Method(
    "epi",
    "Emergent property inference (EPI)",
    EPI,
    run,
    check,
    goal="property",
)
