"""The trash: whole runs go in and come back; none that is at work; what is old goes for good."""

import os
import time

import pytest

from inference.requests import Request
from inference.runs import RunStore
from inference.trash import DAYS, delete, deleted_at, empty_trash, make_room, restore, trash_root


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture
def run(store):
    run = store.create(Request("two_moons", seed=3))
    (run.folder / "result.zarr").mkdir()
    (run.folder / "result.zarr" / "zarr.json").write_text("{}")
    run.set_state("done")
    return run


def test_a_deleted_run_is_listed_no_more_and_comes_back_as_it_was(store, run):
    deleted = delete(run)
    assert store.scan() == ([], [])
    with pytest.raises(ValueError, match="There is no run"):
        store.get(run.id)
    assert RunStore(trash_root(store.root)).list() == [deleted]
    assert restore(deleted) == run
    assert store.list() == [run]
    assert run.request.seed == 3
    assert (run.folder / "result.zarr" / "zarr.json").read_text() == "{}"
    assert run.record["deleted"] is None


@pytest.mark.parametrize("state", ["queued", "running", "stopping"])
def test_one_that_is_active_is_refused(store, run, state):
    run.set_state(state)
    with pytest.raises(ValueError, match=f"is {state}; stop it before you delete it"):
        delete(run)
    assert store.list() == [run]


def test_one_that_somebody_performs_is_refused(store, run):
    run.set_state("failed")  # and just being resumed
    with run.claim(), pytest.raises(ValueError, match="already being performed"):
        delete(run)
    assert store.list() == [run]


def test_old_ones_go_for_good(store, run):
    young = store.create(Request("two_moons"))
    young.set_state("failed")
    delete(young).update(deleted=time.time() - (DAYS - 1) * 86400)
    delete(run).update(deleted=time.time() - (DAYS + 1) * 86400)
    assert empty_trash(store.root, now=time.time()) == [run.id]
    assert os.listdir(trash_root(store.root) / "runs") == [young.id]


def test_what_cannot_be_read_goes_too(store, run):
    deleted = delete(run)
    (deleted.folder / "run.json").write_text("{")
    os.utime(deleted.folder, (0, 0))
    assert empty_trash(store.root, now=time.time()) == [run.id]


def test_there_need_be_no_trash(store):
    assert empty_trash(store.root, now=time.time()) == []
    assert not trash_root(store.root).exists()


def test_a_folder_without_a_time_is_as_old_as_itself(run):
    deleted = delete(run)
    deleted.update(deleted="yesterday")
    assert deleted_at(deleted) == pytest.approx(time.time(), abs=60)


def test_room_is_made_by_the_oldest_and_no_more_than_needed(store):
    runs = [store.create(Request("two_moons")) for _ in range(3)]
    for age, run in enumerate(runs):
        run.set_state("failed")
        delete(run).update(deleted=1000.0 - age)
    trash = RunStore(trash_root(store.root))
    make_room(trash.list(), 0)
    assert len(trash.list()) == 3
    make_room(trash.list(), 1)
    assert {run.id for run in trash.list()} == {runs[0].id, runs[1].id}
    make_room(trash.list(), 10**9)
    assert trash.list() == []
