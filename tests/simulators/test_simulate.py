"""simulate_batch: the numbers do not depend on how they were made, and nothing finished is lost."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from simulators import Prior, Simulator, engine, get_simulator, simulate_batch
from simulators.simulate import Enough

PRIOR = Prior({"a": dist.Uniform(0.0, 1.0)})


def fragile(key, theta):
    """log of a negative number for a < 0.5: NaN there."""
    return {"x": jnp.log(theta["a"] - 0.5), "noise": jax.random.normal(key)}


FRAGILE = Simulator("fragile", PRIOR, fragile, lambda recording: recording)


@pytest.mark.parametrize("chunk_size", [1, 7, 64, 500])
def test_result_does_not_depend_on_the_chunk_size(key, chunk_size):
    simulator = get_simulator("two_moons")
    reference = simulate_batch(simulator, key, num=200)
    chunked = simulate_batch(simulator, key, num=200, chunk_size=chunk_size)
    assert np.array_equal(chunked.theta, reference.theta)
    assert np.array_equal(chunked.x, reference.x)


def test_rows_are_those_of_the_simulator_called_alone(key):
    simulations = simulate_batch(FRAGILE, key, theta=np.array([[0.7], [0.9]]))
    row_key = jax.random.fold_in(jax.random.split(key)[1], 1)
    np.testing.assert_allclose(simulations.x[1], FRAGILE(row_key, jnp.array([0.9])), rtol=1e-6)


def test_invalid_rows_are_flagged_on_raw_output_and_stay_nan(key):
    simulations = simulate_batch(FRAGILE, key, num=400)
    assert np.array_equal(simulations.is_valid, np.isfinite(simulations.x).all(1))
    assert 0 < simulations.is_valid.sum() < 400
    assert np.isnan(simulations.x[simulations.theta[:, 0] < 0.5, 0]).all()
    assert simulations.feature_names == ("x", "noise")
    assert len(simulations.select(simulations.is_valid)) == simulations.is_valid.sum()


def test_a_simulator_says_itself_what_is_valid(key):
    simulator = Simulator("own", PRIOR, fragile, lambda r: r, is_valid=lambda x: x[1] > 0)
    simulations = simulate_batch(simulator, key, num=100)
    assert np.array_equal(simulations.is_valid, simulations.x[:, 1] > 0)


def test_interrupted_campaign_goes_on_where_it_was(key, tmp_path):
    simulator = get_simulator("two_moons")

    def stop_at_half(done, total):
        if done >= total // 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate_batch(simulator, key, num=64, chunk_size=8, folder=tmp_path, on_progress=stop_at_half)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("chunk-*.npy")}
    assert len(kept) >= 4
    resumed = simulate_batch(simulator, key, num=64, chunk_size=16, folder=tmp_path)
    assert all((tmp_path / name).stat().st_mtime_ns == modified for name, modified in kept.items())
    assert np.array_equal(resumed.x, simulate_batch(simulator, key, num=64).x)


def test_folder_of_another_campaign_is_refused(key, tmp_path):
    simulate_batch(FRAGILE, key, num=8, folder=tmp_path)
    with pytest.raises(ValueError, match="another campaign"):
        simulate_batch(FRAGILE, key, num=9, folder=tmp_path)


def test_progress_reaches_the_total(key):
    seen = []
    simulate_batch(
        FRAGILE, key, num=30, chunk_size=8, on_progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (30, 30)
    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "either theta"),
        ({"theta": np.zeros((2, 1)), "num": 2}, "either theta"),
        ({"num": 0}, "positive integer"),
        ({"theta": np.zeros((2, 3))}, "one column per parameter"),
        ({"theta": np.zeros((0, 1))}, "one column per parameter"),
    ],
)
def test_wrong_arguments_are_one_clear_sentence(key, arguments, words):
    with pytest.raises(ValueError, match=words):
        simulate_batch(FRAGILE, key, **arguments)


def black_box(theta, seed):
    """Raises for a > 0.9, returns NaN for a < 0.1, ends its process near a = 0.5."""
    if theta["a"] > 0.9:
        raise RuntimeError("no")
    if 0.48 < theta["a"] < 0.52:
        os._exit(7)
    noise = np.random.default_rng(seed).normal(size=2)
    return np.full(2, np.nan) if theta["a"] < 0.1 else theta["a"] + noise


@pytest.mark.long
def test_black_box_failures_are_invalid_rows_and_never_a_crash(key):
    simulator = Simulator.from_numpy("box", PRIOR, black_box, ["m", "n"])
    theta = np.linspace(0.02, 0.98, 25, dtype=np.float32)[:, None]
    simulations = simulate_batch(simulator, key, theta=theta, chunk_size=5)
    a = theta[:, 0]
    assert np.array_equal(simulations.is_valid, (a <= 0.9) & (a >= 0.1) & ~((a > 0.48) & (a < 0.52)))
    assert simulations.feature_names == ("m", "n")
    row_key = jax.random.fold_in(jax.random.split(key)[1], 3)
    np.testing.assert_allclose(simulations.x[3], simulator(row_key, jnp.asarray(theta[3])), rtol=1e-6)


def test_black_box_needs_names_that_differ():
    with pytest.raises(ValueError, match="differ"):
        Simulator.from_numpy("box", PRIOR, black_box, ["m", "m"])


def test_dask_client_gives_the_same_numbers(key):
    from distributed import Client

    simulator = get_simulator("two_moons")
    with Client(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as client:
        remote = simulate_batch(simulator, key, num=100, chunk_size=32, client=client)
    assert np.array_equal(remote.x, simulate_batch(simulator, key, num=100).x)


def test_a_scheduler_that_does_not_answer_is_one_sentence(key, monkeypatch):
    monkeypatch.setattr(engine, "CONNECT_SECONDS", 0.3)
    with pytest.raises(ValueError, match=r"No Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        simulate_batch(get_simulator("two_moons"), key, num=10, client="tcp://127.0.0.1:9")


def test_a_listener_that_has_enough_gets_the_rows_up_to_the_first_that_is_missing():
    """Whatever order chunks finish in."""
    simulator, key = get_simulator("two_moons"), jax.random.key(3)

    def hear(done, total):
        if done >= 96:
            raise Enough

    some = simulate_batch(simulator, key, num=10_000, chunk_size=32, on_progress=hear)
    every = simulate_batch(simulator, key, num=len(some), chunk_size=32)
    assert 0 < len(some) < 10_000
    np.testing.assert_array_equal(some.x, every.x)
    np.testing.assert_array_equal(some.theta, every.theta)
