"""What `tests.benchmarks.all` has measured, as Markdown: heading, circumstances and table of each."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RECORDS = "results.jsonl"


def read_records(folder: Path) -> list[dict[str, Any]]:
    """The newest record of each program, in the order in which they were first measured."""
    path = folder / RECORDS
    lines = path.read_text().splitlines() if path.is_file() else []
    newest = {}
    for line in lines:
        record = json.loads(line)
        newest[record["name"]] = record
    return list(newest.values())


def report(folder: Path) -> str:
    """All tables; one sentence where nothing was measured."""
    records = read_records(folder)
    if not records:
        return "Nothing has been measured beside these pages."
    return "\n\n".join(_section(record) for record in records)


def tables(text: str) -> str:
    """The tables in what a program printed: those in Markdown as they are, lines of JSON as one more."""
    lines = text.splitlines()
    rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    ready = [line if line.startswith("|") else "" for line in lines]
    # One empty line at most between two tables.
    kept = [line for k, line in enumerate(ready) if line or (k and ready[k - 1])]
    return "\n".join([*kept, "", _table_of(rows)] if rows else kept).strip()


def _section(record: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    machine = f"{record['processor']}, {record['cores']} cores, load {record['load']}"
    told = f"`{record['command']}`; {machine}; {versions}."
    ended = "" if record["code"] == 0 else f" **It ended with code {record['code']}.**"
    return f"### {record['name']}\n\n{told} {record['seconds']} s.{ended}\n\n{tables(record['printed'])}"


def _table_of(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*head, *("| " + " | ".join(_cell(row.get(n)) for n in names) + " |" for row in rows)])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).replace("|", "\\|")
