"""What must be set exactly and what may vary, and shuffled draws; without a browser."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from dashboard.explore_stiff import StiffView, shuffle_sentence
from dashboard.figure_files import figure_file
from dashboard.stiffness import CHUNK, Counted, without_steepest
from dashboard.views.draws import posterior_draws

SD = np.array([4.0, 0.05, 1.0], np.float32)
LOW, HIGH = np.array([0.0, 1.0, -4.0]), np.array([80.0, 3.0, 4.0])


def density(theta):
    """tau is stiff, g_Na and w are not; they depend on nothing."""
    return -0.5 * (((theta - jnp.array([40.0, 1.5, 0.0])) / jnp.asarray(SD)) ** 2).sum()


@pytest.fixture
def draws(toy_tree):
    random = np.random.default_rng(0)
    known = posterior_draws(toy_tree)
    values = np.clip(np.array([40.0, 1.5, 0.0]) + SD * random.normal(size=(500, 3)), LOW, HIGH)
    return replace(known, values=values.astype(np.float32), low=LOW, high=HIGH)


@pytest.fixture
def view(toy_tree, toy_simulator, draws, monkeypatch):
    monkeypatch.setattr("dashboard.stiffness.NUM_SHUFFLED", 2 * CHUNK)
    return StiffView(toy_tree, draws, lambda: density, lambda: toy_simulator, file_name="my-run")


def test_the_stiffest_comes_first_and_is_told(view):
    assert view.stiffness.found is None
    view.begin()
    widths = view.stiffness.found.importance.width
    # exp of the entropy of a Gaussian is sd sqrt(2 pi e)
    np.testing.assert_allclose(widths, SD * np.sqrt(2 * np.pi * np.e) / (HIGH - LOW), rtol=0.05)
    assert view.bars.y_range.factors[-1] == "tau"
    assert view.summary.text.startswith(
        "tau must be set most exactly: with all others held it may vary over 10"
    )
    assert view.state.text == "The others were held at 100 of 100 draws."
    assert not view.halt.visible
    np.testing.assert_allclose(view.stiffness.found.subspace.shares, 1 / 3, atol=0.1)
    assert "3 of 3 directions hold 90%" in view.spectrum_summary.text


def test_holding_others_stops_and_goes_on(view, monkeypatch):
    monkeypatch.setattr("dashboard.stiffness.SECONDS", 0.0)
    heard = []
    view.stiffness.param.watch(lambda event: heard.append((event.new.num, view.state.text)), "found")
    view.stiffness.param.watch(lambda event: event.new.num == 3 and view.stop(), "found")
    view.begin()
    assert [num for num, _ in heard] == [1, 2, 3]
    assert view.stiffness.found.subspace is None  # that comes last
    assert len(pd.read_csv(view.file())) == 3
    assert heard[0][1] == "The others were held at 1 of 100 draws."
    assert "The others were held at 2 of 100 draws; " in heard[1][1]
    assert " left." in heard[1][1]
    assert (view.halt.label, view.halt.visible) == ("Go on", True)
    assert view.state.text == "The others were held at 3 of 100 draws."
    before = view.stiffness.found.entropies
    monkeypatch.setattr("dashboard.stiffness.SECONDS", 9.0)
    view._halt_or_go_on()
    assert view.stiffness.found.num == 100
    assert "directions hold" in view.spectrum_summary.text
    np.testing.assert_array_equal(view.stiffness.found.entropies[:3], before)
    assert not view.halt.visible


def test_files_hold_what_is_seen(view):
    assert len(view.file().getvalue()) < 3  # nothing is known yet
    view.begin()
    table = pd.read_csv(view.file())
    assert list(table["parameter"]) == ["g_Na", "tau", "w"]
    svg = figure_file("svg", [[view.bars], [view.spectrum]], title="Stiff").getvalue().decode()
    for words in ("tau", "width (share of the range)", "share of the mean squared slope"):
        assert f"<!-- {words} -->" in svg
    assert "analysis.importance" in view.cell.code


def test_shuffled_draws_are_simulated_piece_by_piece(view):
    seen = []
    view.shuffling.param.watch(lambda event: seen.append(event.new.num), "found")
    view._toggle()
    assert seen == [CHUNK, 2 * CHUNK]
    assert view.button.disabled
    assert view.button.label == "Go on"
    assert "of simulations of draws are valid" in view.shuffle_summary.text
    assert np.isfinite(view.shuffling.found.distances).all()


def test_it_stops_and_goes_on(view):
    view.shuffling.param.watch(lambda event: view.stop(), "found")
    view._toggle()
    assert view.shuffling.found.num == CHUNK
    assert not view.button.disabled
    view._toggle()
    assert view.shuffling.found.num == 2 * CHUNK


def test_what_cannot_be_is_a_sentence(toy_tree, draws):
    def gone():
        raise ValueError("The model is gone.")

    view = StiffView(toy_tree, draws, gone, gone)
    view.begin()
    assert view.state.text == "There is no spectrum: The model is gone."
    view._toggle()
    assert view.shuffle_summary.text == "Nothing could be simulated: The model is gone."


def test_shares_are_told_with_their_errors():
    counted = Counted(100, (80.0, 5.0), (40.0, 10.0), (80.0, 5.0))
    assert shuffle_sentence(counted) == (
        "80 % ± 4 % of simulations of draws are valid, and 5 % ± 2.2 % when shuffled (of 100 each); "
        "the valid ones lie 0.50 and 2 prior sd from the observation."
    )
    assert shuffle_sentence(Counted(100, (80.0, 0.0), (40.0, 0.0), (80.0, 0.0))).endswith("(of 100 each).")


def test_a_few_draws_at_a_bound_do_not_decide_the_directions():
    slopes = np.concatenate([np.tile([1.0, 0.1], (97, 1)), np.tile([0.0, 1e6], (3, 1))])
    kept = without_steepest(slopes, np.ones(2))
    assert np.abs(kept).max() == 1
