"""Judgements of the training: were there enough simulations, and has enough been learnt from them?"""

from collections.abc import Iterator

import numpy as np

from inference.diagnostics.judging import Finding, Numbers, listed, lower

LEAST_GAIN = 0.02  # nats
FEW_USABLE = (0.5, 0.05)  # share of the simulations
PER_PARAMETER = (50, 100, 500)  # usable rows for each parameter: few, where most failed few, plenty
GAP = 0.5  # nats between held-out and training loss; half of it is about what too few rows cost
STILL_FALLING = 0.1  # of the epochs, at the end, in which the lowest held-out loss means that it still falls
CHANGING = 0.5  # nats between the last two rounds
DISAGREEMENT = 0.5  # sd of the members' means, in posterior sds


def learning(numbers: Numbers) -> Iterator[Finding]:
    """Do the features say anything about the parameters?"""
    if "gain gain_error" in numbers:
        gain, error = numbers.scalar("gain"), numbers.scalar("gain_error")
    elif "held_out_log_prob prior_log_prob" in numbers:
        gain, error = numbers.scalar("held_out_log_prob") - numbers.scalar("prior_log_prob"), 0.0
    else:
        return
    if gain > max(LEAST_GAIN, 2 * error):
        yield Finding("good", f"Held-out parameters gain {gain:.2f} nats over the prior on average.")
        return
    yield Finding(
        "bad",
        f"Nothing was learnt: held-out parameters gain {gain:.2f} nats over the prior (error {error:.2f}).",
        f"Choose features that the parameters change; if these should do, {lower(numbers.simulate_more)}.",
    )


def usable(numbers: Numbers) -> Iterator[Finding]:
    """Did so many simulations fail that too few are left?

    That some fail is no fault in itself: which ones do is told by their features, and an observation is never
    one of them, so that its posterior is the same without them. They cost simulations.
    """
    if "num_simulations num_usable" not in numbers or not numbers.num_simulations:
        return
    left = numbers.scalar("num_usable")
    share = left / numbers.num_simulations
    if share >= FEW_USABLE[0]:
        return
    blown_up = int(numbers.scalar("num_not_finite")) if "num_not_finite" in numbers else 0
    others = f"of the others {blown_up} were not finite" if blown_up else "the others failed or lack features"
    sentence = f"Only {100 * share:.1f} % of the simulations were usable; {others}"
    if numbers.dim and left >= PER_PARAMETER[2] * numbers.dim:
        words = f"the {left:,.0f} that are left are plenty for {numbers.dim} parameters".replace(",", " ")
        yield Finding("good", f"{sentence}, but {words}.")
        return
    is_enough = left >= PER_PARAMETER[1] * numbers.dim > 0
    yield Finding(
        "bad" if share < FEW_USABLE[1] and not is_enough else "caution",
        f"{sentence}.",
        "Narrow the prior to where the model works, use features that are always defined, or say with the "
        "model's is_valid which simulations count (guide “Bring my own simulator”).",
    )


def number(numbers: Numbers) -> Iterator[Finding]:
    """Were the simulations enough for a network of this size?"""
    if "train_loss validation_loss" in numbers:
        gap = _gap(numbers)
        if gap > GAP:
            yield Finding(
                "caution",
                f"Too few simulations: the held-out loss is {gap:.2f} nats above that of the training rows.",
                f"{numbers.simulate_more}.",
            )
            return
    if "num_usable rank_shift" not in numbers:
        return
    dim, left = len(numbers.array("rank_shift")), numbers.scalar("num_usable")
    if left < PER_PARAMETER[0] * dim:
        yield Finding(
            "caution",
            f"{left:.0f} usable simulations are few for {dim} parameters, and few to judge the result by.",
            f"{numbers.simulate_more}.",
        )


def cut_off(numbers: Numbers) -> Iterator[Finding]:
    """Did the last training end at its limit of epochs, while the held-out loss still fell?"""
    limit = numbers.setting("max_epochs")
    if not limit or "validation_loss" not in numbers:
        return
    held_out = _last_round(numbers, "validation_loss")
    if len(held_out) < limit or not np.isfinite(held_out).any():
        return
    if int(np.nanargmin(held_out)) >= (1 - STILL_FALLING) * len(held_out) - 1:
        yield Finding(
            "caution",
            f"Training was cut off after {limit} epochs, while the held-out loss still fell.",
            "Allow more epochs, or leave their number to the training.",
        )


def _gap(numbers: Numbers) -> float:
    """Held-out less training loss in the best epoch, of the last round."""
    training, held_out = (_last_round(numbers, name) for name in ("train_loss", "validation_loss"))
    if not np.isfinite(held_out).any():
        return np.nan
    best = int(np.nanargmin(held_out))
    return float(held_out[best] - training[best])


def _last_round(numbers: Numbers, name: str) -> np.ndarray:
    values = numbers.array(name)
    return values[numbers.array("round") == numbers.array("round").max()] if "round" in numbers else values


def members(numbers: Numbers) -> Iterator[Finding]:
    """Do the members of an ensemble agree?"""
    if "member_mean member_sd" not in numbers or len(numbers.array("member_mean")) < 2:
        return
    means, sds = numbers.array("member_mean"), numbers.array("member_sd")
    apart = means.std(axis=0, ddof=1) / np.sqrt((sds**2).mean(axis=0))
    names = np.array(numbers.labels("member_mean", "parameter"))
    if (apart <= DISAGREEMENT).all():
        yield Finding("good", f"The {len(means)} members of the ensemble agree.")
        return
    yield Finding(
        "caution",
        f"The members of the ensemble disagree about {listed(names[apart > DISAGREEMENT])}.",
        f"{numbers.simulate_more}.",
    )


def division(numbers: Numbers) -> Iterator[Finding]:
    """Was the estimate divided by its proposal, which magnifies errors that nothing here can see?"""
    if "was_divided" in numbers:
        yield Finding(
            "caution",
            "The estimate was divided by its proposal (variant A), which magnifies its errors unseen.",
            "Compare it with variant C or truncated.",
        )


def rounds(numbers: Numbers) -> Iterator[Finding]:
    """Has the posterior stopped changing?"""
    if "round_change" not in numbers or len(numbers.array("round_change")) < 2:
        return
    last = numbers.array("round_change")[-1]
    if last > CHANGING:
        yield Finding(
            "caution",
            f"The posterior still changed by {last:.2f} nats in the last round.",
            "Run more rounds.",
        )
    elif np.isfinite(last):
        yield Finding("good", f"The posterior has settled: {last:.2f} nats of change in the last round.")
