"""Pinning parameters: the mosaic of the others follows, without a browser."""

import jax.numpy as jnp
import numpy as np
import pytest

from dashboard.explore_pinned import PinnedView
from dashboard.pinning import NUM_DRAWS, NUM_ROUNDS
from dashboard.views.compensation import compensations, pinned_sentence
from dashboard.views.draws import PosteriorDraws

NAMES = ("g_A", "g_H", "g_L")
CORRELATION = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])
MEAN, SD = np.array([10.0, 20.0, 5.0]), np.array([1.0, 2.0, 0.5])
COVARIANCE = CORRELATION * np.outer(SD, SD)
PRECISION = jnp.asarray(np.linalg.inv(COVARIANCE), jnp.float32)


def density(theta):
    away = theta - jnp.asarray(MEAN, jnp.float32)
    return -0.5 * away @ PRECISION @ away


@pytest.fixture(scope="module")
def draws():
    values = np.random.default_rng(0).multivariate_normal(MEAN, COVARIANCE, size=4_000)
    return PosteriorDraws(NAMES, values, units=("mS/cm2", "mS/cm2", ""))


@pytest.fixture
def view(draws):
    return PinnedView(draws, lambda: density, MEAN)


def test_it_begins_with_one_pinned_parameter_and_refines(view):
    assert view.pinning.pinned in ({0: 10.0}, {1: 20.0})
    assert view.pinning.answer.is_last
    assert len(view.pinning.answer.draws) == NUM_ROUNDS * NUM_DRAWS
    assert len(view.mosaic.shown) == 2
    assert view.state.text.startswith("3 000 draws")


def test_the_others_follow_a_slider(view):
    view.release()
    assert view.mosaic.shown == list(NAMES)
    assert view.summary.text == "Nothing is pinned: this is the posterior."
    view.pins.boxes[0].value = True
    view.pins.sliders[0].value = 12.0
    given = view.mosaic.draws.values
    assert given[:, 0] == pytest.approx(view.pins.sliders[0].value)
    assert given[:, 1].mean() == pytest.approx(20 + 0.9 * 2 * 2, abs=0.1)
    assert given[:, 1].std() == pytest.approx(2 * (1 - 0.81) ** 0.5, rel=0.1)
    assert view.mosaic.shown == ["g_H", "g_L"]
    assert view.summary.text.startswith("With g_A 12 mS/cm²: g_H rises from 20")


def test_going_to_a_draw_moves_what_is_pinned(view, draws):
    view.draw.value = 7
    (k,) = view.pinning.pinned
    assert view.pinning.pinned[k] == pytest.approx(draws.values[7, k])
    assert view.pins.sliders[2].value == pytest.approx(draws.values[7, 2], abs=view.pins.sliders[2].step)
    view.go(MEAN)
    assert view.pinning.pinned[k] == MEAN[k]


def test_all_but_one_may_be_pinned_and_not_all(view):
    view.release()
    view.pins.boxes[0].value = view.pins.boxes[1].value = True
    assert view.mosaic.shown == ["g_L"]
    view.pins.boxes[2].value = True
    assert "leave one free; got 3 of 3" in view.state.text


def test_many_parameters_are_found_by_name_and_group():
    names = tuple(
        f"{cell}_{channel}" for cell in ("AB", "LP", "PY") for channel in ("Na", "CaT", "A", "H", "L")
    )
    draws = PosteriorDraws(names, np.random.default_rng(0).normal(size=(500, 15)))
    view = PinnedView(draws, lambda: lambda theta: -0.5 * (theta**2).sum(), np.zeros(15))
    assert len(view.mosaic.shown) <= 12
    view.pins.search.param.trigger("value_input")
    assert all(row.visible for row in view.pins._rows)
    view.pins.find("lp")
    assert [row.visible for row in view.pins._rows] == [name.startswith("LP") for name in names]
    view.pins.find("_h")
    assert sum(row.visible for row in view.pins._rows) == 3


def test_strong_pairs_are_told_first():
    marginal = np.eye(3)
    conditional = np.array([[1.0, 0.3, -0.7], [0.3, 1.0, 0.05], [-0.7, 0.05, 1.0]])
    assert compensations(NAMES, conditional, marginal, num=5) == [
        "g_A rises as g_L falls: conditional correlation −0.70, marginal 0.00.",
        "g_A and g_H rise together: conditional correlation 0.30, marginal 0.00.",
    ]


def test_what_stays_is_told(draws):
    given = draws.only(["g_H", "g_L"])
    words = pinned_sentence(draws, given, {"g_A": 10.0})
    assert words == "With g_A 10 mS/cm²: the others stay where they were; no two of the others hang together."
