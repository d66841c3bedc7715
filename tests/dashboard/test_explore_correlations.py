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


def test_groups_stand_together_with_their_names_and_a_line_between(view):
    view.begin()
    assert view.plots[1].groups == {}  # two of a kind are no group
    names = [f"{cell}_{channel}" for channel in ("Na", "A", "H") for cell in ("LP", "PY")]
    from dashboard.views.matrix_plot import MatrixPlot, in_groups
    from dashboard.words import parameter_groups

    ordered = in_groups(names)
    assert ordered == ["LP_Na", "LP_A", "LP_H", "PY_Na", "PY_A", "PY_H"]
    figure = MatrixPlot(ordered, lambda row, column: None, parameter_groups(ordered)).figure
    texts = [one.data_source.data.get("text", []) for one in figure.renderers]
    assert ["LP", "PY", "LP", "PY"] in texts
    (lines,) = (one for one in figure.renderers if type(one.glyph).__name__ == "MultiLine")
    assert [list(x) for x in lines.data_source.data["xs"]] == [[2.5, 2.5], [-0.5, 5.5]]
    assert figure.y_range.end < -0.5


def test_parameters_can_be_ordered_by_what_varies_together(view):
    view.begin()
    before = view.correlating.found
    view.together.value = True
    names = [view.names[k] for k in view.order]
    assert abs(names.index("LP_A") - names.index("LP_H")) == 1  # the strongest pair
    assert view.correlating.found is before  # nothing is computed anew
    shown = view.plots[1]
    values = np.array(shown._cells.data["value"]).reshape(4, 4)
    at = names.index("LP_A"), names.index("LP_H")
    assert values[at] == pytest.approx(0.6, abs=0.01)
    shown._tapped(SimpleNamespace(x=float(at[1]), y=float(at[0])))
    assert view.pair == (0, 1)
    assert list(shown._chosen.data["x"]) == [at[1], at[0]]
    assert view.pair_summary.text.startswith("LP_A and LP_H rise together")
    view.together.value = False
    assert list(view.order) == [0, 1, 2, 3]


def test_the_order_of_clusters_is_of_strength_whatever_the_sign():
    from dashboard.views.matrix_plot import clustered

    matrix = np.eye(4)
    matrix[0, 2] = matrix[2, 0] = -0.9
    matrix[1, 3] = matrix[3, 1] = 0.8
    matrix[0, 1] = matrix[1, 0] = np.nan
    order = list(clustered(matrix))
    assert abs(order.index(0) - order.index(2)) == abs(order.index(1) - order.index(3)) == 1
    assert list(clustered(np.eye(2))) == [0, 1]
