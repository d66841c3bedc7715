"""The Explore tab as a widget in a notebook, its linked views, and its address; without a browser."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from dashboard import explore
from dashboard.explore_address import Start, read_start, write_pins
from dashboard.explore_tab import LINKED, PATHS, PINNED, Beside, Explore, parts_of
from dashboard.views.draws import posterior_draws
from dashboard.views.selection import Selection
from inference.result import Result

MEAN, SD = np.array([40.0, 1.2, 0.0], np.float32), np.array([4.0, 0.2, 1.0], np.float32)


def density(theta):
    """Of the toy's parameters, which depend on nothing."""
    return -0.5 * (((theta - jnp.asarray(MEAN)) / jnp.asarray(SD)) ** 2).sum()


@pytest.fixture
def result(toy_tree, monkeypatch):
    monkeypatch.setattr(Result, "posterior", property(lambda self: density))
    return Result(lambda: None, toy_tree)


@pytest.fixture
def tab(toy_tree):
    return Explore(toy_tree, lambda: None, beside=Beside(selection=Selection()), start=Start(part=LINKED))


def test_a_notebook_shows_the_parts_and_a_pin_changes_what_is_drawn(result):
    widget = explore(result)
    assert widget.choice.value == PINNED
    assert widget.__panel__().get_root().references()  # what a notebook is sent
    view = widget.parts[PINNED]
    view.release()
    source = view.mosaic._mosaic._histograms["model"].data_source
    before = source.data
    view.pins.boxes[0].value = True
    shown = view.mosaic._mosaic._histograms["model"].data_source
    assert view.mosaic.shown == ["tau", "w"]
    assert (len(before["xs"]), len(shown.data["xs"])) == (3, 2)
    assert (view.mosaic.draws.values[:, 0] == view.pinning.pinned[0]).all()


def test_of_a_tree_alone_the_draws_can_still_be_brushed(toy_tree):
    widget = explore(toy_tree)
    assert widget.names == [LINKED]
    with pytest.raises(ValueError, match="no part called 'pin'|unknown part|part 'pin'"):
        explore(toy_tree, part=PINNED)
    with pytest.raises(ValueError, match="There is nothing to explore"):
        explore(toy_tree.filter(lambda node: node.name != "posterior_predictive"))


def test_a_brush_lights_up_exactly_the_traces_of_its_draws(tab):
    view = tab.parts[LINKED]
    num = len(view.traces.traces.predicted)
    low, high = np.quantile(view.mosaic.draws.values[:num, 0], [0.2, 0.9])
    view.selection.ranges = {"g_Na": (float(low), float(high))}
    inside = [k for k in range(num) if low <= view.mosaic.draws.values[k, 0] <= high]
    assert view.traces._lanes.sources["selection"].data["draw"] == inside
    assert not set(view.traces._lanes.sources["model"].data["draw"]) & set(inside)
    assert f"{len(inside)} of the {num} belong to selected draws" in view.traces.summary.text


def test_a_clicked_trace_is_ringed_in_the_mosaic_and_listed(tab):
    view = tab.parts[LINKED]
    drawn = view.traces._lanes.sources["model"]
    view.traces._lanes.tapped("model")("indices", [], [3])
    k = drawn.data["draw"][3]
    assert view.selection.picked == k
    assert "mS/cm²" in view.traces._parameters.object
    assert f"Draw {k}:" in view.traces._parameters.object
    ring = view.mosaic._mosaic._ring.data_source.data
    assert len(ring["x"]) == 6  # three pairs, and three on the diagonal
    theta = view.mosaic.draws.values[k]
    assert view.mosaic._detail._ring.data == {"x": [theta[0]], "y": [theta[1]]}
    assert f"draw {k} (ring)" in view.mosaic.legend.object
    view.mosaic._tapped(SimpleNamespace(x=50.0, y=250.0))  # another cell: the ring goes along
    assert view.mosaic._detail._ring.data["x"] == [theta[view.mosaic.cell[1]]]
    view.selection.clear()
    assert list(view.mosaic._mosaic._ring.data_source.data["x"]) == []
    assert "ring" not in view.mosaic.legend.object


def test_a_link_opens_a_part_with_its_pins(toy_tree):
    draws, names = posterior_draws(toy_tree), parts_of(toy_tree)
    start, problems = read_start({"part": PINNED, "pins": "g_Na:38.5,w:-1"}, names, draws)
    assert (problems, dict(start.pinned)) == ([], {0: 38.5, 2: -1.0})
    tab = Explore(toy_tree, lambda: lambda theta: -0.5 * (theta**2).sum(), start=start)
    assert tab.parts[PINNED].pinning.pinned == {0: 38.5, 2: -1.0}
    assert [box.value for box in tab.parts[PINNED].pins.boxes] == [True, False, True]
    assert tab.parts[PINNED].pins.sliders[0].value == pytest.approx(38.5, abs=0.1)
    assert tab.address == {"part": "", "pins": "g_Na:38.5,w:-1"}
    tab.parts[PINNED].release()
    assert tab.address["pins"] == "none"
    tab.choice.value = PATHS
    assert tab.address["part"] == PATHS
    again = Explore(toy_tree, lambda: lambda theta: -0.5 * (theta**2).sum(),
                    start=read_start(tab.address, names, draws)[0])  # fmt: skip
    assert again.address == tab.address


@pytest.mark.parametrize(
    ("pins", "told"),
    [
        ("g_na:3", "g_na"),
        ("g_Na:999", "outside the prior, 0 to 80"),
        ("g_Na:nan", "A pin is written name:value"),
        ("g_Na:inf", "A pin is written name:value"),
        ("<script>alert(1)</script>", "A pin is written name:value"),
        ("g_Na:1e400", "A pin is written name:value"),
        ("g_Na", "A pin is written name:value"),
        ("g_Na:40,tau:2,w:0", "leave one free"),
    ],
)
def test_hostile_pins_are_refused_in_a_sentence(toy_tree, pins, told):
    start, problems = read_start({"part": "", "pins": pins}, parts_of(toy_tree), posterior_draws(toy_tree))
    assert start.pinned is None
    (sentence,) = problems
    assert told in sentence


def test_an_unknown_part_is_told_and_the_first_shown(toy_tree):
    start, (sentence,) = read_start({"part": "wlak"}, parts_of(toy_tree), posterior_draws(toy_tree))
    assert start.part == ""
    assert "walk" in sentence
    assert write_pins({}, posterior_draws(toy_tree)) == "none"
