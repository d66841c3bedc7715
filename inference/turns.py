"""Whose turn it is: the order in which queued runs are performed, from what their folders say.

A higher priority goes first. Among equals it is the turn of whoever has fewer runs being performed, then of
whoever has had none begun for longest, so that ten runs of one person do not keep another's waiting; and
among one person's runs, of the one that has been queued longest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from inference.runfolder import Run

PRIORITIES = ("high", "normal", "low")  # the first goes first
NORMAL = "normal"
PERFORMED = ("running", "stopping")


def priority_of(record: Mapping[str, Any]) -> str:
    """The priority in a `run.json`, whoever wrote it."""
    priority = record.get("priority", NORMAL)
    return priority if priority in PRIORITIES else NORMAL


def check_priority(priority: str) -> None:
    """Refuse what is no priority.

    Raises:
        ValueError: with those there are.
    """
    if priority not in PRIORITIES:
        raise ValueError(f"A priority is one of {', '.join(PRIORITIES)}; got '{priority}'.")


def set_priority(run: Run, priority: str) -> None:
    """Change the priority of a run that waits for its turn.

    Raises:
        ValueError: there is no such priority, or the run is not queued.
    """
    check_priority(priority)
    if (state := run.state) != "queued":
        raise ValueError(f"Run {run.id} is {state}; only a queued run has a priority to be changed.")
    run.update(priority=priority)


def in_turn(runs: Iterable[Run]) -> list[Run]:
    """The queued runs among all, the next to be performed first."""
    found = [(run, run.state, run.record) for run in runs]
    num_performed = Counter(record["owner"] for _, state, record in found if state in PERFORMED)
    begun: dict[str, float] = {}
    for _, _, record in found:
        since = (record.get("performer") or {}).get("since", 0.0)
        begun[record["owner"]] = max(since, begun.get(record["owner"], 0.0))

    def place(record: Mapping[str, Any]) -> tuple[int, int, float, float]:
        owner, queued = record["owner"], record.get("heartbeat") or 0.0
        return PRIORITIES.index(priority_of(record)), num_performed[owner], begun[owner], queued

    queued = [(place(record), run) for run, state, record in found if state == "queued"]
    return [run for _, run in sorted(queued, key=lambda pair: (pair[0], pair[1].id))]
