"""What the command line prints: tables, runs and settings as plain text."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned by spaces; no column is cut, so that ids can be copied."""
    cells = [[str(cell) for cell in row] for row in ([head] if any(head) else []) + [*rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def description(run: Any) -> str:
    """A run: request, state, progress; and what it found, once it is done."""
    from inference.observations import count_extra  # here: plain text needs no JAX
    from inference.simulation_store import words_of

    request, latest = run.request, run.latest()
    rows = [
        ["run", run.id],
        ["state", f"{run.state}. {run.message}".strip(". ")],
        ["model", request.simulator],
        ["method", request.method],
        ["settings", ", ".join(f"{name}={value}" for name, value in request.config.items()) or "defaults"],
        _goal(request.observation),
        *([["beside it", count(num, "observation")]] if (num := count_extra(request.observation)) else []),
        ["seed", request.seed],
        ["owner", run.owner],
        ["created", f"{run.created:%Y-%m-%d %H:%M:%S} UTC"],
        ["folder", run.folder],
    ]
    if words := words_of(run.progress()):
        rows.append(["simulations", words])
    if latest is not None and run.state != "done":
        rows.append(["progress", progress_line(latest)])
    if run.state != "done":
        return table(["", ""], rows)
    return f"{table(['', ''], rows)}\n\n{answer(run.result().tree)}"


def remark(run: Any) -> str:
    """What a list says of a run beside its state."""
    from inference.turns import priority_of

    return f"{priority_of(run.record)} priority" if run.state == "queued" else run.message


def _goal(observation: dict[str, Any]) -> list[str]:
    if observation["kind"] == "property":
        sd = observation["sd"]
        asked = (f"{name} {mean:g} ± {sd[name]:g}" for name, mean in observation["mean"].items())
        return ["property", ", ".join(asked)]
    return ["observation", observation.get("label") or observation["kind"]]


def progress_line(event: dict[str, Any]) -> str:
    """One line of a run's journal, for people."""
    numbers = "".join(f", {name} {value:.4g}" for name, value in event["values"].items() if value is not None)
    left = f", about {duration(event['left'])} left" if event.get("left") is not None else ""
    return f"{event['stage']} {event['done']} of {event['total']}{numbers}{left}"


def count(num: int, noun: str) -> str:
    """``"3 features"``, ``"1 feature"``."""
    return f"{num} {noun}" if num == 1 else f"{num} {noun}s"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def summary(tree: Any) -> str:
    """Posterior mean, sd and 90 % interval of every parameter, with the true value where it is known."""
    if "posterior" not in tree.children:
        return "An amortised posterior: it has no draws until it is given an observation."
    truth = tree["constant_data/true_theta"].values if "true_theta" in tree.get("constant_data", {}) else None
    rows = []
    for i, (name, draws) in enumerate(tree["posterior"].data_vars.items()):
        low, high = (float(draws.quantile(q)) for q in (0.05, 0.95))
        numbers = [f"{value:.4g}" for value in (float(draws.mean()), float(draws.std()), low, high)]
        rows.append(
            [name, *numbers, *([] if truth is None else [f"{truth[i]:.4g}"]), draws.attrs.get("units", "")]
        )
    head = ["parameter", "mean", "sd", "5 %", "95 %", *([] if truth is None else ["true"]), "unit"]
    return table(head, rows)


def answer(tree: Any) -> str:
    """What a result says of each parameter, and how far to trust it."""
    return f"{summary(tree)}\n\n{judgement(tree)}"


def judgement(tree: Any) -> str:
    """The verdict on a result: headline, what each check found, and what to do next."""
    from inference.diagnostics import verdict  # here: plain text needs no JAX

    found = verdict(tree)
    marks = {"good": "+", "caution": "!", "bad": "x"}
    lines = [f"  {marks[finding.level]} {finding.sentence}" for finding in found.findings]
    return "\n".join([found.headline, *lines, f"Next: {found.next_action}"])


def settings_of(method: Any) -> str:
    """A method's name, title and settings with their defaults."""
    rows = []
    for item in dataclasses.fields(method.config):
        default = item.default if item.default is not dataclasses.MISSING else "..."
        rows.append(
            [f"  {item.name}", _short(default), item.metadata.get("unit", ""), item.metadata.get("help", "")]
        )
    return f"{method.name}: {method.title}\n{table(['', '', '', ''], rows)}"


def _short(value: object) -> str:
    return json.dumps(value, default=str).strip('"') if not isinstance(value, bool) else str(value).lower()
