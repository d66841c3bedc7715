"""Judgements of a distribution with an emergent property: are its moments met, and is it wide enough?"""

from collections.abc import Iterator

import numpy as np

from inference.diagnostics.judging import Finding, Numbers, listed

CLOSE = 0.5  # nats below the greatest entropy, and this much per parameter
CLOSE_PER_PARAMETER = 0.1
SEEDS_AGREE = 1.0  # nats between the seeds that passed


def moments(numbers: Numbers) -> Iterator[Finding]:
    """Do the simulations have the means and standard deviations that were asked for?"""
    if "passed violation statistic_mean statistic_sd target_mean target_sd" not in numbers:
        return
    if numbers.scalar("passed"):
        yield Finding("good", "Means and standard deviations of the statistics are as they were asked for.")
        return
    names = numbers.labels("target_mean", "statistic")
    off = [
        f"the mean of {name} is {mean:.3g} instead of {target:.3g} ({(mean - target) / sd:+.2g} target sds)"
        for name, mean, target, sd in zip(names, *_parts(numbers, "mean"), strict=True)
        if abs(mean - target) > 0.1 * sd
    ]
    off += [
        f"the sd of {name} is {found:.3g} instead of {target:.3g} ({100 * (found / target - 1):+.0f} %)"
        for name, found, target, _ in zip(names, *_parts(numbers, "sd"), strict=True)
        if abs(found - target) > 0.05 * target
    ]
    yield Finding(
        "bad",
        f"No distribution that was tried has the property: {listed(off or [_worst(numbers)])}.",
        "Near a miss, run more epochs (max_epochs) or seeds (num_seeds); far off, the model may be unable: "
        "ask for other means or larger sds, or widen the prior.",
    )


def width(numbers: Numbers) -> Iterator[Finding]:
    """Is it the widest distribution with the property, as far as that is known?"""
    if "passed entropy" not in numbers or not numbers.scalar("passed"):
        return
    most = numbers.scalar("greatest_entropy") if "greatest_entropy" in numbers else np.nan
    entropy = numbers.scalar("entropy")
    if np.isfinite(most):
        missing = most - entropy
        if missing > CLOSE + CLOSE_PER_PARAMETER * numbers.dim:
            yield Finding(
                "caution",
                f"The distribution is {missing:.1f} nats narrower than the widest one with the property: "
                "parts of it may be missing.",
                "Run more seeds (num_seeds), or with the estimator spline.",
            )
        else:
            yield Finding(
                "good", f"Its entropy, {entropy:.2f} nats, is {abs(missing):.2f} from the greatest there is."
            )
    found = numbers.array("seed_entropy")
    passed = found[np.isfinite(found)]
    if len(passed) > 1 and np.ptp(passed) > SEEDS_AGREE:
        yield Finding(
            "good",
            f"The seeds that have the property differ by {np.ptp(passed):.1f} nats; the widest was taken.",
        )


def _parts(numbers: Numbers, moment: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return numbers.array(f"statistic_{moment}"), numbers.array(f"target_{moment}"), numbers.array("target_sd")


def _worst(numbers: Numbers) -> str:
    violation = numbers.array("violation")
    worst = int(np.abs(violation).argmax())
    name = numbers.labels("violation", "constraint")[worst]
    return f"the {name} is {violation[worst]:+.2g} target units off, which is more than chance"
