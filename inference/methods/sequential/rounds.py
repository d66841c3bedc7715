"""The rounds of SNPE: simulate, train, look at the observation; each is kept before the next begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from inference.goals import EmergentProperty, Goal, Observation
from inference.methods.base import MethodOutput, RunContext, Variables
from inference.methods.sequential.bank import Bank
from inference.methods.sequential.groups import checked_groups, with_extras
from inference.methods.sequential.history import Campaign, Round
from inference.methods.sequential.variants import VARIANTS, Variant
from inference.posterior import Posterior
from inference.progress import Progress
from inference.proposals import Draws, log_prob_rows, sample_rows, screened
from inference.screening import accept, fit_screen
from inference.simulation_store import simulate_round
from inference.train import TrainConfig, fit, training_variables
from simulators import Simulations, Simulator

if TYPE_CHECKING:
    from inference.methods.hnpe import HNPE
    from inference.methods.snpe import SNPE

SETTLED = 0.02  # nats between the posteriors of two rounds below which a further round is not worth it
NUM_COMPARED = 4_096  # draws that this is measured with
NUM_SHOWN = 500  # rows of each proposal that are kept for people to see


def run_rounds(config: SNPE, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Simulate, train, and give the posterior; see `inference.methods.snpe.run`.

    Args:
        config: settings.
        simulator: the model.
        goal: an observation, or None for an amortised posterior without one (one round).
        context: key, progress, folder, and simulations to use for the first round.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: the observation misses a feature that simulations never miss; several rounds without an
            observation; too few simulations are valid; training never got finite; a correction failed.
    """
    check_goal(config, goal)
    x_o = np.asarray(goal.x, np.float32) if isinstance(goal, Observation) else None
    campaign, variant = Campaign(config, simulator, x_o, context.key), VARIANTS[config.variant]
    bank, rounds = all_rounds(campaign, variant, context)
    posterior = Posterior(rounds[-1].posterior, simulator.prior, x_o, is_amortised=len(rounds) == 1)
    return MethodOutput(
        posterior,
        bank.simulations,
        training_variables([done.record for done in rounds]),
        variant.held_out(campaign, bank, rounds),
        findings(campaign, bank, rounds),
    )


def check_goal(config: SNPE | HNPE, goal: Goal) -> None:
    """Whether there is something to aim at.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: several rounds without an observation.
    """
    if isinstance(goal, EmergentProperty):
        name = type(config).__name__
        raise TypeError(f"{name} explains an observation; an emergent property needs the method EPI.")
    if config.num_rounds > 1 and goal is None:
        raise ValueError("Several rounds need an observation to aim at; give one, or use num_rounds=1.")


def all_rounds(campaign: Campaign, variant: Variant, context: RunContext) -> tuple[Bank, list[Round]]:
    """All simulations, and what came of each round; fewer than asked for where the posterior settles."""
    config, bank, rounds = campaign.config, Bank.empty(campaign), []
    for number in range(config.num_rounds):
        heard = _with_round(context, number, config.num_rounds)
        bank, rounds = _run_round(campaign, variant, bank, rounds, heard)
        if config.stop_when_settled and number and rounds[-1].change < SETTLED:
            break
    return bank, rounds


def _run_round(
    campaign: Campaign, variant: Variant, bank: Bank, rounds: list[Round], context: RunContext
) -> tuple[Bank, list[Round]]:
    """The bank with the simulations of one more round, and the rounds with it."""
    number = len(rounds)
    config, key = campaign.config, campaign.key_of(number)
    draws = None
    if number:
        proposal = variant.propose(campaign, rounds)
        draws = _draw(key.proposal, campaign, bank, proposal, context)
    bank = bank.with_round(_simulate(campaign, number, draws, context))
    if not number and (sentence := _unused_words(bank)):
        num = len(bank.simulations)
        context.on_progress(Progress("simulate", num, num, message=sentence))
    for x in campaign.observed:
        bank.check(x)
    problem = variant.problem(campaign, bank, rounds)
    checkpoint = None if context.folder is None else context.folder / "checkpoint" / f"round-{number:03d}.npz"
    settings = TrainConfig(
        config.batch_size,
        config.learning_rate,
        config.max_epochs,
        config.patience,
        capacity=variant.capacity(campaign, bank),
        decays=config.estimator != "bayesian_mdn",
    )
    estimator, record = fit(
        key.train, problem, settings, on_progress=context.on_progress, checkpoint=checkpoint
    )
    posterior = variant.finish(campaign, estimator, rounds)
    done = Round(number, estimator, posterior, record, draws, change=_change(campaign, rounds, posterior))
    return bank, [*rounds, variant.looked_at(campaign, bank, done)]


def _simulate(campaign: Campaign, number: int, draws: Draws | None, context: RunContext) -> Simulations:
    if number == 0 and context.simulations is not None:
        return checked_groups(context.simulations, campaign)
    theta = None if draws is None else np.asarray(campaign.constrained(draws.u))
    key = campaign.key_of(number).simulate
    num = campaign.config.num_simulations
    if campaign.num_extra:
        theta = with_extras(jax.random.fold_in(key, 0), campaign, num, theta)
    return simulate_round(key, campaign.simulator, num, context, round=number, theta=theta)


def _unused_words(bank: Bank) -> str:
    """What becomes of simulations without some feature, and what to do; "" where there is nothing to do."""
    lacking = int((~bank.simulations.is_valid & bank.simulations.is_finite).sum())
    if not lacking or bank.campaign.simulator.is_valid is not None:
        return ""
    counts = f"{lacking:,} of {len(bank.u):,} simulations".replace(",", " ")
    return (
        f"{counts} lack a feature (NaN) and are not learned from, which leaves the posterior of an "
        "observation that has all features as it is; with is_valid a model says itself which simulations "
        "count (guide “Bring my own simulator”)."
    )


def _draw(key: Array, campaign: Campaign, bank: Bank, proposal: Any, context: RunContext) -> Draws:
    """Rows of the proposal, without those whose simulations are expected to fail."""
    num = campaign.config.num_simulations
    context.on_progress(Progress("simulate", 0, num, message="Looking for parameters to simulate."))
    if not campaign.config.screen_failures or bank.is_usable.all():
        return proposal.draw(key, num)
    fit_key, draw_key = jax.random.split(key)
    screen = fit_screen(fit_key, bank.u, bank.is_usable)
    if not screen.is_active:
        return proposal.draw(key, num)
    return screened(proposal, lambda k, u: np.asarray(accept(k, screen, jnp.asarray(u))), draw_key, num)


def _change(campaign: Campaign, rounds: list[Round], posterior: Any) -> float:
    """Kullback-Leibler divergence of this round's posterior from the last one's, in nats; NaN at first."""
    if not rounds or campaign.x_o is None:
        return float("nan")
    u = sample_rows(campaign.key_of(len(rounds)).change, posterior, campaign.x_o, NUM_COMPARED)
    now, before = (log_prob_rows(q, campaign.x_o, u) for q in (posterior, rounds[-1].posterior))
    return float(np.mean(np.clip(now - before, -50.0, 50.0)))


def findings(campaign: Campaign, bank: Bank, rounds: list[Round]) -> Variables:
    """Was anything learnt, how many simulations were lost, and how did the rounds go?

    `held_out_log_prob` and `prior_log_prob` are means over rows of the first round, in unconstrained space:
    their difference is the information, in nats, that the features carry about the parameters.
    """
    first = bank.is_usable & (bank.simulations.round == 0)
    numbers = {
        "num_simulations": len(bank.simulations),
        "num_usable": bank.is_usable.sum(),
        "num_not_finite": (~bank.simulations.is_finite).sum(),
        "held_out_log_prob": -np.nanmin(rounds[0].record.validation_loss),
        "prior_log_prob": bank.log_prior[first][:10_000].mean(),
    }
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        name: ((), np.asarray(value, np.float32 if isinstance(value, float) else None))
        for name, value in numbers.items()
    }
    if campaign.x_o is not None:
        x = bank.x[bank.is_usable & bank.is_first & (bank.simulations.round == rounds[-1].number)]
        below = (x < campaign.observed[0]).mean(0) + 0.5 * (x == campaign.observed[0]).mean(0)
        found["x_o_quantile"] = (("feature",), below.astype(np.float32))
    if campaign.config.variant == "A" and len(rounds) > 1:
        found["was_divided"] = ((), np.asarray(1))
    return {**found, **_by_round(campaign, bank, rounds), **_members(campaign, rounds[-1])}


def _by_round(campaign: Campaign, bank: Bank, rounds: list[Round]) -> Variables:
    of_round = [bank.simulations.round == done.number for done in rounds]
    columns = {
        "round_num_simulations": [mine.sum() for mine in of_round],
        "round_num_usable": [(mine & bank.is_usable).sum() for mine in of_round],
        "round_num_training": [done.record.num_training for done in rounds],
        "round_acceptance": [1.0 if done.draws is None else done.draws.acceptance for done in rounds],
        "round_screened": [0.0 if done.draws is None else done.draws.screened for done in rounds],
        "round_share_of_prior": [1.0, *(done.share_of_prior for done in rounds[:-1])],
        "round_change": [done.change for done in rounds],
        "round_held_out_log_prob": [-np.nanmin(done.record.validation_loss) for done in rounds],
    }
    shown = [campaign.constrained(bank.u[mine & bank.is_first][:NUM_SHOWN]) for mine in of_round]
    least = min(map(len, shown))
    return {name: (("round",), np.asarray(values)) for name, values in columns.items()} | {
        "round_theta": (("round", "proposal_draw", "parameter"), np.stack([t[:least] for t in shown]))
    }


def _members(campaign: Campaign, last: Round) -> Variables:
    """Where each member of an ensemble sees the posterior."""
    num = campaign.config.members
    if num == 1 or campaign.x_o is None:
        return {}
    ensemble: Any = last.posterior
    key = campaign.key_of(last.number).change
    theta = np.stack([
        campaign.constrained(sample_rows(key, ensemble.member(i), campaign.x_o, 1_000)) for i in range(num)
    ])  # fmt: skip
    axes = ("member", "parameter")
    return {"member_mean": (axes, theta.mean(1)), "member_sd": (axes, theta.std(1))}


def _with_round(context: RunContext, number: int, num_rounds: int) -> RunContext:
    """The same, whose listener is told the round."""
    if num_rounds == 1:
        return context
    hear: Callable[[Progress], None] = context.on_progress
    label = f"Round {number + 1} of {num_rounds}."
    return replace(
        context, on_progress=lambda event: hear(replace(event, message=f"{label} {event.message}".strip()))
    )
