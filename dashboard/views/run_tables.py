"""Tables about runs side by side: verdicts, costs, settings that differ, and who is like whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from dashboard import links
from dashboard.fields import setting_label
from dashboard.views import run_rows
from dashboard.views.tables import folded, table
from dashboard.views.verdict_words import reason
from dashboard.words import duration, method_name, number
from inference.diagnostics import C2ST, RunFacts, Verdict
from inference.diagnostics.compare import differing_settings

METHOD = "method"  # in a run's settings: the class of its config
UNKNOWN = "–"
MORE = "Settings that not all of these methods have"
Names = Mapping[str, str]  # run id -> a short name


def verdict_table(names: Names, verdicts: Mapping[str, Verdict]) -> str:
    """Markup: the verdict on each run, with its reason and what to do next."""
    rows = [
        f"<td>{_link(run_id, name)}</td><td>{_verdict(verdicts.get(run_id))}</td>"
        for run_id, name in names.items()
    ]
    return table("<th>run</th><th>verdict</th>", rows, "verdict-table")


def facts_table(names: Names, facts: Sequence[RunFacts], methods: Sequence[str]) -> str:
    """Markup: what each run cost and the settings that are not the same in all; one column per run.

    Of an emergent property also the entropy, and how far off its constraints are. Settings that
    differ only because other methods have no such setting are folded away.

    Args:
        names: of the runs.
        facts: of each, in the same order.
        methods: by name, in the same order.
    """
    lines = {
        "simulations in all": [_count(run.simulations) for run in facts],
        "computing time": [UNKNOWN if run.seconds is None else duration(run.seconds) for run in facts],
    }
    if any(run.entropy is not None for run in facts):
        lines["entropy (nats)"] = [UNKNOWN if run.entropy is None else number(run.entropy) for run in facts]
    for constraint in dict.fromkeys(name for run in facts for name in run.violation):
        words = [
            number(run.violation[constraint], 2) if constraint in run.violation else UNKNOWN for run in facts
        ]
        lines[f"{constraint.replace('_', ' ')}, off by (of its target)"] = words
    if len(set(methods)) > 1:
        lines["method"] = [method_name(method) for method in methods]
    alone = {}
    for name, values in differing_settings(facts).items():
        if name == METHOD:
            continue
        known = [value for run, value in zip(facts, values, strict=True) if name in run.settings]
        words = [_plain(run.settings[name]) if name in run.settings else UNKNOWN for run in facts]
        is_contrast = any(value != known[0] for value in known)
        of = next(method for method, run in zip(methods, facts, strict=True) if name in run.settings)
        (lines if is_contrast else alone)[setting_label(of, name)] = words
    shown = _columns(names, lines, "facts-table")
    return shown + (folded(_columns(names, alone, "more-settings"), MORE) if alone else "")


def c2st_table(names: Names, scores: Mapping[tuple[str, str], C2ST | str]) -> str:
    """Markup: C2ST of each two runs, the further from 0.5 the darker; what is not there yet is "…".

    Args:
        names: of the runs.
        scores: by pair of ids, in either order; a text where there is none, which says why.
    """
    rows = []
    for first, name in names.items():
        cells = [_score(scores.get((first, second), scores.get((second, first))), is_same=first == second)
                 for second in names]  # fmt: skip
        rows.append(f"<td>{escape(name)}</td>{''.join(cells)}")
    head = "<th></th>" + "".join(f'<th class="number">{escape(name)}</th>' for name in names.values())
    return table(head, rows, "c2st-table")


def _score(score: C2ST | str | None, *, is_same: bool) -> str:
    if is_same:
        return f'<td class="number quiet">{UNKNOWN}</td>'
    if not isinstance(score, C2ST):
        words = "…" if score is None else UNKNOWN
        return f'<td class="number quiet" title="{escape(score or "being computed")}">{words}</td>'
    share = round(100 * min(max(2 * (score.accuracy - 0.5), 0), 1) * 0.55)
    shade = f"background: color-mix(in srgb, #d9691f {share}%, transparent)"
    half = score.interval[1] - score.accuracy
    return f'<td class="number" style="{shade}; padding-left: 12px">{score.accuracy:.2f} ± {half:.2f}</td>'


def _verdict(found: Verdict | None) -> str:
    return UNKNOWN if found is None else run_rows.verdict_cell(found.level, reason(found))


def _link(run_id: str, name: str) -> str:
    small = f'<small class="quiet" style="white-space: nowrap">{escape(run_id)}</small>'
    return f'<a href="{links.run_url(run_id)}">{escape(name)}</a> {small}'


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}".replace(",", " ")


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return _count(value) if isinstance(value, int) else number(value)


def _columns(names: Names, lines: Mapping[str, Sequence[str]], testid: str) -> str:
    head = "<th></th>" + "".join(f'<th class="number">{escape(name)}</th>' for name in names.values())
    return table(
        head, [f"<td>{escape(name)}</td>" + _cells(values) for name, values in lines.items()], testid
    )


def _cells(values: Sequence[str]) -> str:
    return "".join(f'<td class="number">{escape(value)}</td>' for value in values)
