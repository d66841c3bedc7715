"""Simulating draws of a brushed region that no stored simulation shows; without a browser."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dashboard.driven import NOT_AT_HAND, of_catalogue, of_request
from dashboard.explore_linked import MOST, LinkedView
from dashboard.explore_stiff import StiffView
from dashboard.explore_tab import LINKED, STIFF, Beside, Explore, Start
from dashboard.views.draws import posterior_draws
from dashboard.views.selection import Selection
from inference.requests import Request

STORED = 20  # simulations in the toy's result


@pytest.fixture
def view(toy_tree, toy_simulator):
    return LinkedView(toy_tree, Selection(), drive=lambda: toy_simulator)


@pytest.fixture
def region(toy_tree):
    """A narrow range that holds many draws, none of them simulated."""
    values = posterior_draws(toy_tree).values[:, 0]
    ends = np.sort([*values[:STORED], values.min(), values.max()])
    k = int(np.argmax(np.diff(ends) * ((ends[:-1] > 34) & (ends[1:] < 46))))
    return {"g_Na": (float(ends[k] + 1e-3), float(ends[k + 1] - 1e-3))}


def test_draws_without_simulations_are_simulated_and_light_up(view, region, toy_simulator):
    more, traces = view.more, view.traces
    assert not more.button.visible
    view.selection.ranges = region
    inside = view.selection.rows(traces.draws)
    assert len(inside) > MOST
    assert "None of the 20" in traces.summary.text
    assert more.button.label == "Simulate 20 draws of this region"
    heard = []
    more.state.param.watch(lambda event: heard.append(event.new), "text")
    more._toggle()
    assert heard[0] == "Simulated 0 of 20 draws."
    assert heard[-1] == "20 simulations of this region added; they are not stored."
    shown = traces._lanes.sources["selection"]
    assert list(shown.data["draw"]) == inside[:MOST].tolist()
    assert not more.button.visible
    assert "20 of the 40 belong to selected draws" in traces.summary.text
    k, theta = inside[3], traces.draws.values[inside[3]]
    time = np.arange(0.0, 50.0, 0.5)
    expected = theta[0] * np.sin(time / theta[1]) + theta[2]
    np.testing.assert_allclose(shown.data["y0"][3], expected, atol=1e-2)
    assert f"draw {k} [mV]" in pd.read_csv(traces.file()).columns
    traces._lanes.tapped("selection")("indices", [], [3])
    assert f"Draw {k}:" in traces._parameters.object
    assert f"draw {k}" in traces._picker.options


def test_it_stops_and_goes_on(view, region):
    more = view.more
    view.selection.ranges = region
    halt = more.simulating.param.watch(lambda event: len(event.new.predicted) == 8 and view.stop(), "found")
    more._toggle()
    more.simulating.param.unwatch(halt)
    assert len(view.traces.traces.predicted) == STORED + 8
    assert more.button.label == "Simulate 12 draws of this region"
    more._toggle()
    numbers = view.traces.traces.of_draws
    assert len(numbers) == len(set(numbers)) == STORED + MOST
    assert (np.diff(numbers) > 0).all()


def test_where_enough_are_stored_nothing_is_offered(view):
    view.selection.ranges = {"g_Na": (0.0, 80.0)}
    assert len(view.more.rows) == 0
    assert not view.more.button.visible


def test_another_model_is_no_silent_mistake(toy_tree, toy_simulator, region):
    axes = replace(toy_simulator.axes, time=toy_simulator.axes.time[:50], stimulus=None)
    other = replace(toy_simulator, simulate=lambda *given: toy_simulator.simulate(*given)[:50], axes=axes)
    view = LinkedView(toy_tree, Selection(ranges=region), drive=lambda: other)
    view.more._toggle()
    assert view.more.state.text == (
        "Nothing could be simulated: the model here gives other recordings than those of this run."
    )


def test_without_the_recording_it_is_said_in_plain_words(toy_tree, toy_simulator, region, tmp_path):
    request = Request("toy", observation={"kind": "recording", "file": "observation/cell.nc"})

    def drive():
        return of_request(request, tmp_path)

    tab = Explore(toy_tree, lambda: None, beside=Beside(drive=drive), start=Start(part=LINKED))
    tab.beside.selection.ranges = region
    tab.parts[LINKED].more._toggle()
    assert tab.parts[LINKED].more.state.text == f"Nothing could be simulated: {NOT_AT_HAND}"
    stiff = tab._make(STIFF)
    assert isinstance(stiff, StiffView)
    stiff._toggle()
    assert stiff.shuffle_summary.text == f"Nothing could be simulated: {NOT_AT_HAND}"
    assert "check the path" not in NOT_AT_HAND


def test_the_catalogue_is_asked_only_for_what_made_the_result(toy_tree, toy_simulator):
    assert of_catalogue(toy_tree, toy_simulator) is toy_simulator  # no recording drives it
    drivable = replace(toy_simulator, drive=lambda recording: toy_simulator)
    assert of_catalogue(toy_tree, drivable) is drivable
    axes = toy_simulator.axes
    for wrong in (replace(axes, stimulus=axes.stimulus + 1), replace(axes, time=axes.time * 2)):
        with pytest.raises(ValueError, match="not at hand here"):
            of_catalogue(toy_tree, replace(drivable, axes=wrong))
