"""Jobs in worker processes: the page never waits, a dead worker is noticed, a stop is heard."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from dashboard import cluster
from dashboard import jobs as module
from dashboard.jobs import Jobs, perform_next, reconcile
from inference.requests import Request
from inference.runfolder import LOST_AFTER
from inference.runs import RunStore
from inference.trash import delete
from inference.turns import set_priority

ROOT = Path(__file__).parents[2]

# A model that takes its time: a chunk of simulations is about a second of work.
SLOW_MODEL = """
import jax
import numpy as np
from numpyro import distributions as dist
from simulators import Prior, Simulator

def simulate(key, theta):
    return jax.lax.fori_loop(0, 200_000, lambda i, v: 0.999 * v + 0.001 * theta["a"], 0.0)[None]

slow = Simulator("slow", Prior({"a": dist.Normal(0.0, 1.0)}), simulate, true_theta=np.array([0.5]))
"""


@pytest.fixture
def slow_model(tmp_path, monkeypatch):
    file = tmp_path / "slow_model.py"
    file.write_text(SLOW_MODEL)
    monkeypatch.setenv("POSTERIOR_LAB_SIMULATORS", str(file))


@pytest.fixture
def jobs(store, slow_model):
    jobs = Jobs(store)
    yield jobs
    jobs.close()


@pytest.mark.long
def test_submitted_stopped_killed_and_resumed(jobs, store):
    """One cluster for the whole story, because workers take seconds to start."""
    run = store.create(Request("slow", "snpe", {"num_simulations": 10_000_000}))  # longer than the test
    started = time.monotonic()
    jobs.submit(run)
    assert time.monotonic() - started < 2.0  # the workers, which take longer, start in the background
    assert run.state == "queued"
    _wait(lambda: run.state == "running" and _simulated(run) > 0)
    assert run.record["performer"]["pid"] != os.getpid()
    threads = psutil.Process(run.record["performer"]["pid"]).threads()
    busiest = max(threads, key=lambda thread: thread.user_time)
    assert os.getpriority(os.PRIO_PROCESS, busiest.id) >= 10  # after the web server
    assert not any(jobs._connect().run(_speaks).values())  # its heartbeats may be cut short by the end

    with pytest.raises(ValueError, match="already being performed"):
        jobs.submit(run)

    before = run.record["performer"]["pid"]
    os.kill(before, signal.SIGKILL)
    _wait(lambda: run.record["performer"]["pid"] != before)  # Dask gives it to a new worker, which goes on
    _wait(lambda: run.state == "running")

    jobs.stop(run)
    _wait(lambda: run.state == "stopped", seconds=15.0)  # 0.3 s idle; both cores simulate meanwhile

    kept = len(list((store.root / "simulations").rglob("chunk-*.npy")))
    assert kept > 0
    jobs.submit(run)
    _wait(lambda: run.state == "running" and _simulated(run) >= kept * 8192)
    jobs.close()
    assert run.state == "stopped"  # the server was shut down


def _speaks():
    return logging.getLogger("distributed.worker").isEnabledFor(logging.ERROR)


def test_without_a_scheduler_that_answers_the_run_says_so(store, monkeypatch):
    import dask
    import distributed  # noqa: F401  its defaults must be there before one of them is set for a while

    monkeypatch.setitem(cluster.SETTINGS, "distributed.comm.timeouts.connect", "1s")
    jobs = Jobs(store, "tcp://127.0.0.1:9")
    run = store.create(Request("linear_gaussian"))
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}):
        jobs.submit(run)
        _wait(lambda: run.state == "failed")
    assert "No worker could be started or reached" in run.message
    jobs.close()


@pytest.mark.long
def test_a_run_queued_by_a_process_that_is_no_more_is_lost(store):
    mine, foreign, elsewhere, new, old = (store.create(Request("linear_gaussian")) for _ in range(5))
    old.update(created="2026-01-01T00:00:00+00:00")  # made by somebody who died before he queued it
    mine.enqueue(queue=Jobs(store)._queue())
    elsewhere.enqueue(queue={"scheduler": "tcp://somewhere:8786"})
    code = f"""
from pathlib import Path
from dashboard.jobs import Jobs
from inference.runs import Run, RunStore
Run(Path({str(foreign.folder)!r})).enqueue(queue=Jobs(RunStore({str(store.root)!r}))._queue())
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert set(reconcile(store, now=time.time())) == {foreign, old}
    assert (new.state, old.state) == ("queued", "lost")
    assert (mine.state, foreign.state, elsewhere.state) == ("queued", "lost", "queued")
    assert "can be resumed" in foreign.message


def test_a_dead_run_is_marked_within_half_a_minute(store):
    run = store.create(Request("linear_gaussian"))
    run.set_state("running")
    assert module.WATCH_SECONDS + LOST_AFTER < 30
    run.update(heartbeat=time.time() - LOST_AFTER - 1)
    jobs = Jobs(store)
    jobs.watch()
    _wait(lambda: run.state == "lost", seconds=15.0)
    jobs.close()
    _wait(lambda: "jobs-watch" not in {thread.name for thread in threading.enumerate()}, seconds=15.0)


def test_a_worker_that_dies_twice_fails_the_run(store):
    class Ended:
        status = "error"

        @staticmethod
        def exception():
            return RuntimeError("killed")

    run, other = (store.create(Request("linear_gaussian")) for _ in range(2))
    for each, ticket in ((run, "ticket-1"), (other, "ticket-2")):
        each.set_state("running")
        each.update(performer={"ticket": ticket})
    module._note_a_dead_worker(store, "ticket-1", Ended())
    assert (run.state, other.state) == ("failed", "running")
    assert "memory" in run.message


@pytest.mark.long  # imports the methods
def test_a_run_is_blamed_for_the_workers_that_it_killed_itself_only(store, monkeypatch):
    """Not for those that died while it waited there, which Dask counts as well."""

    def die(run, *_, **__):
        performed.append(run.id)
        raise SystemExit

    performed = []
    monkeypatch.setattr("inference.execute._outcome", die)
    run = store.create(Request("linear_gaussian"))
    jobs = Jobs(store, "tcp://127.0.0.1:9")
    monkeypatch.setattr(jobs, "_send", lambda run: None)
    place = (str(store.root), jobs._queue(), "ticket-1")
    jobs.submit(run)
    for _ in range(2):
        with pytest.raises(SystemExit):
            perform_next(*place)
        assert run.state == "running"  # so its process leaves it
    perform_next(*place)
    assert len(performed) == 2
    assert run.state == "failed"
    assert "died twice" in run.message
    jobs.submit(run)  # by somebody who has more memory now
    with pytest.raises(SystemExit):
        perform_next(*place)
    assert len(performed) == 3
    jobs.close()


@pytest.mark.long
def test_a_worker_that_dies_again_after_15_s_is_replaced_again(jobs, store):
    """When Dask looks whether the first death was made good, and there is no worker: the second has died."""
    client = jobs._connect()
    for pause in (14.8, 0.0):
        (worker,) = client.run(os.getpid).values()
        os.kill(worker, signal.SIGKILL)
        time.sleep(pause)
    time.sleep(3.0)
    run = store.create(Request("linear_gaussian", "rejection_abc", {"num_simulations": 500}))
    jobs.submit(run)
    _wait(lambda: run.state == "done")


def test_a_run_that_was_stopped_stays_so_when_its_worker_dies(store):
    class Ended:
        status = "error"

        @staticmethod
        def exception():
            return RuntimeError("killed")

    run = store.create(Request("linear_gaussian"))
    run.update(performer={"ticket": "ticket-1"})
    run.request_stop()
    module._note_a_dead_worker(store, "ticket-1", Ended())
    assert run.state == "stopped"


def test_a_closed_queue_can_be_closed_again(store):
    jobs = Jobs(store)
    jobs.close()
    jobs.close()


def _simulated(run):
    latest = run.latest() or {"stage": "", "done": 0}
    return latest["done"] if latest["stage"] == "simulate" else 0


def _wait(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_run_that_was_deleted_is_no_more_business_of_a_server(tmp_path):
    store = RunStore(tmp_path)
    run = store.create(Request("two_moons"))
    jobs = Jobs(store)
    jobs._submitted.append(run)
    run.set_state("stopped")
    kept = delete(run)
    perform_next(str(tmp_path), {}, "ticket")  # a worker that comes to it late
    jobs.close()
    assert kept.state == "stopped"
    assert not run.folder.exists()


@pytest.fixture
def performed(monkeypatch):
    """Runs in the order in which tickets perform them, in no time."""
    done = []

    def perform(run, on_progress, *, ends_process, ticket):
        with run.claim():
            done.append(run)
            run.update(performer={"since": time.time(), "ticket": ticket})
            run.set_state("done")

    monkeypatch.setattr("inference.execute.perform", perform)
    return done


def test_a_ticket_performs_the_run_whose_turn_it_is(store, performed):
    here, elsewhere = {"scheduler": "tcp://here:1"}, {"scheduler": "tcp://elsewhere:1"}
    runs = [store.create(Request("linear_gaussian"), owner) for owner in ("ada", "ada", "bob")]
    for run in runs:
        run.enqueue(queue=here)
    other, new = store.create(Request("linear_gaussian")), store.create(Request("linear_gaussian"))
    other.enqueue(queue=elsewhere)
    for number in range(5):
        perform_next(str(store.root), here, f"ticket-{number}")
    assert performed == [runs[0], runs[2], runs[1]]  # and two tickets had nothing to do
    assert (other.state, new.state) == ("queued", "queued")


def test_a_ticket_that_comes_again_goes_on_with_its_run(store, performed):
    mine, waiting = (store.create(Request("linear_gaussian")) for _ in range(2))
    for run in (mine, waiting):
        run.enqueue(queue={"scheduler": "x"}, priority="low" if run == mine else "high")
    mine.update(state="running", performer={"ticket": "ticket-1", "since": 1.0})
    perform_next(str(store.root), {"scheduler": "x"}, "ticket-1")
    assert performed == [mine]


def test_a_ticket_passes_over_what_somebody_else_has_taken(store, performed):
    taken, free = (store.create(Request("linear_gaussian")) for _ in range(2))
    for run in (taken, free):
        run.enqueue(queue={"scheduler": "x"})
    with taken.claim():
        perform_next(str(store.root), {"scheduler": "x"}, "ticket-1")
    assert performed == [free]


@pytest.mark.long
def test_a_cluster_keeps_the_order_and_the_priority_may_change(store, slow_model, monkeypatch):
    monkeypatch.setattr(module, "MAX_WORKERS", 1)
    monkeypatch.setattr(module, "WATCH_SECONDS", 1.0)
    jobs = Jobs(store)
    jobs.watch()
    try:
        first = store.create(Request("slow", "snpe", {"num_simulations": 10_000_000}), "ada")
        jobs.submit(first)
        _wait(lambda: first.state == "running")
        quick = Request("linear_gaussian", "rejection_abc", {"num_simulations": 200})
        runs = {name: store.create(quick, name[:3]) for name in ("ada1", "ada2", "ada3", "bob1", "eve1")}
        for run in runs.values():
            jobs.submit(run)
        set_priority(runs["ada3"], "high")
        set_priority(runs["bob1"], "low")
        jobs.stop(first)
        _wait(lambda: all(run.state == "done" for run in runs.values()), seconds=300.0)  # five processes
        order = sorted(runs, key=lambda name: runs[name].record["performer"]["since"])
        assert order == ["ada3", "eve1", "ada1", "ada2", "bob1"]
        lost = store.create(quick, "ada")
        lost.enqueue(queue=jobs._queue())  # without a ticket, as after the death of a scheduler
        _wait(lambda: lost.state == "done")
    finally:
        jobs.close()
