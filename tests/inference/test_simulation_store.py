"""Simulations shared by the runs of a store: reused where everything is the same, and told."""

import dataclasses
import os
import shutil
import time

import jax
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.execute import perform
from inference.methods.base import RunContext
from inference.recorder import Recorder
from inference.requests import Request
from inference.runs import RunStore
from inference.simulation_store import read_simulations, remove_unused, simulate_round, words_of
from inference.simulator_content import content_hash
from simulators import Observed, Prior, Simulator, engine, get_simulator
from simulators.models.hodgkin_huxley_12 import make_hodgkin_huxley_12
from simulators.store import RowStore

SETTINGS = {"num_simulations": 200, "max_epochs": 2, "num_members": 1}


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


def simulations_of(run):
    return read_simulations(run.folder / "simulations" / "round-000.zarr")


@pytest.mark.long
def test_a_second_run_takes_what_the_first_simulated_and_says_so(store):
    """Also one with more simulations: the first rows are the same."""
    runs = [store.create(Request("two_moons", "snpe", SETTINGS)) for _ in range(3)]
    made = []
    for run, num in zip(runs, (200, 200, 300), strict=True):
        context = RunContext(jax.random.key(0), Recorder(run, lambda event: None), run.folder)
        made.append(simulate_round(jax.random.key(3), get_simulator("two_moons"), num, context, round=0))
    np.testing.assert_array_equal(made[1].x, made[0].x)
    np.testing.assert_array_equal(made[2].x[:200], made[0].x)
    told = [words_of(run.progress()) for run in runs]
    assert told[0] == "200 simulations, 200 valid."
    assert told[1].endswith(
        f"Reused all of them from run {runs[0].id}, which has the same model, prior and seed."
    )
    assert f"Reused 200 of them from run {runs[0].id}" in told[2]


@pytest.mark.long
def test_a_run_simulates_on_the_cluster_that_it_is_given(store, monkeypatch):
    """Also by `posterior-lab run` with a scheduler: the workers simulate, and the numbers are the same."""
    from distributed import Client

    request = Request("two_moons", "snpe", SETTINGS | {"estimator": "maf", "num_layers": 1}, seed=7)
    here, there = store.create(request), store.create(request)
    perform(here, on_progress=False)
    shutil.rmtree(store.root / "simulations")  # nothing to take from the first run
    asked, connected = [], engine._connected
    monkeypatch.setattr(engine, "_connected", lambda address: asked.append(address) or connected(address))
    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as client:
        address = client.scheduler.address
        perform(there, on_progress=False, client=address)
    assert (here.state, there.state) == ("done", "done"), there.message
    assert asked == [address]
    np.testing.assert_array_equal(simulations_of(there).x, simulations_of(here).x)


@pytest.mark.slow  # three whole runs: a minute
def test_a_run_with_another_estimator_does_not_simulate_again(store):
    """Also one with more simulations: the first rows are the same; the journal says where they come from."""
    settings = [{}, {"estimator": "maf"}, {"num_simulations": 300}]
    runs = []
    for changed in settings:
        run = store.create(Request("two_moons", "snpe", SETTINGS | changed, seed=5))
        perform(run, on_progress=False)
        assert run.state == "done", run.message
        runs.append(run)
    first, second, more = map(simulations_of, runs)
    np.testing.assert_array_equal(second.x, first.x)
    np.testing.assert_array_equal(more.x[:200], first.x)
    told = [words_of(run.progress()) for run in runs]
    assert told[0] == "200 simulations, 200 valid."
    assert told[1].endswith(
        f"Reused all of them from run {runs[0].id}, which has the same model, prior and seed."
    )
    assert f"Reused 200 of them from run {runs[0].id}" in told[2]
    events = [event for event in runs[1].progress() if event["stage"] == "simulate"]
    assert events[0]["done"] == 200  # at once


def test_another_seed_or_model_shares_nothing(store):
    context = RunContext(jax.random.key(0), lambda event: None)
    for name, seed in (("two_moons", 0), ("two_moons", 1), ("linear_gaussian", 0)):
        run = store.create(Request(name, "snpe", SETTINGS))
        simulate_round(
            jax.random.key(seed),
            get_simulator(name),
            100,
            dataclasses.replace(context, folder=run.folder),
            round=0,
        )
        assert words_of(run.progress()) == ""  # this listener writes no journal
    assert len(list((store.root / "simulations").iterdir())) == 3


def test_a_folder_of_ones_own_and_later_rounds_share_nothing(store, tmp_path):
    context = RunContext(jax.random.key(0), lambda event: None, folder=tmp_path / "own")
    simulate_round(jax.random.key(0), get_simulator("two_moons"), 100, context, round=0)
    run = store.create(Request("two_moons", "snpe", SETTINGS))
    theta = np.zeros((100, 2), np.float32)
    inside = dataclasses.replace(context, folder=run.folder)
    simulate_round(jax.random.key(0), get_simulator("two_moons"), 100, inside, round=1, theta=theta)
    assert not (store.root / "simulations").exists()


def make(scale, *, high=1.0, simulate=None):
    def closed_over(key, theta):
        return (scale * theta["a"])[None]

    return Simulator("made", Prior({"a": dist.Uniform(0.0, high)}), simulate or closed_over)


def test_what_decides_the_numbers_decides_the_hash():
    """Bound and closed-over arguments, priors, source; the same content gives the same hash."""
    assert content_hash(make(1.0)) == content_hash(make(1.0))
    others = [
        make(2.0),
        make(1.0, high=2.0),
        make(np.ones(3)),
        make(1.0, simulate=lambda key, theta: theta["a"][None]),
    ]
    hashes = {content_hash(simulator) for simulator in (make(1.0), *others)}
    assert len(hashes) == 5
    seen = dataclasses.replace(make(1.0), observed=Observed(np.ones(1, np.float32)))
    assert content_hash(seen) == content_hash(make(1.0))  # another recording of the same model
    large = make_hodgkin_huxley_12("large")
    assert content_hash(large) == content_hash(make_hodgkin_huxley_12("large"))
    assert content_hash(large) != content_hash(make_hodgkin_huxley_12())


def test_what_is_not_finite_is_counted_apart_and_never_trained_on(key):
    """A row is undefined (NaN), not finite (inf), or valid; also where the model calls everything valid."""
    import jax.numpy as jnp

    def simulate(key, theta):
        bad = jnp.where(theta["a"] < 0.2, jnp.inf, jnp.where(theta["a"] < 0.5, jnp.nan, theta["a"]))
        return jnp.stack([bad, theta["a"]])

    for is_valid in (None, lambda x: jnp.asarray(True), lambda x: x[1] > 0.9):
        simulator = Simulator("made", Prior({"a": dist.Uniform(0.0, 1.0)}), simulate, is_valid=is_valid)
        told = []
        context = RunContext(key, told.append)
        simulations = simulate_round(key, simulator, 500, context, round=0)
        a = simulations.theta[:, 0]
        assert np.array_equal(simulations.is_finite, a >= 0.2)
        assert not simulations.is_valid[a < 0.2].any()
        invalid = ~simulations.is_valid & (a >= 0.2)
        undefined, others = int((invalid & (a < 0.5)).sum()), int((invalid & (a >= 0.5)).sum())
        words = f"500 simulations, {simulations.is_valid.sum()} valid, "
        words += f"{undefined} with undefined features, " if undefined else ""
        words += f"{others} not valid by the model's own rule, " if others else ""
        assert told[-1].message == f"{words}{(a < 0.2).sum()} not finite."


def test_what_was_unused_for_longest_goes_first_and_what_is_in_use_stays(tmp_path):
    """Four campaigns of a thousand bytes and some, last used 4, 3 and 2 days ago and now."""
    for name, days in {"a": 4, "b": 2, "c": 3, "d": 0}.items():
        campaign = RowStore.open(tmp_path / name, {"model": name}, 2)
        campaign.write(0, np.zeros((100, 2)), np.zeros((100, 1)))
        for path in (tmp_path / name / "campaign.json", tmp_path / name):
            os.utime(path, (time.time() - 86_400 * days,) * 2)
    assert remove_unused(tmp_path) == []
    assert remove_unused(tmp_path, most_bytes=3_000) == ["a", "c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "d"]
    assert remove_unused(tmp_path, most_bytes=0) == ["b"]
    assert remove_unused(tmp_path / "missing") == []
