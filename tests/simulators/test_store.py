"""Simulations found again: by their index, in whatever chunks they were made, if they are the same."""

import jax.numpy as jnp
import numpy as np
import pytest

from simulators import Simulator, get_simulator, simulate_batch
from simulators.store import RowStore


@pytest.fixture
def store(tmp_path):
    return RowStore.open(tmp_path / "rows", {"simulator": "two_moons", "key": [0, 1]}, 2)


def test_a_longer_run_reuses_the_rows_of_a_shorter_one(key, store):
    moons, calls = get_simulator("two_moons"), []
    short = simulate_batch(moons, key, num=100, chunk_size=30, folder=store)
    longer = simulate_batch(
        moons, key, num=250, chunk_size=64, folder=store, on_progress=lambda *done: calls.append(done)
    )
    assert calls[0] == (100, 250)  # found before anything was simulated
    assert np.array_equal(longer.x[:100], short.x)
    assert np.array_equal(longer.x, simulate_batch(moons, key, num=250).x)
    shorter = simulate_batch(moons, key, num=70, folder=store, on_progress=lambda *done: calls.append(done))
    assert calls[-1] == (70, 70)
    assert np.array_equal(shorter.x, short.x[:70])


def test_rows_of_other_parameters_are_not_taken(key, store):
    theta = np.array([[0.1, 0.2], [0.3, 0.4]], np.float32)
    store.write(0, theta, np.zeros((2, 2), np.float32))
    x, is_there = store.read(np.array([[0.1, 0.2], [0.3, 0.5]], np.float32), 2)
    assert is_there.tolist() == [True, False]
    assert (x[0] == 0).all()
    assert np.isnan(x[1]).all()


def test_gaps_are_filled_and_undefined_features_are_kept(key, store):
    moons = get_simulator("two_moons")
    theta = np.asarray(moons.prior.sample(key, 90))
    whole = simulate_batch(moons, key, theta=theta)
    marked = np.full((20, 2), np.nan, np.float32)
    store.write(30, theta[30:50], marked)  # rows that were simulated, without a defined feature
    filled = simulate_batch(moons, key, theta=theta, folder=store)
    assert np.isnan(filled.x[30:50]).all()
    others = np.r_[0:30, 50:90]
    assert np.array_equal(filled.x[others], whole.x[others])


def test_another_campaign_is_refused(store):
    with pytest.raises(ValueError, match="another campaign"):
        RowStore.open(store.folder, {"simulator": "two_moons", "key": [0, 2]}, 2)
    assert RowStore.open(store.folder, {"simulator": "two_moons", "key": [0, 1]}, 2) == store


@pytest.mark.parametrize("name", ["autapse", "hodgkin_huxley", "hodgkin_huxley_12", "two_moons"])
def test_parameters_of_a_row_do_not_depend_on_the_number_of_rows(key, name):
    """What reuse of a shorter run's rows rests on; where it fails (correlated priors) they are made anew."""
    prior = get_simulator(name).prior
    identity = Simulator("identity", prior, lambda key, theta: jnp.zeros(1))
    few, many = (simulate_batch(identity, key, num=num).theta for num in (100, 9000))
    assert np.array_equal(few, many[:100])
