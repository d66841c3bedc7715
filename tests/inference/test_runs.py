"""Run folders: ids, states, stops, claims, heartbeats, journals, and folders that are broken."""

import json
import os
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from inference.files import write_json
from inference.progress import Progress
from inference.requests import Request
from inference.runfolder import LOST_AFTER
from inference.runs import STATES, Run, RunBusy, RunStore, mark_lost

REQUEST = Request("linear_gaussian", "snpe", {"num_simulations": 100}, seed=3)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "root")


def test_a_new_run_says_what_was_asked(store):
    run = store.create(REQUEST, owner="ada")
    again = store.get(run.id)
    assert again == run
    assert again.request == REQUEST
    assert (again.state, again.owner, again.message, again.heartbeat) == ("queued", "ada", "", None)
    assert abs((datetime.now(UTC) - again.created).total_seconds()) < 60
    assert sorted(os.listdir(store.folder)) == [run.id]


def test_a_recording_is_copied_and_found_again(store, tmp_path):
    file = tmp_path / "my cell.nc"
    file.write_bytes(b"signal")
    request = Request("m", observation={"kind": "recording", "file": str(file), "sweep": 57})
    run = store.create(request)
    assert run.request.observation == {
        "kind": "recording",
        "file": "observation/my_cell.nc",
        "sweep": 57,
        "label": "my cell.nc",
    }
    assert run.observation_path.read_bytes() == b"signal"


def test_a_recording_that_is_not_there_makes_no_run(store, tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        store.create(Request("m", observation={"kind": "recording", "file": str(tmp_path / "none.nc")}))
    assert store.list() == []
    assert os.listdir(store.folder) == []


def test_an_observation_path_never_leaves_the_folder(store, tmp_path):
    (tmp_path / "secret").write_text("x")
    run = store.create(REQUEST)
    observation = {"kind": "recording", "file": str(tmp_path / "secret")}
    run.update(request=REQUEST.to_json() | {"observation": observation})
    assert run.observation_path is None


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "../..", "a/b", "20260101-000000-../x-0000", "20260101-000000-m-0000\n", "/etc"]
)
def test_only_an_id_is_looked_up(store, run_id):
    with pytest.raises(ValueError, match="not the id of a run"):
        store.get(run_id)


def test_an_unknown_id_is_one_sentence(store):
    with pytest.raises(ValueError, match="There is no run"):
        store.get("20260101-000000-m-0000")


def test_strange_model_names_still_make_safe_ids(store):
    run = store.create(Request("../Größe/" + "x" * 300))
    assert store.get(run.id) == run
    assert run.folder.parent == store.folder


def test_the_list_is_newest_first_and_survives_broken_folders(store):
    runs = [store.create(replace(REQUEST, simulator=name)) for name in ("b", "c", "a")]
    (runs[1].folder / "run.json").write_text('{"state": "do')
    (store.folder / "notes").mkdir()
    good, notes = store.scan()
    assert good == [runs[2], runs[0]]  # also when all were made within a second
    assert len(notes) == 1
    assert runs[1].id in notes[0]
    assert store.list() == good


def test_hundreds_of_runs_are_listed_fast(store):
    for i in range(300):
        folder = store.folder / f"20260101-000000-m-{i:04x}"
        folder.mkdir(parents=True)
        write_json(folder / "run.json", store_record())
    start = time.perf_counter()
    states = [run.state for run in store.list()]
    assert time.perf_counter() - start < 5.0  # measured: 0.03 s
    assert len(states) == 300


def store_record():
    return {
        "format": 1,
        "request": REQUEST.to_json(),
        "owner": "a",
        "created": "2026-01-01T00:00:00+00:00",
        "state": "done",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "newer posterior-lab"),
        ({"state": "dancing"}, "unknown state"),
        ({"owner": None}, "owner"),
    ],
)
def test_an_unreadable_record_says_why(store, change, words):
    run = store.create(REQUEST)
    record = {name: value for name, value in (run.record | change).items() if value is not None}
    write_json(run.folder / "run.json", record)
    with pytest.raises(ValueError, match=words):
        run.state  # noqa: B018


def test_a_record_that_cannot_be_opened_says_why(store):
    run, other = store.create(REQUEST), store.create(REQUEST)
    (run.folder / "run.json").unlink()
    (run.folder / "run.json").mkdir()  # which not even root can open as a file
    with pytest.raises(ValueError, match=r"run.json' cannot be opened: Is a directory\."):
        run.state  # noqa: B018
    good, (note,) = store.scan()
    assert good == [other]
    assert run.id in note
    assert mark_lost(store, now=time.time()) == []


def test_states_are_checked(store):
    run = store.create(REQUEST)
    for state in STATES:
        run.set_state(state, f"now {state}")
        assert (run.state, run.message) == (state, f"now {state}")
    with pytest.raises(ValueError, match="A state is one of"):
        run.set_state("finished")


def test_updates_from_many_threads_lose_nothing(store):
    run = store.create(REQUEST)
    threads = [threading.Thread(target=run.update, kwargs={f"field_{i}": i}) for i in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(run.record[f"field_{i}"] == i for i in range(20))


def test_a_stop_is_heard_and_lifted_by_a_resume(store):
    run = store.create(REQUEST)
    run.request_stop()
    assert run.state == "stopped"  # nobody had begun
    run.enqueue()
    assert (run.state, run.stop_requested) == ("queued", False)
    run.set_state("running")
    run.request_stop()
    assert run.state == "stopping"


def test_what_has_ended_cannot_be_stopped(store):
    run = store.create(REQUEST)
    run.set_state("done")
    with pytest.raises(ValueError, match="is done; only a queued or running run"):
        run.request_stop()
    with pytest.raises(ValueError, match="nothing to resume"):
        run.enqueue()


def test_a_run_is_claimed_once(store):
    run = store.create(REQUEST)
    with run.claim():
        assert run.is_claimed
        with pytest.raises(RunBusy, match="already being performed"), run.claim():
            pass
    assert not run.is_claimed


def test_an_error_inside_a_claim_stays_itself(store):
    run = store.create(REQUEST)
    with pytest.raises(TimeoutError, match="mine"), run.claim():
        raise TimeoutError("mine")


def test_a_fresh_heartbeat_on_another_host_is_a_claim(store):
    run = store.create(REQUEST)
    run.update(performer={"host": "elsewhere", "pid": 1})
    run.set_state("running")
    with pytest.raises(RunBusy, match="process 1 on elsewhere"), run.claim():
        pass
    run.update(heartbeat=time.time() - LOST_AFTER - 1)
    with run.claim():
        pass


def test_lost_needs_a_stale_heartbeat_and_no_living_performer(store):
    run = store.create(REQUEST)
    run.set_state("running")
    now = run.heartbeat
    assert mark_lost(store, now=now + LOST_AFTER - 1) == []
    with run.claim():
        assert mark_lost(store, now=now + 1e6) == []
    assert mark_lost(store, now=now + LOST_AFTER + 1) == [run]
    assert run.state == "lost"
    assert "can be resumed" in run.message
    assert mark_lost(store, now=now + 1e6) == []


def test_a_lost_run_that_was_to_stop_has_stopped(store):
    run = store.create(REQUEST)
    run.set_state("running")
    run.request_stop()
    mark_lost(store, now=time.time() + 1e6)
    assert run.state == "stopped"


def test_the_journal_tolerates_torn_lines(store):
    run = store.create(REQUEST)
    assert run.progress() == []
    assert run.latest() is None
    run.append_progress(Progress("simulate", 1, 2))
    with open(run.folder / "progress.jsonl", "ab") as stream:
        stream.write(b'{"stage": "simul')  # killed in the middle of a line
    assert run.latest()["done"] == 1
    run.append_progress(Progress("train", 5, 9, {"loss": float("nan"), "rate": 0.5}, "learning"), left=3.0)
    stages = [(event["stage"], event["done"], event["total"]) for event in run.progress()]
    assert stages == [("simulate", 1, 2), ("train", 5, 9)]
    assert run.latest()["values"] == {"loss": None, "rate": 0.5}
    assert (run.latest()["message"], run.latest()["left"]) == ("learning", 3.0)


def test_the_latest_event_of_a_long_journal(store):
    run = store.create(REQUEST)
    for i in range(300):
        run.append_progress(Progress("train", i, 300, message="x" * 50))
    assert run.latest() == run.progress()[-1]


def test_no_result_before_the_end(store):
    with pytest.raises(ValueError, match="is queued; it has no result yet"):
        store.create(REQUEST).result()


def test_run_json_is_plain(store):
    run = store.create(REQUEST)
    assert json.loads((run.folder / "run.json").read_text())["request"]["seed"] == 3
    assert isinstance(run, Run)
