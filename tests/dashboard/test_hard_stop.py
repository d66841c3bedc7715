"""A stop also of what never returns: its process is ended, the run is stopped and can be resumed."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dashboard.jobs import Jobs
from inference import hard_stop
from inference.requests import Request

ROOT = Path(__file__).parents[2]
GRACE = 8.0  # seconds; far more than a stop takes on a busy machine

# A compiled simulator, a likelihood and a black box that never return.
MODELS = """
import time
import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from simulators import Prior, Simulator
from simulators.base import Observed

prior, observed = Prior({"a": dist.Normal(0.0, 1.0)}), Observed(np.zeros(1, np.float32), label="made up")

def never(value):
    return jax.lax.while_loop(lambda v: v < 2.0, jnp.sin, value)

def simulate(key, theta):
    return never(theta["a"])[None]

def black_box(theta, seed):
    time.sleep(1e6)

simulating = Simulator("simulating", prior, simulate, observed=observed)
sampling = Simulator(
    "sampling", prior, lambda key, theta: theta["a"][None], observed=observed,
    log_likelihood=lambda theta, x: never(theta["a"]),
)
boxed = Simulator.from_numpy("boxed", prior, black_box, ["x"], observed=observed)
"""


@pytest.fixture
def models(tmp_path, monkeypatch):
    file = tmp_path / "endless.py"
    file.write_text(MODELS)
    monkeypatch.setenv("POSTERIOR_LAB_SIMULATORS", str(file))
    monkeypatch.setenv(hard_stop.GRACE_VARIABLE, str(GRACE))
    return file


@pytest.mark.long
def test_what_never_returns_is_stopped_and_its_worker_replaced(models, store):
    jobs = Jobs(store)
    try:
        sampling = started(jobs, store, Request("sampling", "nuts"))
        time.sleep(1.0)  # into the likelihood
        jobs.stop(sampling)
        wait(lambda: " s its process is ended; what is finished is kept." in sampling.message)
        assert sampling.message.startswith("Stopping: waiting for")
        assert sampling.state == "stopping"
        wait(lambda: sampling.state == "stopped")
        assert sampling.message.startswith("Stopped by ending its process, because")
        wait(lambda: not is_performing(sampling))

        for name in ("simulating", "boxed"):
            run = started(jobs, store, Request(name, "rejection_abc"))
            wait(lambda run=run: run.progress(), run)
            performer = psutil.Process(run.record["performer"]["pid"])
            below = performer.children(recursive=True)
            asked = time.monotonic()
            jobs.stop(run)
            wait(lambda run=run: run.state == "stopped")  # by itself, as the message tells
            assert run.message.startswith("Stopped; everything finished is kept")
            if name == "simulating":
                wait(lambda gone=performer: not gone.is_running())  # who else would go on for ever
            else:
                wait(lambda gone=below: not any(map(is_black_box, gone)))
            assert time.monotonic() - asked < 10 * GRACE
        assert sampling.message.startswith("Stopped by ending its process")  # nobody has begun it again

        following = started(
            jobs, store, Request("linear_gaussian", "rejection_abc", {"num_simulations": 500})
        )
        wait(lambda: following.state == "done")
        jobs.submit(sampling)
        wait(lambda: sampling.state == "running")
    finally:
        jobs.close()


@pytest.mark.long
@pytest.mark.parametrize(("model", "method"), [("sampling", "nuts"), ("simulating", "rejection_abc")])
def test_the_command_line_ends_too(models, store, model, method):
    command = [sys.executable, "-c", "from dashboard.cli import main; main()", "run", model]
    command += ["--method", method, "--root", str(store.root), "--simulators", str(models)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait(lambda: [run for run in store.list() if run.state == "running"])
        time.sleep(1.0)
        store.list()[0].request_stop()
        assert process.wait(timeout=60.0) == 130
    assert store.list()[0].state == "stopped"


def test_the_grace_is_a_number(monkeypatch):
    monkeypatch.delenv(hard_stop.GRACE_VARIABLE, raising=False)
    assert hard_stop.grace() == hard_stop.GRACE_SECONDS
    for text in ("soon", "0", "-1", "nan", "inf"):
        monkeypatch.setenv(hard_stop.GRACE_VARIABLE, text)
        with pytest.raises(ValueError, match=f"a number of seconds above 0; got '{text}'"):
            hard_stop.grace()


def started(jobs, store, request):
    run = store.create(request)
    jobs.submit(run)
    wait(lambda: run.state not in ("queued", "lost"))
    assert run.state in ("running", "done"), run.message
    return run


def is_performing(run):
    return psutil.pid_exists(run.record["performer"]["pid"]) and run.is_claimed


def is_black_box(process):
    try:
        return any("black_box" in word for word in process.cmdline())
    except psutil.Error:
        return False


def wait(condition, run=None, seconds=180.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {run and run.record}"
        time.sleep(0.05)
