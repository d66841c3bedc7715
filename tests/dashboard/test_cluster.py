"""A scheduler and a worker of one's own perform the runs of a server that may come and go."""

import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dashboard.cluster import Batch, slurm_cluster
from dashboard.jobs import Jobs
from inference.requests import Request

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from dashboard.cli import main; main()")


@contextmanager
def command(*words, end=signal.SIGTERM):
    """The first line that a command says; it is ended as a service manager would, unless told otherwise."""
    with subprocess.Popen(
        [*COMMAND, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process.stdout.readline()
        finally:
            process.send_signal(end)
            log = process.communicate(timeout=60)[0]
    assert "Traceback" not in log, log


@pytest.mark.long
def test_a_run_goes_on_while_the_server_is_away(store):
    settings = {"num_simulations": 1_000, "max_epochs": 10, "estimator": "mdn"}
    run = store.create(Request("linear_gaussian", "snpe", settings))
    with ExitStack() as stack:
        said = stack.enter_context(command("scheduler", "--port", "0"))
        address = said.split()[2]
        assert address.startswith("tcp://127.0.0.1:"), said
        assert address in stack.enter_context(command("worker", address))
        jobs = Jobs(store, address)
        jobs.submit(run)
        _wait(lambda: run.state == "running")
        jobs.close()  # the server ends, its run does not
        assert run.state in ("running", "done")
        _wait(lambda: run.state == "done")
    assert run.result().tree["posterior"].sizes["draw"] > 0


def _wait(condition, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.mark.long
def test_a_run_in_the_queue_survives_its_scheduler(store, monkeypatch):
    monkeypatch.setattr("dashboard.jobs.WATCH_SECONDS", 1.0)
    run = store.create(Request("linear_gaussian", "rejection_abc", {"num_simulations": 1_000}))
    with command("scheduler", "--port", "0", end=signal.SIGKILL) as said:
        address = said.split()[2]
        jobs = Jobs(store, address)
        jobs.watch()
        jobs.submit(run)
        _wait(lambda: jobs._tickets)
        assert run.state == "queued"  # there is no worker
    with command("scheduler", "--port", address.rpartition(":")[2]), command("worker", address):
        _wait(lambda: run.state == "done")
        jobs.close()


@pytest.mark.long
def test_a_scheduler_that_is_ended_while_a_worker_is_there_shows_no_traceback():
    with ExitStack() as after, command("scheduler", "--port", "0") as said:
        assert "1 at work" in after.enter_context(command("worker", said.split()[2]))


@pytest.mark.long
def test_a_worker_whose_scheduler_has_ended_fails_so_that_it_is_started_again():
    with command("scheduler", "--port", "0", end=signal.SIGKILL) as said:
        address = said.split()[2]
        worker = subprocess.Popen(
            [*COMMAND, "worker", address], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        worker.stdout.readline()
    told = worker.communicate(timeout=60)[1]
    assert worker.returncode == 2
    assert told == f"Error: The scheduler at {address} has ended.\n"


@pytest.mark.long
def test_what_cannot_be_reached_or_had_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "already in use" in _refusal("scheduler", "--port", str(port))
    assert "nonsense" in _refusal("worker", "nonsense://a:b")


def _refusal(*words):
    """The one sentence of a command that was asked for what it cannot do."""
    done = subprocess.run([*COMMAND, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_job_of_slurm_asks_for_what_a_run_needs():
    cluster = slurm_cluster(Batch(8, "16GB", "02:00:00", "gpu"), host="127.0.0.1", port=0)
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    for line in ("-p gpu", "--cpus-per-task=8", "--mem=15G", "-t 02:00:00"):
        assert f"#SBATCH {line}\n" in script
    assert "--nthreads 1 " in script  # one run at a time
    assert "JAX_COMPILATION_CACHE_DIR" in script
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False\n" in script
    assert "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False\n" in script
    assert "distributed.http.health" in script  # and no pages
