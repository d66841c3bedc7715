"""Live simulation: the same numbers as a batch, ranges for sliders, and only the newest wish is done."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard import background, live
from dashboard.background import Latest, in_background
from simulators import Prior, Simulator, get_simulator, simulate_batch


def test_a_single_simulation_is_the_default_observation():
    simulator = get_simulator("two_moons")
    shown = live.single(simulator)(0, live.home_theta(simulator))
    np.testing.assert_allclose(shown.x, simulator.default_observation().x, atol=1e-6)
    assert shown.recording is None
    assert shown.repeats.shape == (live.NUM_REPEATS, 2)


@pytest.mark.long
def test_repeats_come_from_the_same_parameters(key):
    simulator = get_simulator("linear_gaussian")
    theta = live.home_theta(simulator)
    repeats = live.single(simulator)(3, theta).repeats
    batch = simulate_batch(simulator, key, theta=jnp.tile(theta, (live.NUM_REPEATS, 1))).x
    # Means of 150 draws with sd 0.316 in 10 dimensions: 0.2 is 5.5 standard errors, false alarms below 1e-6.
    np.testing.assert_allclose(repeats.mean(0), np.asarray(batch).mean(0), atol=0.2)


def test_slider_ranges_are_the_bounds_or_the_central_part():
    prior = Prior({"a": dist.Uniform(0.5, 80.0), "b": dist.Normal(0.0, 1.0), "c": dist.Uniform(50.0, 3000.0)})
    a, b, c = live.slider_ranges(prior)
    assert (a.low, a.high, a.step, a.decimals) == (0.4, 80.0, 0.2, 1)
    assert (c.low, c.high, c.step, c.decimals) == (50.0, 3000.0, 10.0, 0)
    assert -3.2 < b.low < -2.2 < 2.2 < b.high < 3.2


@pytest.mark.parametrize("width", [1e-7, 1e-3, 0.15, 1.0, 79.5, 2950.0, 1e9])
def test_a_slider_has_a_few_hundred_round_steps(width):
    span = live.slider_ranges(Prior({"a": dist.Uniform(1e-3 * width, 1.001 * width)}))[0]
    assert 150 < (span.high - span.low) / span.step < 410
    assert f"{span.step:e}"[0] in "125"
    assert round(span.step, span.decimals) == span.step


def test_the_edge_of_a_slider_is_moved_into_the_prior():
    prior = get_simulator("hodgkin_huxley").prior
    theta = live.inside(prior, np.full(prior.dim, 1e9))
    assert np.isfinite(prior.log_prob(jnp.asarray(theta)))
    assert np.isfinite(prior.log_prob(jnp.asarray(live.inside(prior, np.full(prior.dim, -1e9)))))


def test_a_black_box_can_be_explored():
    prior = Prior({"a": dist.Uniform(0.0, 1.0)})
    simulator = Simulator.from_numpy("box", prior, lambda theta, seed: [theta["a"] + 1], ["y"])
    assert live.single(simulator)(0, np.array([0.25])).x == pytest.approx(1.25)


def test_without_a_session_work_is_done_at_once():
    done, failed = [], []
    in_background(lambda: 3, done.append)
    in_background(lambda: 1 / 0, done.append, failed.append)
    assert done == [3]
    assert isinstance(failed[0], ZeroDivisionError)


def test_only_the_newest_wish_is_done(monkeypatch):
    """Ten wishes while the first is worked on: the first and the last are done, none waits in between."""
    started, may_go_on, all_shown = threading.Event(), threading.Event(), threading.Event()
    done = []

    def work(wish):
        started.set()
        assert may_go_on.wait(10)
        return wish

    def show(wish):
        done.append(wish)
        if wish == 10:
            all_shown.set()

    monkeypatch.setattr(background, "in_background", _in_a_thread)
    latest = Latest(work, show)
    latest.ask(0)
    assert started.wait(10)
    for wish in range(1, 11):
        latest.ask(wish)
    may_go_on.set()
    assert all_shown.wait(10)
    assert done == [0, 10]


def test_after_a_failure_the_next_wish_is_done():
    done, failed = [], []
    latest = Latest(lambda wish: 1 / wish, done.append, failed.append)
    latest.ask(0)
    latest.ask(2)
    assert (done, len(failed)) == ([0.5], 1)


def _in_a_thread(work, then, failed=None):
    threading.Thread(target=background._deliver, args=(work, then, failed, background.at_once)).start()


def test_a_model_is_traced_once():
    traces = []

    def simulate(key, theta):
        traces.append(key)
        return theta["a"][None] + jax.random.normal(key, (1,))

    simulator = Simulator("traced", Prior({"a": dist.Uniform(0.0, 1.0)}), simulate)
    live.single(simulator)(0, live.home_theta(simulator))
    before = len(traces)
    live.single(simulator)(1, live.home_theta(simulator) / 2)
    assert len(traces) == before
