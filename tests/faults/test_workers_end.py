"""Workers without enough memory, or killed by the system for want of it, or in a library that crashes."""

import time

import numpy as np
import pytest

from dashboard.jobs import DIED, Jobs
from inference.requests import Request
from inference.runs import RunStore
from inference.simulation_store import read_simulations

# One asks for more memory than there is, one's process is killed as the system does then, one's library
# crashes in every other simulation.
MODELS = """
import ctypes
import os
import signal
import jax
import jax.numpy as jnp
import numpy as np
from numpyro import distributions as dist
from simulators import Prior, Simulator
from simulators.base import Observed

prior, observed = Prior({"a": dist.Normal(0.0, 1.0)}), Observed(np.zeros(1, np.float32), label="made up")

def greedy(key, theta):
    values = jnp.full((2**16, 2**20), theta["a"]) + jnp.arange(2**20)
    return jnp.sort(values, axis=0)[:1, 5]

def kill(value):
    os.kill(os.getpid(), signal.SIGKILL)

def killed(key, theta):
    shape = jax.ShapeDtypeStruct((1,), jnp.float32)
    return jax.pure_callback(kill, shape, theta["a"], vmap_method="sequential")

def crash(theta, seed):
    if theta["a"] > 0:
        ctypes.string_at(0)
    return [theta["a"]]

greedy = Simulator("greedy", prior, greedy, observed=observed)
killed = Simulator("killed", prior, killed, observed=observed)
crashing = Simulator.from_numpy("crashing", prior, crash, ["x"], observed=observed)
"""


@pytest.mark.long
def test_runs_whose_workers_end_say_so_and_the_next_one_is_performed(tmp_path, monkeypatch):
    file = tmp_path / "models.py"
    file.write_text(MODELS)
    monkeypatch.setenv("POSTERIOR_LAB_SIMULATORS", str(file))
    store = RunStore(tmp_path / "root")
    settings = {"num_simulations": 40, "keep_share": 0.5}
    models = ("greedy", "killed", "crashing", "linear_gaussian")
    runs = {model: store.create(Request(model, "rejection_abc", settings)) for model in models}
    jobs = Jobs(store)
    try:
        for run in runs.values():
            jobs.submit(run)
        deadline = time.monotonic() + 300.0
        while any(run.state in ("queued", "running") for run in runs.values()):
            assert time.monotonic() < deadline, [(run.id, run.record) for run in runs.values()]
            time.sleep(0.1)
    finally:
        jobs.close()
    ended = {model: (run.state, run.message) for model, run in runs.items()}
    words = "The memory of this machine is not enough; ask for fewer simulations or a smaller estimator."
    assert ended["greedy"] == ("failed", words)
    assert ended["killed"] == ("failed", DIED)
    assert ended["crashing"] == ("done", "")
    assert ended["linear_gaussian"] == ("done", "")
    simulations = read_simulations(runs["crashing"].folder / "simulations" / "round-000.zarr")
    assert np.array_equal(simulations.is_valid, simulations.theta[:, 0] <= 0)
