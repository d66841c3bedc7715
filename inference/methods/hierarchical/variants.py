"""The variants of SNPE for groups of recordings: the same proposals, another density and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inference.estimators import DensityEstimator
from inference.estimators.hierarchy import HierarchySpec
from inference.methods.sequential.bank import Bank
from inference.methods.sequential.history import Campaign, Round
from inference.methods.sequential.starting import new_estimator
from inference.methods.sequential.variants import VARIANTS, Variant, from_last, worth_training_on
from inference.objectives import EnsembleLoss, Objective, Rows, make_rows
from inference.objectives_hierarchical import HierarchicalLoss
from inference.proposals import Proposal
from inference.train import TrainingProblem
from simulators import Simulations

if TYPE_CHECKING:
    from inference.methods.hnpe import HNPE

MOST_SCALED = 200_000  # recordings that scalings are fitted on


@dataclass(frozen=True)
class GroupVariant:
    """A variant for groups.

    In a truncated round the first recording's local parameters are from the region around its own posterior,
    those of the extras from the prior: the local density is told which (`HierarchySpec.is_cut`), and so stays
    right for all recordings.

    Attributes:
        config: settings.
        num_observed: recordings of the observation; without one, of a whole group.
    """

    config: HNPE
    num_observed: int

    @property
    def base(self) -> Variant:
        """The variant whose proposals these are."""
        return VARIANTS[self.config.variant]

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        """See `Variant.propose`."""
        return self.base.propose(campaign, rounds)

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        """See `Variant.problem`; as there, a truncated round in which every row is kept learns on."""
        weight = self._weight(campaign, bank, rounds)
        is_held_out = bank.by_group(bank.is_held_out)[:, 0]
        training, validation = (np.flatnonzero((weight > 0) & part) for part in (~is_held_out, is_held_out))
        recordings = np.flatnonzero(np.repeat((weight > 0) & ~is_held_out, campaign.group_size))
        recordings = recordings[bank.is_usable[recordings]]
        spread = recordings[:: -(-len(recordings) // MOST_SCALED)]
        estimator = new_estimator(campaign, bank, spread, len(rounds), hierarchy=self._hierarchy(campaign))
        rows = _rows(bank, training, weight), _rows(bank, validation, weight)
        problem = TrainingProblem(estimator, *rows, self._objective(campaign, rounds))
        if self._is_atomic or (weight > 0).sum() < bank.by_group(bank.is_usable)[:, 0].sum():
            return problem
        return from_last(problem, rounds)

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        """See `Variant.finish`."""
        return estimator

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        """See `Variant.looked_at`; a correction by atoms needs nothing more."""
        return done if self._is_atomic else self.base.looked_at(campaign, bank, done)

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        """See `Variant.capacity`."""
        return self.base.capacity(campaign, bank)

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        """See `Variant.held_out`: x of as many recordings as were observed, the others NaN."""
        usable = bank.by_group(bank.is_usable & bank.is_held_out)[:, 0]
        number = bank.by_group(bank.simulations.round)[:, 0]
        if self._is_atomic:
            usable = usable & (number == 0)
        else:
            usable = usable & worth_training_on(campaign, bank.u[bank.is_first], rounds[:-1])
        groups = np.flatnonzero(usable)
        groups = groups[np.argsort(-number[groups], kind="stable")]
        first = bank.simulations.select(groups * campaign.group_size)
        x = _sets(bank)[groups]
        x[:, self.num_observed :] = np.nan
        return Simulations(
            first.theta, x.reshape(len(x), -1), first.is_valid, first.round,
            first.parameter_names, first.feature_names, first.proposal,
        )  # fmt: skip

    @property
    def _is_atomic(self) -> bool:
        return self.config.variant == "C"

    def _hierarchy(self, campaign: Campaign) -> HierarchySpec:
        config = self.config
        return HierarchySpec(
            campaign.simulator.prior.shared_positions,
            campaign.num_extra,
            config.estimator,
            config.aggregator,
            is_cut=config.num_rounds > 1 and not self._is_atomic and campaign.num_extra > 0,
        )

    def _objective(self, campaign: Campaign, rounds: list[Round]) -> Objective:
        atoms = self.config.num_atoms if rounds and self._is_atomic else 0
        loss = HierarchicalLoss(campaign.group_size, self.num_observed, jnp.asarray(not rounds), atoms)
        return EnsembleLoss(loss) if self.config.members > 1 else loss

    def _weight(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Float[np.ndarray, " groups"]:
        """Of each group: in the first round the share of its recordings that may take the first one's place.

        Later only the first itself may, and in truncated rounds only from within the regions.
        """
        usable = bank.by_group(bank.is_usable)
        if not rounds:
            return usable.mean(axis=1).astype(np.float32)
        is_kept: Bool[np.ndarray, " groups"] = usable[:, 0]
        if not self._is_atomic:
            is_kept = is_kept & worth_training_on(campaign, bank.u[bank.is_first], rounds)
        return is_kept.astype(np.float32)


def _sets(bank: Bank) -> Float[np.ndarray, "groups recordings num_features"]:
    """The features of all recordings, NaN where one is of no use."""
    return bank.by_group(np.where(bank.is_usable[:, None], bank.x, np.nan).astype(np.float32))


def _rows(bank: Bank, groups: np.ndarray, weight: np.ndarray) -> Rows:
    num = len(groups)
    return make_rows(
        bank.by_group(bank.u)[groups].reshape(num, -1),
        _sets(bank)[groups].reshape(num, -1),
        weight=weight[groups],
        log_prior=bank.by_group(bank.log_prior)[groups, 0],
        round=bank.by_group(bank.simulations.round)[groups, 0],
    )
