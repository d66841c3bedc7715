"""The trash beside a store of runs, `<root>/trash/`: a store too, of runs that can still be brought back."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from inference.files import files_size, read_json, staging
from inference.runs import ACTIVE, Run, RunStore

DAYS = 14.0  # that a deleted run can be brought back
DELETED = "deleted"  # when it was, in seconds since 1970: a field of `run.json`


def trash_root(root: Path) -> Path:
    """The root of the store of deleted runs."""
    return root / "trash"


def delete(run: Run) -> Run:
    """Move a run into the trash, whole and at once.

    Returns:
        The run where it is now.

    Raises:
        ValueError: it is queued or being performed.
    """
    _check_idle(run)
    with run.claim():
        _check_idle(run)  # nobody has resumed it meanwhile
        run.update(**{DELETED: time.time()})
        return _move(run, RunStore(trash_root(run.folder.parents[1])))


def restore(run: Run) -> Run:
    """Move a run of the trash back to the others.

    Args:
        run: of a store of deleted runs.
    """
    run.update(**{DELETED: None})
    return _move(run, RunStore(run.folder.parents[2]))


def empty_trash(root: Path, *, now: float, days: float = DAYS) -> list[str]:
    """Remove for good what was deleted longer ago than that, also what cannot be read; returns the ids."""
    runs = map(Run, RunStore(trash_root(root)).folder.glob("[!.]*"))
    old = [run for run in runs if now - deleted_at(run) > days * 86400]
    for run in old:
        remove(run)
    return [run.id for run in old]


def make_room(runs: list[Run], num_bytes: int) -> None:
    """Remove deleted runs for good, the oldest first, until that much is free or none is left."""
    for run in sorted(runs, key=deleted_at):
        if num_bytes <= 0:
            return
        num_bytes -= files_size(run.folder)
        remove(run)


def remove(run: Run) -> None:
    """Remove a run for good; nobody ever sees half of it."""
    with staging(run.folder.parent) as beside:
        run.folder.rename(beside / run.id)
        shutil.rmtree(beside / run.id, ignore_errors=True)


def deleted_at(run: Run) -> float:
    """When a run was deleted, in seconds since 1970; when its folder last changed, if it does not say."""
    when = None
    with suppress(ValueError, OSError):
        when = read_json(run.folder / "run.json").get(DELETED)
    return when if isinstance(when, int | float) else run.folder.stat().st_mtime


def gone_at(run: Run) -> tuple[float, float]:
    """When a deleted run is removed for good, and when it was deleted, in seconds since 1970."""
    deleted = deleted_at(run)
    return deleted + DAYS * 86400, deleted


def _check_idle(run: Run) -> None:
    if (state := run.state) in ACTIVE:
        raise ValueError(f"Run {run.id} is {state}; stop it before you delete it.")


def _move(run: Run, store: RunStore) -> Run:
    store.folder.mkdir(parents=True, exist_ok=True)
    moved = store.folder / run.id
    run.folder.rename(moved)  # never onto a folder that has content
    return Run(moved)
