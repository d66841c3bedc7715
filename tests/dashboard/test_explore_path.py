"""Walking through a posterior between two draws, without a browser."""

import numpy as np
import pytest

from dashboard.explore_path import PathView, ways_sentence
from dashboard.views.draws import PosteriorDraws
from dashboard.views.exploration import Exploration
from dashboard.walking import NUM_POINTS, OFF, RIDGE, STRAIGHT

WIDTH = 0.05  # of the ridge, in tau


def ridge_of(g_na):
    """The tau of the ridge: a parabola, so that a straight line leaves it."""
    return 1.5 + ((g_na - 40) / 20) ** 2


def density(theta):
    g_na, tau, w = theta
    return -0.5 * (((tau - ridge_of(g_na)) / WIDTH) ** 2 + w**2)


@pytest.fixture(scope="module")
def draws(toy_simulator):
    random = np.random.default_rng(0)
    g_na = random.uniform(20, 60, 500)
    tau = np.clip(ridge_of(g_na) + WIDTH * random.normal(size=500), 1.01, 2.99)
    values = np.stack([g_na, tau, random.normal(size=500)], axis=1)
    prior = toy_simulator.prior
    before = np.stack(
        [random.uniform(0, 80, 500), random.uniform(1, 3, 500), random.normal(size=500)], axis=1
    )
    return PosteriorDraws(
        prior.names, values, units=("mS/cm2", "ms", ""), low=prior.low, high=prior.high, prior=before
    )


@pytest.fixture(scope="module")
def made(draws, toy_simulator):
    return PathView(draws, lambda: density, Exploration(toy_simulator, theta=draws.values[0]))


@pytest.fixture
def view(made):
    made.walk.param.update(way=RIDGE, index=0)
    return made


def test_it_chooses_a_disparate_pair_and_finds_the_ridge(view, draws):
    first, second = view.walk.found.pair
    assert [end.value for end in view.ends] == [first, second]
    assert abs(draws.values[first, 0] - draws.values[second, 0]) > 30
    ways = view.walk.found.ways
    assert len(ways[RIDGE].points) == NUM_POINTS
    assert ways[RIDGE].log_prob.min() > ways[STRAIGHT].log_prob.min() + 50
    assert "along the ridge by" in ways_sentence(view.walk.found)
    assert view.state.text == ""


def test_the_simulation_walks_along(view):
    view.slider.value = 30
    path = view.walk.found.ways[RIDGE]
    np.testing.assert_allclose(view.exploration.theta, path.points[30], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(view.exploration.simulated.theta, view.exploration.theta)
    assert view._dot.data["x"] == [path.distance[30]]
    assert view.here.text.startswith("Point 30 of 59 along the ridge: log density")
    view.way.value = STRAIGHT
    assert view.exploration.theta[1] > ridge_of(view.exploration.theta[0]) + 0.5
    assert view.off.disabled


def test_playing_steps_to_the_end(view):
    view.slider.value = 57
    for _ in range(3):
        view.play.step()
    assert view.walk.index == 59
    assert not view.play.is_playing


def test_stepping_off_falls_steeply(view):
    view.slider.value = 20
    view.walk.step_off()
    off = view.walk.found.ways[OFF]
    assert view.walk.way == OFF
    np.testing.assert_allclose(off.points[0], view.walk.found.ways[RIDGE].points[20], rtol=1e-4)
    assert off.log_prob[-1] < off.log_prob[0] - 10
    assert view._lines[OFF].data["x"][0] == view.walk.found.ways[RIDGE].distance[20]
    assert "off the ridge it falls" in view.summary.text
    assert view.slider.end == len(off.points) - 1


def test_between_two_draws_of_ones_own(view):
    view.ends[0].value, view.ends[1].value = 3, 4
    view.between()
    assert view.walk.found.pair == (3, 4)
    assert OFF not in view.walk.found.ways


def test_without_a_density_there_is_a_sentence(draws):
    def gone():
        raise ValueError("The weights are gone.")

    view = PathView(draws, gone, None)
    assert view.state.text == "There is no path: The weights are gone."
