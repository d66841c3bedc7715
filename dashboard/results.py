"""Results and journals of run folders, read for the pages: each result once, each line of a journal once."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import xarray as xr

from inference.diagnostics import Comparison, Verdict, compare_runs, verdict
from inference.drawn_posterior import AnyPosterior
from inference.result import MANIFEST, TREE
from inference.runs import Run

MOST_KEPT = 8  # results in memory, a few megabytes each
MOST_JUDGED = 4096  # verdicts, a few sentences each
MOST_COMPARED = 256  # pairs of runs, a few numbers each


def tree_of(run: Run) -> xr.DataTree:
    """The labelled tree of a finished run, in memory. A stored result never changes, so it is kept.

    Raises:
        ValueError: the run is not done, or its result is damaged.
    """
    return _load(run, _written(run))


def posterior_of(run: Run) -> AnyPosterior:
    """The posterior of a finished run, with its weights; kept like the tree.

    Raises:
        ValueError: the run is not done, its result is damaged, or its simulator is unknown here.
    """
    return _load_posterior(run, _written(run))


def verdict_of(run: Run) -> Verdict | None:
    """The verdict on a finished run; None where there is no result. Kept for each result."""
    try:
        return _load_verdict(run.folder, (run.folder / MANIFEST).stat().st_mtime_ns)
    except (OSError, ValueError):  # no result yet, or a damaged one, which its own page explains
        return None


def compared(run: Run, reference: Run) -> Comparison:
    """How far apart the draws of two finished runs are. Takes up to a minute the first time, then it is kept.

    Raises:
        ValueError: they are of different models, or one of them has too few draws, or its result is damaged.
    """
    return _compare(run, reference, *(_written(one) for one in (run, reference)))


class Journal:
    """The events of a run, read on from where the last reading ended."""

    def __init__(self, run: Run) -> None:
        self._path = Path(run.folder) / "progress.jsonl"
        self._position = 0
        self.events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """All events so far. A line that is still being written is left for the next time."""
        try:
            with open(self._path, "rb") as stream:
                stream.seek(self._position)
                new = stream.read()
        except FileNotFoundError:
            return self.events
        whole = new[: new.rfind(b"\n") + 1]
        self._position += len(whole)
        self.events.extend(filter(None, map(_event, whole.splitlines())))
        return self.events


@lru_cache(maxsize=MOST_KEPT)
def _load(run: Run, written: int) -> xr.DataTree:
    del written  # only tells one result from another
    return run.result().tree.load()


@lru_cache(maxsize=MOST_KEPT)
def _load_posterior(run: Run, written: int) -> AnyPosterior:
    del written
    return run.result().posterior


@lru_cache(maxsize=MOST_JUDGED)
def _load_verdict(folder: Path, written: int) -> Verdict:
    del written
    with xr.open_datatree(folder / TREE, engine="zarr", consolidated=True) as tree:  # reads what is asked for
        return verdict(tree)


@lru_cache(maxsize=MOST_COMPARED)
def _compare(run: Run, reference: Run, *written: int) -> Comparison:
    del written
    return compare_runs(jax.random.key(0), {one.id: tree_of(one) for one in (run, reference)})


def _written(run: Run) -> int:
    manifest = run.folder / MANIFEST
    return manifest.stat().st_mtime_ns if manifest.exists() else 0


def _event(line: bytes) -> dict[str, Any] | None:
    """The event in a line; None for a line that a crash has torn."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and {"stage", "done", "total"} <= event.keys() else None
