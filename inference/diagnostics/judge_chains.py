"""Judgements of Markov chains: do they agree, are they long enough, did the integrator fail?

R-hat of chains that agree is above 1 by chance, the more the fewer independent draws they hold: its limit is
1.01 or, where that is more, what chance exceeds in no more than 1 % of runs with as many effective draws, for
the largest of all parameters. With 4 chains that is below 1.05, because fewer than 400 effective draws are
pointed out as too few.
"""

from collections.abc import Iterator

import numpy as np
import scipy  # its parts are imported when they are first used

from inference.diagnostics.judging import Finding, Numbers, listed

R_HAT = (1.01, 1.1)  # caution, bad; Vehtari et al. 2021, and what was usual before
R_HAT_ALARM = 0.01  # chance that the largest of chains that agree is beyond the limit
ENOUGH_DRAWS = (400.0, 50.0)  # effective ones, in bulk and tails: caution, bad below; Vehtari et al. 2021
DIVERGENT = 0.001  # share of the draws


def agreement(numbers: Numbers) -> Iterator[Finding]:
    """Do the chains tell the same?"""
    if "r_hat ess_bulk" not in numbers:
        return
    r_hat, names = numbers.array("r_hat"), np.array(numbers.labels("r_hat", "parameter"))
    largest = np.where(np.isnan(r_hat), np.inf, r_hat)  # NaN: a chain that never moved
    limit = r_hat_limit(numbers)
    if largest.max() <= limit:
        yield Finding("good", f"The chains agree: R-hat is at most {largest.max():.3f}.")
        return
    order = np.argsort(-largest)
    odd = listed(names[order][: (largest > limit).sum()])
    yield Finding(
        "bad" if largest.max() > R_HAT[1] else "caution",
        f"The chains disagree in {odd}: R-hat is up to {largest.max():.3f}, and {limit:.3f} is the limit.",
        f"{numbers.longer_chains}; if they still disagree, there are modes between which they do not move.",
    )


def number(numbers: Numbers) -> Iterator[Finding]:
    """Are the draws worth enough independent ones?"""
    if "ess_bulk ess_tail" not in numbers:
        return
    names = np.array(numbers.labels("ess_bulk", "parameter"))
    worth = np.nan_to_num(np.minimum(numbers.array("ess_bulk"), numbers.array("ess_tail")))
    least = float(worth.min())
    if least >= ENOUGH_DRAWS[0]:
        yield Finding("good", f"The draws are worth at least {least:.0f} independent ones in each parameter.")
        return
    order = np.argsort(worth)
    yield Finding(
        "bad" if least < ENOUGH_DRAWS[1] else "caution",
        f"The draws are worth only {least:.0f} independent ones in "
        f"{listed(names[order][: (worth < ENOUGH_DRAWS[0]).sum()])}; {ENOUGH_DRAWS[0]:.0f} are wanted.",
        f"{numbers.longer_chains}.",
    )


def divergences(numbers: Numbers) -> Iterator[Finding]:
    """Were there places that the integrator could not follow?"""
    if "num_divergent num_draws" not in numbers:
        return
    share = numbers.scalar("num_divergent") / numbers.scalar("num_draws")
    if share <= DIVERGENT:
        words = f"No more than {100 * DIVERGENT:g} % of the draws diverged." if share else "No draw diverged."
        yield Finding("good", words)
        return
    target = numbers.setting("target_accept")
    higher = f": target_accept={1 - (1 - target) / 5:.3g} instead of {target:g}" if target else ""
    yield Finding(
        "caution",
        f"{100 * share:.2g} % of the draws diverged: chains avoid narrow places and the sharp edges of a "
        "likelihood, where some mass may be missing.",
        f"Take smaller steps{higher}; compare with an SNPE run if they stay.",
    )


def r_hat_limit(numbers: Numbers) -> float:
    """Up to which chains agree; 1.01 where it is not known how many effective draws there are.

    R-hat^2 is 1 + F / n for m half chains worth n draws each, with F about chi2(m - 1) / (m - 1).
    """
    if "r_hat ess_bulk" not in numbers:
        return R_HAT[0]
    num_halves = 2 * (numbers.setting("num_chains") or 4)
    worth = float(np.nan_to_num(numbers.array("ess_bulk")).min())
    per_half = max(worth, ENOUGH_DRAWS[0]) / num_halves
    # Of each parameter two are taken, of ranks and of how far they are out, whichever is larger.
    chance = R_HAT_ALARM / (2 * len(numbers.array("r_hat")))
    largest = scipy.special.chdtri(num_halves - 1, chance) / (num_halves - 1)
    return max(R_HAT[0], float(np.sqrt(1 + (largest - 1) / per_half)))
