"""Chains in blocks: what is kept, told, stopped and resumed; with a chain that only counts and draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.methods.base import RunContext
from inference.methods.mcmc.blocks import Plan, run_chains
from inference.progress import Stopped


def step(state):
    """An AR(1) process for each chain, and the number of the step."""
    words, number, value = state
    keys = jax.vmap(lambda k: jax.random.fold_in(k, number))(words)
    value = 0.5 * value + jax.vmap(jax.random.normal)(keys)
    numbers = jnp.full(value.shape, number)
    return (words, number + 1, value), {"theta": value, "number": numbers, "diverging": numbers % 7 == 0}


def first(num_chains=2):
    words = jax.random.key_data(jax.random.split(jax.random.key(0), num_chains))
    return words, jnp.int32(0), jnp.zeros(num_chains)


def chains(plan, folder=None, hear=lambda event: None):
    return run_chains(step, first(), plan, RunContext(jax.random.key(0), hear, folder), "these")


def test_the_draws_after_the_warm_up_are_kept():
    events = []
    found = chains(Plan(2, 30, 50), hear=events.append)
    np.testing.assert_array_equal(found["number"], [np.arange(30, 80)] * 2)
    assert found["theta"].shape == (2, 50)
    done = [event.done for event in events]
    assert (done[0], done[-1]) == (0, 80)
    assert done == sorted(set(done))
    assert events[0].message == "compiling"
    assert {event.message for event in events[1:] if event.done < 30} == {"warm-up"}
    assert events[-1].values == {"divergences": found["diverging"].sum()}


def test_long_chains_are_thinned(monkeypatch):
    monkeypatch.setattr("inference.methods.mcmc.blocks.MOST_DRAWS", 40)
    assert Plan(2, 10, 20).thin == 1
    found = chains(Plan(2, 10, 61))
    np.testing.assert_array_equal(found["number"][0], np.arange(13, 71, 4))


def test_stopped_and_resumed_chains_are_those_of_a_run_that_was_not_stopped(tmp_path):
    plan, whole, seen = Plan(2, 40, 400), chains(Plan(2, 40, 400)), []

    def stop(event):
        seen.append(event.done)
        if event.done > len(stops):
            stops.append(event.done)
            raise Stopped

    stops = [0] * 20
    for _ in range(3):
        with pytest.raises(Stopped):
            chains(plan, tmp_path, stop)
        assert seen[-1] == stops[-1]
        stops += [0] * seen[-1]
    resumed = chains(plan, tmp_path, seen.append)
    for name in whole:
        np.testing.assert_array_equal(resumed[name], whole[name])
    with pytest.raises(ValueError, match="belongs to other data or settings"):
        run_chains(step, first(), plan, RunContext(jax.random.key(0), seen.append, tmp_path), "others")
