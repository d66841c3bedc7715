"""Correlations with the others held, averaged in the background; without a browser."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from dashboard.explore_correlations import CorrelationView
from dashboard.views.draws import PosteriorDraws

NAMES = ("LP_A", "LP_H", "PY_A", "PY_H")
# LP_A and LP_H depend on each other with the others held, and hardly do at large.
PRECISION = np.array(
    [[1.0, -0.6, 0.5, 0.0], [-0.6, 1.0, 0.3, 0.0], [0.5, 0.3, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)


def density(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


@pytest.fixture(scope="module")
def draws():
    random = np.random.default_rng(0)
    spread = np.linalg.cholesky(np.linalg.inv(PRECISION))
    return PosteriorDraws(NAMES, random.normal(size=(20, 4)) @ spread.T)


@pytest.fixture
def view(draws):
    wide = PosteriorDraws(NAMES, draws.values, prior=None)
    wide.__dict__["zoomed_range"] = (np.full(4, -15.0), np.full(4, 15.0))
    return CorrelationView(wide, lambda: density)


def test_conditional_ones_are_those_of_the_precision(view):
    view.begin()
    assert view.correlating.found.num == 20
    assert not view.correlating.is_running
    np.testing.assert_allclose(view.correlating.found.matrix[0, 1:], [0.6, -0.5, 0.0], atol=0.01)
    assert view.state.text == "Conditional: averaged over 20 of 20 draws"
    assert "LP_A and LP_H rise together: conditional correlation 0.60" in view.summary.object
    assert view.summary.object.index("LP_H rise") < view.summary.object.index("LP_A rises as PY_A falls")


def test_a_click_shows_the_pair(view):
    view.begin()
    view.plots[1]._tapped(SimpleNamespace(x=2.2, y=0.1))
    assert view.pair == (0, 2)
    assert view.plot.figure.xaxis.axis_label == "PY_A"
    assert view.pair_summary.text.startswith("LP_A rises as PY_A falls: conditional correlation −0.50")
    assert len(view.plot._regions[0].data["xs"][0]) == 1
    view.plots[1]._tapped(SimpleNamespace(x=1.0, y=1.0))  # the diagonal says nothing
    assert view.pair == (0, 2)


def test_it_stops_and_goes_on(view, monkeypatch):
    monkeypatch.setattr("dashboard.correlating.SECONDS", 0.0)
    pictures = []

    def seen(event):
        pictures.append(event.new.num)
        if event.new.num == 3:
            view.stop()

    view.correlating.param.watch(seen, "found")
    view.begin()
    assert pictures == [0, 1, 2, 3]
    assert view.button.label == "Go on"
    view.begin()
    assert view.correlating.found.num == 20


def test_what_fails_is_a_sentence(draws):
    def gone():
        raise ValueError("The weights are gone.")

    view = CorrelationView(draws, gone)
    view.begin()
    assert view.state.text == "There are no correlations: The weights are gone."
    assert not view.correlating.is_running
