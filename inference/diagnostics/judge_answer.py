"""Judgements of the answer: is it calibrated, does it predict the observation, can the model make it?"""

from collections.abc import Iterator

import numpy as np

from inference.diagnostics.judging import Finding, Numbers, listed

UNCHECKED = "Calibration was not checked."

CONFIDENCE = (0.05, 0.12)  # mean of nominal less actual coverage: caution, bad
STANDARD_ERRORS = 3.0
LEAST_CALIBRATED = 90  # rows; with fewer only gross errors show
SHIFT = (0.07, 0.16)  # of mean ranks, as a share of all ranks
NARROW = 0.035  # mean |rank - middle| beyond its expectation; a quarter too narrow, about
RANK_ALARM = 0.01  # for all parameters together
PLACE_ALARM = (0.01, 0.001)  # p-value of the observation
FAR_OUT = 1.5  # times as far from the centre as any simulation
HEAPED = 0.05  # share of the draws in the last 1 % of the prior's range; 0.01 is what a flat posterior has
MISSED = 0.25  # prior-predictive sds from the nearest 1 % of the predictions, which matter
MISSED_BY_MEDIAN = 1.0  # the same from the median, for older results, which do not tell the former
WORTH = (0.05, 0.005)  # share of the draws, after weighing them by the exact likelihood


def place(numbers: Numbers) -> Iterator[Finding]:
    """Is the observation inside the cloud of simulations?"""
    if "x_o_p_value x_o_tail x_o_excess" not in numbers:
        return
    p, excess, tail = numbers.scalar("x_o_p_value"), numbers.scalar("x_o_excess"), numbers.array("x_o_tail")
    if p > PLACE_ALARM[0]:
        yield Finding("good", "The observation lies among the simulations, in each feature and jointly.")
        return
    names = numbers.labels("x_o_tail", "feature")
    known = np.isfinite(tail).sum()
    odd = [name for name, t in zip(names, tail, strict=True) if t * known <= 5 * PLACE_ALARM[0]]
    where = f"most of all in {listed(odd)}" if odd else "in no feature alone, but in their combination"
    chance = "fewer than 1 in 1 000" if p <= PLACE_ALARM[1] else f"{1000 * p:.0f} in 1 000"
    if p <= PLACE_ALARM[1] or excess >= FAR_OUT:
        yield Finding(
            "bad",
            f"The observation lies outside the cloud of simulations ({chance} simulations are as unusual), "
            f"{where}: the posterior there is a guess.",
            "Model cannot produce this observation: check the recording, its units and its features; then "
            "widen the prior or change the model.",
        )
    else:
        yield Finding(
            "caution",
            f"The observation lies at the edge of the simulations ({chance} are as unusual), {where}.",
            f"{numbers.simulate_more}, and look at the features of the observation.",
        )


def confidence(numbers: Numbers) -> Iterator[Finding]:
    """Do regions hold the truth as often as they say?"""
    if "overconfidence num_calibrated coverage coverage_level" not in numbers:
        if not (numbers.is_of_chains or numbers.is_of_property):  # exact, or judged by its moments
            yield Finding("good", UNCHECKED)
        return
    excess, num = numbers.scalar("overconfidence"), numbers.scalar("num_calibrated")
    level, coverage = numbers.array("coverage_level"), numbers.array("coverage")
    at = int(np.argmin(np.abs(level - 0.8)))
    words = f"regions meant to hold {100 * level[at]:.0f} % of the truths hold {100 * coverage[at]:.0f} %"
    is_sure = abs(excess) > STANDARD_ERRORS / np.sqrt(12 * num)
    if not is_sure and num < LEAST_CALIBRATED:
        yield Finding(
            "caution",
            f"{num:.0f} held-out simulations are too few to judge its confidence by: {words}.",
            f"{numbers.simulate_more}.",
        )
    elif not is_sure or abs(excess) < CONFIDENCE[0]:
        yield Finding("good", f"Its confidence is right: of {num:.0f} held-out simulations, {words}.")
    elif excess > 0:
        yield Finding(
            "bad" if excess >= CONFIDENCE[1] else "caution",
            f"The posterior is over-confident: {words}.",
            f"{numbers.simulate_more}, or train an ensemble.",
        )
    else:
        yield Finding(
            "caution",
            f"The posterior is under-confident: {words}. It is safe, but wider than it need be.",
            f"{numbers.simulate_more}, or train longer, for a sharper posterior.",
        )


def bias(numbers: Numbers) -> Iterator[Finding]:
    """Is a single parameter's posterior shifted or narrow?"""
    if "rank_p_value rank_shift rank_spread" not in numbers:
        return
    shift, spread = numbers.array("rank_shift"), numbers.array("rank_spread")
    names = np.array(numbers.labels("rank_shift", "parameter"))
    is_sure = numbers.array("rank_p_value") < RANK_ALARM / len(names)
    low, high = is_sure & (shift > SHIFT[0]), is_sure & (shift < -SHIFT[0])
    narrow = is_sure & ~low & ~high & (spread > NARROW)
    wrong = [f"too low in {listed(names[low])}"] if low.any() else []
    wrong += [f"too high in {listed(names[high])}"] if high.any() else []
    wrong += [f"too narrow in {listed(names[narrow])}"] if narrow.any() else []
    if wrong:
        level = "bad" if np.abs(shift[low | high]).max(initial=0) >= SHIFT[1] else "caution"
        yield Finding(
            level,
            f"On held-out simulations the posterior lies {' and '.join(wrong)}.",
            f"{numbers.simulate_more}, or take a more flexible density estimator.",
        )
    elif is_sure.any():
        yield Finding("good", f"Ranks are uneven, though little, in {listed(names[is_sure])}.")
    else:
        yield Finding("good", "Ranks of held-out parameters are even, parameter by parameter.")


def weights(numbers: Numbers) -> Iterator[Finding]:
    """Where the model has a likelihood: how many exact draws are the draws worth?"""
    if "importance_share" not in numbers:
        return
    share = numbers.scalar("importance_share")
    if share >= WORTH[0]:
        yield Finding("good", f"Weighed by the exact likelihood, {100 * share:.0f} % of the draws count.")
        return
    yield Finding(
        "bad" if share < WORTH[1] else "caution",
        f"Weighed by the exact likelihood, only {100 * share:.1f} % of the draws count: the estimate is off.",
        "Use the weights (sample_stats/log_weight), or another estimator or variant.",
    )


def misses(numbers: Numbers) -> Iterator[Finding]:
    """Do simulations of the posterior come near the observation?"""
    if "predictive_gap predictive_gap_limit" in numbers:
        name, least = "predictive_gap", max(MISSED, numbers.scalar("predictive_gap_limit"))
    elif "predictive_distance" in numbers:
        name, least = "predictive_distance", MISSED_BY_MEDIAN
    else:
        return
    distance = numbers.array(name)
    far = distance >= least  # False for NaN
    if far.any():
        names = np.array(numbers.labels(name, "feature"))
        worst_first = np.argsort(-np.nan_to_num(distance))
        yield Finding(
            "caution",
            "Simulations of the posterior miss the observation in "
            f"{listed(names[worst_first][: far.sum()])}.",
            "Look at the model: no parameters explain these features."
            if numbers.is_of_chains
            else f"{numbers.simulate_more}, or run more rounds.",
        )
    elif np.isfinite(distance).any():
        yield Finding("good", "Simulations of the posterior come near the observation in every feature.")


def bounds(numbers: Numbers) -> Iterator[Finding]:
    """Does the posterior heap where the prior ends?"""
    if "share_at_bounds" not in numbers:
        return
    share = numbers.array("share_at_bounds")
    names = numbers.labels("share_at_bounds", "parameter")
    heaped = [
        (float(share[i, j]), name, side)
        for i, name in enumerate(names)
        for j, side in enumerate(("lower", "upper"))
        if share[i, j] > HEAPED
    ]
    if not heaped:
        yield Finding("good", "No parameter heaps at a bound of its prior.")
        return
    heaped.sort(reverse=True)
    words = listed([f"{100 * part:.0f} % of {name} at its {side} bound" for part, name, side in heaped])
    _, worst, side = heaped[0]
    yield Finding(
        "caution",
        f"Draws heap where the prior ends: {words}.",
        f"Widen the prior of {worst} beyond its {side} bound, unless nature sets that bound.",
    )
