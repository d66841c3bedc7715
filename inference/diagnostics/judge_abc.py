"""Judgements of approximate Bayesian computation and of searches: enough draws, near enough, a posterior?"""

from collections.abc import Iterator

import numpy as np

from inference.diagnostics.judging import Finding, Numbers
from inference.diagnostics.kernel import widening

ENOUGH_DRAWS = (200.0, 50.0)  # caution, bad below: a standard deviation is then known to 5 or 10 %
WIDER = (1.1, 1.5)  # times too wide: caution, bad


def accepted(numbers: Numbers) -> Iterator[Finding]:
    """Are the accepted draws worth enough?"""
    if "effective_draws abc_threshold" not in numbers:
        return
    worth = numbers.scalar("effective_draws")
    if worth >= ENOUGH_DRAWS[0]:
        yield Finding("good", f"The accepted draws are worth {int(worth)} independent ones.")
        return
    yield Finding(
        "bad" if worth < ENOUGH_DRAWS[1] else "caution",
        f"The accepted draws are worth only {int(worth)} independent ones; {ENOUGH_DRAWS[0]:.0f} are wanted.",
        f"{numbers.simulate_more}, or accept more of them.",
    )


def threshold(numbers: Numbers) -> Iterator[Finding]:
    """Is the threshold small compared with the noise of the features?"""
    if "accepted_distance predicted_distance" not in numbers or numbers.setting("regression_adjustment"):
        return
    wider = widening(numbers.scalar("accepted_distance"), numbers.scalar("predicted_distance"))
    if wider < WIDER[0]:
        share = 100 * (wider - 1)
        yield Finding("good", f"The threshold widens the posterior by no more than about {share:.0f} %.")
        return
    words = f"up to about {wider:.2g} times" if np.isfinite(wider) and wider < 10 else "many times"
    yield Finding(
        "bad" if wider >= WIDER[1] else "caution",
        f"The threshold is large compared with the noise of the features: the posterior may be {words} too "
        "wide.",
        f"{numbers.simulate_more}, for a smaller threshold, or run SNPE, which needs none.",
    )


def budget(numbers: Numbers) -> Iterator[Finding]:
    """Was the time over before the simulations were?"""
    if "num_not_begun num_simulations" not in numbers or not numbers.scalar("num_not_begun"):
        return
    num, missing = numbers.num_simulations, numbers.scalar("num_not_begun")
    yield Finding(
        "caution",
        f"The time was over after {num:,.0f} of {num + missing:,.0f} simulations.".replace(",", " "),
        "Allow more seconds.",
    )


def search(numbers: Numbers) -> Iterator[Finding]:
    """Are the draws the best of a search, and no posterior?"""
    if "is_hall_of_fame" in numbers:
        yield Finding(
            "bad",
            "These are the best parameter sets that a search found, and no posterior: how far they spread "
            "says nothing about uncertainty.",
            "Run SNPE for a posterior, and compare.",
        )
