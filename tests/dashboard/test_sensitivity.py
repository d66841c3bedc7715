"""The tab on sensitivity: axes at a chosen draw, arrows, a table, and the player along an axis."""

from types import SimpleNamespace

import numpy as np
import pytest

from dashboard import curvature, sensitivity
from dashboard.curvature import within
from dashboard.sensitivity import Sensitivity
from inference.analysis import Mode

CURVED = np.diag([-1.0, -400.0, -0.04])  # of g_Na, tau and w: lengths 1, 0.05 and 5


@pytest.fixture
def tree(toy_simulator, toy_findings):
    from inference.tree import build_tree

    return build_tree(toy_simulator, toy_findings, {"simulator": "toy", "method": "epi"})


@pytest.fixture
def view(tree, toy_simulator, monkeypatch):
    peak = np.array([40.0, 2.0, 0.0])
    monkeypatch.setattr(curvature, "hessian", lambda posterior, theta: CURVED)
    monkeypatch.setattr(curvature, "find_mode", lambda posterior, theta: Mode(peak, 0.0))
    monkeypatch.setattr("dashboard.sensitivity.get_simulator", lambda name: toy_simulator)
    return Sensitivity(tree, lambda: SimpleNamespace(prior=toy_simulator.prior))


def test_axes_are_ordered_by_sensitivity(view):
    markup = view.table.object
    assert markup.index("v1") < markup.index("−400") < markup.index("v2") < markup.index("v3")
    assert "v1 is mostly tau" in view.summary.text
    assert "eigenvalues of the Hessian from −400 to −0.0400" in view.summary.text


def test_arrows_have_the_lengths_of_the_axes(view):
    view.arrows.x.value, view.arrows.y.value = "g_Na", "tau"
    view.climb()
    between, robust, sensitive = (source.data for source in view.arrows._axes)
    assert np.concatenate([sensitive["xs"], sensitive["ys"]]) == pytest.approx(
        np.array([[40, 40], [1.95, 2.05]])
    )
    assert np.array(between["xs"]) == pytest.approx(np.array([[39, 41]]))
    assert np.array(robust["xs"]) == pytest.approx(np.array([[40, 40]]))  # along w, which is not shown
    assert view.arrows.figure.xaxis.axis_label == "g_Na (mS/cm²)"
    assert view.summary.text.startswith("At the mode g_Na 40, tau 2")


def test_a_click_chooses_the_draw_next_to_it(view):
    view.arrows._tapped(SimpleNamespace(x=40.0, y=1.3))
    chosen = view.point.found.theta
    assert chosen[:2] == pytest.approx([40.0, 1.3], abs=1.5)
    assert view.player.exploration.theta == pytest.approx(chosen, rel=1e-5)


def test_the_player_moves_along_an_axis(view):
    view.climb()
    view.player.offset.value = 2.0
    assert view.player.theta == pytest.approx([40.0, 2.1, 0.0])
    assert view.player.exploration.simulated.theta == pytest.approx([40.0, 2.1, 0.0])
    assert "+2.00 steps along v1" in view.player.summary.text
    assert view.arrows._here.data["x"] != []
    view.player.axis.value = 1
    assert view.player.offset.value == 0.0
    view.player.offset.value = -3.0
    assert view.player.theta == pytest.approx([37.0, 2.0, 0.0])


def test_draws_are_coloured_by_their_nearest_mode(view, monkeypatch):
    def stand_in(posterior, start, parameter, values):
        del posterior, parameter
        path = np.tile(start, (len(values), 1))
        path[:, 1] = values
        return path

    monkeypatch.setattr("dashboard.regimes.modes_along", stand_in)
    view.arrows.x.value, view.arrows.y.value = "g_Na", "w"
    view.along.value = 1
    assert (view.arrows.x.value, view.arrows.y.value) == ("tau", "w")  # it is in the picture
    found = view.grouping.found
    assert found.values[0] > found.values[-1]
    assert view.arrows._dots.data["value"] == pytest.approx(found.values[found.owner])
    assert view.arrows._modes.data["x"] == pytest.approx(found.values)
    assert (view.arrows._plain.visible, view.arrows._coloured.visible) == (False, True)
    assert view.arrows._bar.title == "tau (ms)"
    assert "Draws by the nearest mode along tau (ms)" in view.regimes.text
    view.along.value = sensitivity.NOWHERE
    assert (view.arrows._plain.visible, view.arrows._coloured.visible) == (True, False)
    assert view.regimes.text == ""


def test_regimes_that_cannot_be_found_are_told(view, monkeypatch):
    def fails(*_):
        raise ValueError("The density is flat.")

    monkeypatch.setattr("dashboard.regimes.modes_along", fails)
    view.along.value = 0
    assert view.regimes.text == "There are no regimes here: The density is flat."
    assert view.arrows._plain.visible


def test_a_climb_that_ends_at_an_edge_is_no_peak(view, monkeypatch):
    peak = np.array([40.0, 2.999, 0.0])  # tau ends at 3
    monkeypatch.setattr(curvature, "hessian", lambda posterior, theta: np.diag([-1.0, 2.0, -0.04]))
    monkeypatch.setattr(curvature, "find_mode", lambda posterior, theta: Mode(peak, 0.0))
    view.climb()
    assert (
        "the density goes on rising there, because it lies at an edge of the support, in tau"
        in view.summary.text
    )


def test_the_support_ends_the_move(view, monkeypatch):
    monkeypatch.setattr(curvature, "hessian", lambda posterior, theta: CURVED / 1e4)
    view.climb()
    view.player.offset.value = 3.0
    assert view.player.theta[1] == pytest.approx(3.0, abs=1e-3)
    assert "The support ends here" in view.player.summary.text


def test_what_cannot_be_computed_is_told(tree, toy_simulator):
    def fails():
        raise ValueError("The weights are gone.")

    view = Sensitivity(tree, fails)
    assert view.state.text == "There is no curvature here: The weights are gone."
    assert view.player is None  # no server has a model called toy


def test_a_point_keeps_from_the_edges():
    low, high = np.array([0.0, -np.inf]), np.array([1.0, np.inf])
    assert within(np.array([0.0, 7.0]), low, high) == pytest.approx([1e-4, 7.0])
