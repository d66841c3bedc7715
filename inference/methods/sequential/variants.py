"""How the variants of SNPE differ: where a round simulates, what it trains on, how it is corrected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inference import gaussians
from inference.estimators import DensityEstimator
from inference.estimators.bayesian import BayesianMDN
from inference.estimators.corrected import CorrectedMixture
from inference.estimators.mixtures import MixtureEstimator
from inference.methods.sequential.bank import Bank
from inference.methods.sequential.history import Campaign, Round
from inference.methods.sequential.kernel import calibration_kernel
from inference.methods.sequential.starting import new_estimator
from inference.methods.sequential.targets import one_gaussian, target_at
from inference.objectives import (
    AtomicLoss,
    Bounds,
    EnsembleLoss,
    Objective,
    TruncatedLoss,
    make_rows,
    negative_log_prob,
)
from inference.objectives_mixtures import ProposalPosteriorLoss, VariationalLoss
from inference.proposals import (
    EstimatedPosterior,
    Proposal,
    TiltedPrior,
    TruncatedPrior,
    highest_density_region,
    tilt_towards,
)
from inference.train import TrainingProblem
from simulators import Simulations

LARGE_REGION = 0.1  # share of the prior: above, a truncation keeps training on the rows outside too
LATER_CYCLE = 2  # of the training schedule, with which an estimator that has learnt before begins


@runtime_checkable
class Variant(Protocol):
    """One of A, B, C, truncated."""

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        """Where the next round simulates."""
        ...

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        """What the next estimator is trained on."""
        ...

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        """The posterior that a trained estimator stands for."""
        ...

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        """The round with what the next ones need of it."""
        ...

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        """Rows that the largest training will have."""
        ...

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        """Rows that no training saw, from what the last estimator takes for its prior."""
        ...


class _Truncated:
    """Later rounds simulate from the prior within the posterior's region; rows of all rounds are learnt from.

    While the regions are large, no posterior near the observation reaches their edge and the plain loss is
    right there; else the loss allows for the edge. Measured with 2 x 5 000 simulations of the benchmark's
    "Gaussian linear uniform" task: without the rows outside a region that held much of the prior, C2ST was
    0.59; with them as good as in a single round. The last estimator learns on; with new weights the second of
    two rounds of two moons took 155 epochs instead of 60 and was no better.
    """

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        return TruncatedPrior(campaign.simulator.prior, _regions(rounds))

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        if campaign.config.estimator == "bayesian_mdn":
            rows = bank.is_usable & worth_training_on(campaign, bank.u, rounds) & _newest(bank)
            return _learning_on(campaign, bank, rows, rounds)
        objective = negative_log_prob if _are_large(campaign, rounds) else _within(campaign, rounds)
        problem = _problem(campaign, bank, bank.is_usable, len(rounds), objective)
        return from_last(problem, rounds)

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        return estimator

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        if done.number + 1 >= campaign.config.num_rounds:
            return done
        assert campaign.x_o is not None
        region = highest_density_region(campaign.key_of(done.number).change, done.posterior, campaign.x_o)
        return replace(
            done, region=region, share_of_prior=float(region.contains(campaign.prior_draws).mean())
        )

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        return _all_rows(campaign, bank)

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        if campaign.config.estimator != "bayesian_mdn":
            return _of_first_round(bank)
        rows = bank.is_usable & bank.is_held_out & worth_training_on(campaign, bank.u, rounds[:-1])
        return _newest_first(bank, rows)


class _Weighted:
    """B: later rounds simulate from the heavy-tailed estimate; rows are weighted by prior over proposal."""

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        return self._proposal(campaign, rounds[-1])

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        weight = self._weights(campaign, bank, rounds)
        if campaign.config.estimator == "bayesian_mdn":
            return _learning_on(campaign, bank, bank.is_usable & _newest(bank), rounds, weight)
        return _problem(campaign, bank, bank.is_usable, len(rounds), negative_log_prob, weight)

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        return estimator

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        return done

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        return _all_rows(campaign, bank)

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        return _of_first_round(bank)

    def _proposal(self, campaign: Campaign, done: Round) -> EstimatedPosterior:
        assert campaign.x_o is not None
        prior, share = campaign.simulator.prior, campaign.config.prior_share
        return EstimatedPosterior(prior, done.posterior, campaign.x_o, share, is_heavy=True)

    def _weights(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Float[np.ndarray, " n"]:
        """Prior over the mixture of all rounds' proposals, of mean one, times the calibration kernel.

        An estimator that learns on sees only the newest round, whose own proposal then counts.
        """
        if not rounds:
            return np.ones(len(bank.u), np.float32)
        number, learns_on = len(rounds), campaign.config.estimator == "bayesian_mdn"
        first = number if learns_on else 0
        shares = np.array([(bank.simulations.round == r).mean() for r in range(number + 1)])
        parts = []
        for r in range(first, number + 1):
            log_p = bank.log_prior if r == 0 else self._proposal(campaign, rounds[r - 1]).log_prob(bank.u)
            parts.append(log_p + np.log(shares[r] / shares[first:].sum()))
        log_weight = bank.log_prior - np.logaddexp.reduce(parts, axis=0)
        used = bank.is_usable & (_newest(bank) if learns_on else True)
        weight = np.where(used & np.isfinite(log_weight), np.exp(np.minimum(log_weight, 80.0)), 0.0)
        if campaign.config.calibration_kernel != "none":
            weight = weight * calibration_kernel(campaign, bank, weight)
        return (weight / weight[used].mean()).astype(np.float32)


class _Corrected:
    """C: the loss is that of the posterior under the rows' own proposal."""

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        done, prior = rounds[-1], campaign.simulator.prior
        assert campaign.x_o is not None
        if done.tilt is None:
            return EstimatedPosterior(prior, done.posterior, campaign.x_o)
        return TiltedPrior(prior, done.tilt, target_at(campaign, done))

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        config, number = campaign.config, len(rounds)
        objective: Objective = negative_log_prob
        if rounds and _is_closed_form(campaign):
            flat = gaussians.flat(campaign.simulator.prior.dim)
            tilts = [flat, *(done.tilt for done in rounds if done.tilt is not None)]
            tilts += [flat] * (config.num_rounds - len(tilts))  # one compiled shape for all rounds
            objective = ProposalPosteriorLoss(gaussians.stacked(tilts))
        elif rounds:
            objective = AtomicLoss(config.num_atoms, config.combined_loss)
        return _problem(campaign, bank, bank.is_usable, number, objective)

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        return estimator

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        if done.number + 1 >= campaign.config.num_rounds or not _is_closed_form(campaign):
            return done
        return replace(done, tilt=tilt_towards(target_at(campaign, done), campaign.prior_draws))

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        return _all_rows(campaign, bank)

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        return _of_first_round(bank)


class _Divided:
    """A: each round learns the proposal's posterior, which is divided by the proposal's tilt afterwards.

    One Gaussian until the last round, then the mixture. Each round begins with new weights, scaled to its
    own simulations; copies of the Gaussian, as published, stayed together in trainings of this length.
    """

    def propose(self, campaign: Campaign, rounds: list[Round]) -> Proposal:
        done = rounds[-1]
        assert done.tilt is not None
        return TiltedPrior(campaign.simulator.prior, done.tilt, one_gaussian(target_at(campaign, done)))

    def problem(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> TrainingProblem:
        number, config = len(rounds), campaign.config
        is_last = number + 1 == config.num_rounds
        first = replace(campaign, config=replace(config, estimator="gaussian"))
        learner = campaign if is_last else first
        return _problem(learner, bank, bank.is_usable & _newest(bank), number, negative_log_prob)

    def finish(
        self, campaign: Campaign, estimator: DensityEstimator, rounds: list[Round]
    ) -> DensityEstimator:
        if not rounds:
            return estimator
        assert isinstance(estimator, MixtureEstimator)
        tilt = rounds[-1].tilt
        assert tilt is not None
        corrected = CorrectedMixture.of(estimator, tilt)
        if not bool(corrected.is_proper_at(jnp.asarray(campaign.x_o))):
            raise ValueError(
                f"Variant A failed in round {len(rounds) + 1}: the estimate divided by the proposal is not a "
                "density (a precision is not positive definite). Use variant B, C or truncated, or fewer "
                "rounds with more simulations each."
            )
        return corrected

    def looked_at(self, campaign: Campaign, bank: Bank, done: Round) -> Round:
        if done.number + 1 >= campaign.config.num_rounds:
            return done
        target = one_gaussian(target_at(campaign, done))
        return replace(done, tilt=tilt_towards(target, campaign.prior_draws))

    def capacity(self, campaign: Campaign, bank: Bank) -> int:
        return campaign.config.num_simulations

    def held_out(self, campaign: Campaign, bank: Bank, rounds: list[Round]) -> Simulations | None:
        return _of_first_round(bank) if len(rounds) == 1 else None


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {"truncated": _Truncated(), "A": _Divided(), "B": _Weighted(), "C": _Corrected()}
)


def worth_training_on(
    campaign: Campaign, u: Float[np.ndarray, "n dim"], rounds: list[Round]
) -> Bool[np.ndarray, " n"]:
    """Rows inside all regions; every row while the regions are so large that their edge would cost more.

    Either is right at the observation, whose posterior lies inside.
    """
    if _are_large(campaign, rounds):
        return np.ones(len(u), bool)
    return TruncatedPrior(campaign.simulator.prior, _regions(rounds)).contains(u)


def _are_large(campaign: Campaign, rounds: list[Round]) -> bool:
    """Whether the regions so far hold much of the prior, as does no region at all."""
    truncated = TruncatedPrior(campaign.simulator.prior, _regions(rounds))
    return bool(truncated.contains(campaign.prior_draws).mean() > LARGE_REGION)


def _within(campaign: Campaign, rounds: list[Round]) -> TruncatedLoss:
    """For rows within the regions of the rounds before theirs; as many regions as there will ever be.

    Those to come are stood in for by the last one: no row lies in them, and nothing is compiled anew.
    """
    regions = _regions(rounds)
    regions += regions[-1:] * (campaign.config.num_rounds - 1 - len(regions))
    return TruncatedLoss(
        tuple(
            Bounds(r.estimator, r.estimator.encode(jnp.asarray(r.x_o)), jnp.float32(r.threshold))
            for r in regions
        )
    )


def from_last(problem: TrainingProblem, rounds: list[Round]) -> TrainingProblem:
    """The same, begun with the last estimator where there is one that has the same features missing."""
    if not rounds or rounds[-1].estimator.spec != problem.estimator.spec:
        return problem
    return problem._replace(estimator=rounds[-1].estimator, first_cycle=LATER_CYCLE)


def _problem(
    campaign: Campaign,
    bank: Bank,
    rows: Bool[np.ndarray, " n"],
    number: int,
    objective: Objective,
    weight: Float[np.ndarray, " n"] | None = None,
) -> TrainingProblem:
    """A new estimator scaled to the training rows, the rows in two parts, and the loss."""
    weight = np.ones(len(bank.u), np.float32) if weight is None else weight
    training, validation = (np.flatnonzero(rows & part) for part in (~bank.is_held_out, bank.is_held_out))
    estimator = new_estimator(campaign, bank, training, number)
    if campaign.config.members > 1:
        objective = EnsembleLoss(objective)
    parts = (_rows(bank, training, weight), _rows(bank, validation, weight))
    return TrainingProblem(estimator, *parts, objective)


def _learning_on(
    campaign: Campaign,
    bank: Bank,
    rows: Bool[np.ndarray, " n"],
    rounds: list[Round],
    weight: Float[np.ndarray, " n"] | None = None,
) -> TrainingProblem:
    """The estimator of the last round, whose weights' distribution is the prior of this one."""
    problem = _problem(campaign, bank, rows, len(rounds), negative_log_prob, weight)
    num_rows = jnp.asarray(np.float32(len(problem.training.weight)))
    problem = problem._replace(objective=VariationalLoss(num_rows))
    if not rounds:
        return problem
    before = rounds[-1].estimator
    assert isinstance(before, BayesianMDN)
    return problem._replace(estimator=before.with_prior_from_itself())


def _rows(bank: Bank, index: np.ndarray, weight: np.ndarray) -> Any:
    return make_rows(
        bank.u[index],
        bank.x[index],
        weight=weight[index],
        log_prior=bank.log_prior[index],
        round=bank.simulations.round[index],
    )


def _regions(rounds: list[Round]) -> tuple:
    return tuple(done.region for done in rounds if done.region is not None)


def _newest(bank: Bank) -> Bool[np.ndarray, " n"]:
    return bank.simulations.round == bank.simulations.round.max()


def _all_rows(campaign: Campaign, bank: Bank) -> int:
    """If all rounds have as large a share of usable rows as those so far."""
    config = campaign.config
    return math.ceil(config.num_simulations * config.num_rounds * float(bank.is_usable.mean()))


def _of_first_round(bank: Bank) -> Simulations:
    return _newest_first(bank, bank.is_usable & bank.is_held_out & (bank.simulations.round == 0))


def _newest_first(bank: Bank, rows: Bool[np.ndarray, " n"]) -> Simulations:
    index = np.flatnonzero(rows)
    index = index[np.argsort(-bank.simulations.round[index], kind="stable")]
    return replace(bank.simulations.select(index), x=bank.x[index])


def _is_closed_form(campaign: Campaign) -> bool:
    return campaign.config.estimator in ("mdn", "gaussian") and campaign.config.members == 1
