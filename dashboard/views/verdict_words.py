"""The verdict on a result as markup: a line above everything, and the findings it rests on."""

from __future__ import annotations

from html import escape

from inference.diagnostics import Finding, Verdict
from inference.diagnostics.judge_answer import UNCHECKED

CHIPS = {"good": "good", "caution": "caution", "bad": "bad"}


def verdict_line(found: Verdict) -> str:
    """The level as a chip, the verdict in one sentence, and what to do next."""
    return (
        f'<div class="verdict"><span class="chip {found.level}" data-testid="verdict">'
        f"{CHIPS[found.level]}</span><p><b>{escape(found.headline)}</b> "
        f'<span data-testid="next-action">{escape(reason(found))}</span></p></div>'
    )


def findings_html(found: Verdict) -> str:
    """All findings, worst first, each with what to do about it."""
    items = "".join(
        f'<li class="{_mark(finding)}">{escape(finding.sentence)}'
        + (f' <span class="quiet">{escape(finding.action)}</span>' if finding.action else "")
        + "</li>"
        for finding in found.findings
    )
    return f'<ul class="checks" data-testid="checks">{items}</ul>'


def reason(found: Verdict) -> str:
    """Why, where all is not well, and what to do next."""
    return found.next_action if found.level == "good" else f"{found.sentences[0]} {found.next_action}"


def _mark(finding: Finding) -> str:
    if finding.sentence == UNCHECKED:
        return "plain"
    return "" if finding.level == "good" else "warn"
