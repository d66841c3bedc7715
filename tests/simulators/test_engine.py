"""Where chunks run: a cluster whose worker is killed, and black boxes that hang or die."""

import os
import signal
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from simulators import Prior, Simulator, simulate_batch
from simulators.store import RowStore

PRIOR = Prior({"a": dist.Uniform(0.0, 1.0)})
NUM, CHUNK = 1200, 64


def slow_walk(key, theta):
    """About a millisecond per row: a random walk of 20 000 steps."""

    def step(x, i):
        return x + theta["a"] * jax.random.normal(jax.random.fold_in(key, i)), None

    return jax.lax.scan(step, jnp.zeros(()), jnp.arange(20_000))[0][None]


WALK = Simulator("walk", PRIOR, slow_walk)


@pytest.fixture(scope="module")
def cluster():
    """Two worker processes with one thread each, restarted by their nannies when they die."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone():
    """The same simulations without a cluster."""
    return simulate_batch(WALK, jax.random.key(1), num=NUM, chunk_size=CHUNK)


@pytest.mark.long
def test_a_killed_worker_loses_and_doubles_nothing(cluster, alone, tmp_path):
    """kill -9 while it computes: the same numbers, each row written, progress to the end."""
    from distributed import Client

    seen = []
    with Client(cluster) as client:
        pids = list(client.run(os.getpid).values())

        def kill_one(done, total):
            seen.append(done)
            if done >= total / 5 and pids:
                os.kill(pids.pop(), signal.SIGKILL)
                pids.clear()

        remote = simulate_batch(
            WALK,
            jax.random.key(1),
            num=NUM,
            chunk_size=CHUNK,
            client=client,
            folder=tmp_path,
            on_progress=kill_one,
        )
    assert pids == []  # one was killed
    assert np.array_equal(remote.x, alone.x)
    assert np.array_equal(remote.theta, alone.theta)
    assert seen == sorted(seen)
    assert seen[-1] == NUM
    kept = sorted(path.name for path in tmp_path.glob("chunk-*.npy"))
    assert len(kept) == len(set(kept)) == -(-NUM // CHUNK)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.long
def test_a_stop_is_honoured_and_finished_chunks_are_skipped(cluster, alone, tmp_path):
    """By the address of the scheduler; what the workers wrote is found again, also without them."""

    def stop(done, total):
        if done >= total / 3:
            raise InterruptedError

    arguments = {"num": NUM, "chunk_size": CHUNK, "folder": tmp_path}
    key, address = jax.random.key(1), cluster.scheduler_address
    with pytest.raises(InterruptedError):
        simulate_batch(WALK, key, client=address, on_progress=stop, **arguments)
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("chunk-*.npy")}
    assert NUM / 3 <= len(kept) * CHUNK < NUM
    first = []
    resumed = simulate_batch(WALK, key, on_progress=lambda done, _: first.append(done), **arguments)
    assert first[0] >= len(kept) * CHUNK
    assert all(path.stat().st_mtime_ns == modified for path, modified in kept.items())
    assert np.array_equal(resumed.x, alone.x)


def test_a_chunk_is_found_by_the_worker_that_would_do_it_again(cluster, tmp_path):
    """As after a lost receipt: the file is not written anew."""
    from distributed import Client

    from simulators.engine import Chunk, Job, run_chunks

    theta = np.full((8, 1), 0.5, np.float32)
    store = RowStore.open(tmp_path, {"name": "walk"}, 1)
    store.write(0, theta, np.full((8, 1), 7.0, np.float32))
    with Client(cluster) as client:
        job = Job(WALK, jax.random.key(0), store)
        answers = [found for found in run_chunks(job, [Chunk(0, theta, 8)], client=client) if found]
    assert (answers[0][1] == 7.0).all()


def hangs_or_dies(theta, seed):
    """Hangs for a > 0.8, and its child with it; ends its process for a < 0.2."""
    if theta["a"] > 0.8:
        subprocess.run(["sleep", "1000"], check=False)
    if theta["a"] < 0.2:
        os._exit(1)
    return [theta["a"], seed]


@pytest.mark.long
@pytest.mark.parametrize("where", ["here", "on a cluster"])
def test_a_row_that_takes_too_long_is_invalid_and_the_batch_goes_on(request, where):
    client = request.getfixturevalue("cluster").scheduler_address if where == "on a cluster" else None
    box = Simulator.from_numpy("box", PRIOR, hangs_or_dies, ["a", "seed"], timeout=0.5)
    theta = np.linspace(0.05, 0.95, 10, dtype=np.float32)[:, None]
    started = time.monotonic()
    simulations = simulate_batch(box, jax.random.key(0), theta=theta, chunk_size=5, client=client)
    assert time.monotonic() - started < 60.0  # 4 s on an idle machine; without a time-out it would never end
    assert simulations.is_valid.tolist() == [False] * 2 + [True] * 6 + [False] * 2
    np.testing.assert_array_equal(simulations.x[2:8, 0], theta[2:8, 0])
    assert np.isnan(simulations.x[~simulations.is_valid]).all()


@pytest.mark.long
def test_a_stop_does_not_wait_for_a_black_box_that_hangs():
    box = Simulator.from_numpy("box", PRIOR, hangs_or_dies, ["a", "seed"])

    def stop(done, total):
        if time.monotonic() - started > 1.0:
            raise InterruptedError

    started = time.monotonic()
    with pytest.raises(InterruptedError):
        simulate_batch(box, jax.random.key(0), theta=np.full((2, 1), 0.9), on_progress=stop)
    assert time.monotonic() - started < 30.0
    deadline = time.monotonic() + 30.0
    while any(thread.name.startswith("simulate") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


CAMPAIGN = """
import resource, sys, jax
from simulators import get_simulator, simulate_batch
num = len(simulate_batch(get_simulator(sys.argv[1]), jax.random.key(0), num=100_000))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
sys.stdout.write(f"{num} {peak}")
"""


@pytest.mark.slow  # a minute each
@pytest.mark.parametrize("name", ["hodgkin_huxley", "hodgkin_huxley_12", "autapse"])
def test_a_hundred_thousand_simulations_need_less_than_two_gigabytes(root, name):
    """Of a whole process; measured: 0.4 to 0.6 GB."""
    done = subprocess.run(
        [sys.executable, "-c", CAMPAIGN, name], cwd=root, capture_output=True, text=True, check=True
    )
    num, peak = map(int, done.stdout.split())
    assert num == 100_000
    assert peak < 2e9


class Unloadable:
    """Pickled well, but its loading fails."""

    def __reduce__(self):
        return int, ("not a number",)

    def __call__(self, theta, seed):
        return [0.0]


def test_a_black_box_that_cannot_be_loaded_says_so():
    box = Simulator.from_numpy("box", PRIOR, Unloadable(), ["x"])
    with pytest.raises(RuntimeError, match="cannot be loaded in a worker process: ValueError: invalid"):
        simulate_batch(box, jax.random.key(0), num=4)


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan")])
def test_a_timeout_is_positive(timeout):
    with pytest.raises(ValueError, match="positive number of seconds"):
        Simulator.from_numpy("box", PRIOR, hangs_or_dies, ["a", "seed"], timeout=timeout)
