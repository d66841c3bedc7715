"""One verdict in words: may this posterior be believed, and what should be done next?

Every judgement needs an effect that matters and, where it comes from a finite number of rows, evidence that
chance alone seldom gives. A posterior without fault is called "good" in at least 96 % of runs: 1 % for the
place of the observation, 1 % for its place among the predictions, 1 % for the ranks (of chains: for R-hat),
0.3 % for the coverage.
"""

from typing import NamedTuple

import xarray as xr

from inference.diagnostics import judge_abc, judge_answer, judge_chains, judge_property, judge_training
from inference.diagnostics.judge_answer import UNCHECKED
from inference.diagnostics.judging import Finding, Level, Numbers

ORDER: tuple[Level, ...] = ("bad", "caution", "good")
HEADLINES = {
    "good": "Nothing speaks against this posterior.",
    "caution": "Use this posterior with caution.",
    "bad": "Do not use this posterior.",
}
GO_ON = "Go on: explore the posterior, and look at what it predicts."
CHECKS = (
    judge_property.moments, judge_property.width,
    judge_abc.search, judge_answer.place, judge_abc.threshold, judge_abc.accepted, judge_abc.budget,
    judge_chains.agreement, judge_chains.number, judge_chains.divergences,
    judge_training.learning, judge_training.usable, judge_answer.confidence,
    judge_answer.bias, judge_training.number, judge_training.cut_off, judge_training.members,
    judge_answer.weights, judge_training.division, judge_training.rounds, judge_answer.misses,
    judge_answer.bounds,
)  # fmt: skip


class Verdict(NamedTuple):
    """The worst level of all findings, which come worst first; one next action."""

    level: Level
    findings: tuple[Finding, ...]
    next_action: str

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.level == "good" and UNCHECKED in self.sentences:
            return "Nothing speaks against this posterior, but its calibration was not checked."
        return HEADLINES[self.level]

    @property
    def sentences(self) -> tuple[str, ...]:
        """Of all findings."""
        return tuple(finding.sentence for finding in self.findings)


def verdict(tree: xr.DataTree) -> Verdict:
    """Judge a result by "diagnostics" and "training" of its tree; what is missing is not judged."""
    numbers = Numbers(tree)
    found = [finding for check in CHECKS for finding in check(numbers)]
    found.sort(key=lambda finding: ORDER.index(finding.level))  # stable: within a level as listed above
    is_blank = all(finding.sentence == UNCHECKED for finding in found)
    level = "caution" if is_blank else found[0].level
    action = next((finding.action for finding in found if finding.action), GO_ON)
    return Verdict(level, tuple(found), action)
