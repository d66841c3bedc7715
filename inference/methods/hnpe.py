"""HNPE: hierarchical neural posterior estimation, for recordings that share some of their parameters.

Parameters that the prior marks as shared are the same for all observations; the others are each one's own.
The posterior of the first observation x_0, given it and the extra ones, is learnt in two factors,

    q(local of x_0 | shared, x_0) q(shared | x_0, {x_1 ... x_N}),

for every number of extras at once. The first factor serves every observation, so that the joint posterior
over the local parameters of all of them comes with it.

References:
    Rodrigues et al. 2021, HNPE: leveraging global parameters for neural posterior estimation, NeurIPS,
    arXiv:2102.06477; rounds as of `inference.methods.snpe`.
"""

from dataclasses import dataclass

import numpy as np

from inference.embeddings.spec import named_embedding
from inference.estimators.hierarchical import DENSITIES
from inference.estimators.hierarchy import AGGREGATORS
from inference.goals import Goal, Observation
from inference.hierarchical_posterior import HierarchicalPosterior, side_by_side
from inference.methods.base import Method, MethodOutput, RunContext
from inference.methods.fields import check_settings, explained, setting
from inference.methods.hierarchical.findings import narrowing
from inference.methods.hierarchical.variants import GroupVariant
from inference.methods.learner import Learner, is_sequential
from inference.methods.sequential.history import Campaign
from inference.methods.sequential.rounds import all_rounds, check_goal, findings
from inference.train import training_variables
from simulators import Simulations, Simulator

NUM_EXTRA = 9  # where neither the settings nor an observation say how many


@explained
@dataclass(frozen=True)
class HNPE(Learner):
    """Settings of hierarchical neural posterior estimation.

    Raises:
        ValueError: a value is outside its bounds or choices.
    """

    num_simulations: int = setting(
        10_000,
        "Groups",
        "How many groups of simulations to learn from in each round. A group is one draw of the shared "
        "parameters, with one simulation for the observation and one for each extra: with 9 extras, 10 000 "
        "groups are 100 000 simulations.",
        bounds=(100, 100_000_000),
    )
    num_extra: int | None = setting(
        None,
        "Most extras",
        "The largest number of extra observations to learn to use; any smaller number is answered too. "
        "Empty: as many as are given, or 9.",
        bounds=(0, 1_000),
    )
    num_rounds: int = setting(
        1,
        "Rounds",
        "One round gives an amortised posterior: other observations, and other extras, are answered at once. "
        "Further rounds simulate only where the posterior of the observation lies.",
        bounds=(1, 100),
    )
    aggregator: str = setting(
        "attention",
        "Aggregator",
        "How the extras are summarised. attention: a weighted average whose weights are learnt. mean: the "
        "plain mean of their features, as in the original code.",
        choices=AGGREGATORS,
    )
    estimator: str = setting(
        "nsf",
        "Density estimator",
        "Of the shared and of the local parameters. nsf: spline coupling flow, the sharpest. maf, coupling: "
        "affine flows; of a single parameter they are a Gaussian. mdn: a mixture of Gaussians. gaussian: a "
        "single one.",
        choices=tuple(DENSITIES),
    )
    variant: str = setting(
        "truncated",
        "Variant",
        "How later rounds allow for their proposal. truncated: simulate from the prior within the "
        "posterior's region, nothing to correct. C: correct the loss, as published.",
        choices=("truncated", "C"),
        applies=is_sequential,
    )
    num_atoms: int = setting(
        10,
        "Atoms",
        "Parameter sets among which a group's own must be recognised, with variant C.",
        bounds=(2, 1_000),
        group="Later rounds",
        advanced=True,
        applies=lambda values: is_sequential(values) and values.get("variant") == "C",
    )

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def members(self) -> int:
        """Ensemble members, chosen by the number of groups where `num_members` is None."""
        return self._members(self.num_simulations * self.num_rounds, self.estimator)

    @property
    def group_size(self) -> int:
        """Simulations of a group, as far as the settings say."""
        return 1 + (NUM_EXTRA if self.num_extra is None else self.num_extra)

    def extras_for(self, goal: Goal) -> int:
        """The largest number of extras to learn to use.

        Raises:
            ValueError: the observation has more.
        """
        given = len(np.asarray(goal.extra)) if isinstance(goal, Observation) and goal.extra is not None else 0
        most = self.num_extra if self.num_extra is not None else given or NUM_EXTRA
        if given > most:
            raise ValueError(
                f"The observation has {given} extras, but num_extra={most}: give num_extra={given}, or leave "
                "it empty."
            )
        return most


def check(config: HNPE, simulator: Simulator) -> None:
    """Whether the settings can work with a simulator.

    Raises:
        ValueError: the prior marks no parameter as shared, or all of them; or an embedding that the features
            do not suit.
    """
    prior = simulator.prior
    num_shared = len(prior.shared_positions)
    if num_shared in (0, prior.dim):
        found = "all parameters as shared" if num_shared else "no parameter as shared"
        raise ValueError(
            f"HNPE needs parameters that observations share beside others that they do not, but the prior of "
            f"'{simulator.name}' marks {found}: mark some by Prior(..., shared=(...)), or use SNPE."
        )
    named_embedding(config.embedding, simulator.feature_shapes)


def run(config: HNPE, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Simulate groups, train, and give the posterior.

    Args:
        config: settings.
        simulator: the model, with a prior that marks shared parameters.
        goal: an observation with its extras, or None for an amortised posterior without one (one round).
        context: key, progress, folder, and simulations for the first round: groups one after the other.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: settings and model do not go together; an observation misses a feature that simulations
            never miss; several rounds without an observation; too few simulations are valid; training never
            got finite.
    """
    check(config, simulator)
    check_goal(config, goal)
    most = config.extras_for(goal)
    x_o = extra = whole = None
    num_observed = 1 + most
    if isinstance(goal, Observation):
        x_o = np.asarray(goal.x, np.float32)
        extra = np.zeros((0, len(x_o)), np.float32) if goal.extra is None else np.asarray(goal.extra)
        whole, num_observed = side_by_side(x_o, extra, most), 1 + len(extra)
    campaign = Campaign(config, simulator, whole, context.key, most)
    variant = GroupVariant(config, num_observed)
    bank, rounds = all_rounds(campaign, variant, context)
    prior = simulator.prior
    posterior = HierarchicalPosterior(rounds[-1].posterior, prior, x_o, extra, is_amortised=len(rounds) == 1)
    amortised = HierarchicalPosterior(rounds[0].posterior, prior, x_o, extra)
    return MethodOutput(
        posterior,
        _first_ones_first(bank.simulations, campaign.group_size),
        training_variables([done.record for done in rounds]),
        variant.held_out(campaign, bank, rounds),
        {**findings(campaign, bank, rounds), **narrowing(campaign.key_of(0).change, amortised)},
    )


def _first_ones_first(simulations: Simulations, size: int) -> Simulations:
    """The first of all groups, whose parameters are independent, then the second ones, and so on."""
    return simulations.select(np.arange(len(simulations)).reshape(-1, size).T.ravel())


hnpe = Method(
    "hnpe", "Hierarchical neural posterior estimation (HNPE)", HNPE, run, check, extras_for=HNPE.extras_for
)
