"""Results with cells, sweeps, images and many features or parameters: all is shown, nothing drowns."""

import numpy as np
import panel as pn
import pytest
from bokeh.plotting import figure

from dashboard.result_tabs import ResultTabs, tab_names
from dashboard.views.curve_plot import predicted_curve
from dashboard.views.diagnosis_data import read_place
from dashboard.views.feature_data import read_features
from dashboard.views.feature_groups import FeatureGroup, groups_in, groups_of
from dashboard.views.feature_table import feature_table
from dashboard.views.features import MOST_FIGURES, FeatureComparison
from dashboard.views.observation_place import MOST_SHOWN, ObservationPlace
from dashboard.views.predictive_images import PredictiveImages, read_images
from dashboard.views.selection import Selection
from dashboard.views.trace_data import read_traces
from dashboard.views.traces import PredictiveTraces


def no_posterior():
    raise ValueError("The weights are gone.")


def test_predicted_cells_have_lanes_with_the_observed_ones_in_front(fake_tree):
    view = PredictiveTraces(fake_tree("fake_circuit"))
    lanes = view._lanes
    assert [fig.yaxis.axis_label for fig in lanes.figures] == ["AB/PD (mV)", "LP (mV)", "PY (mV)"]
    assert lanes.sources["model"].data["draw"] == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(lanes.sources["model"].data["y2"][3], view.traces.predicted[3, 2])
    lanes.tapped("model")("indices", [], [4])
    assert view.selection.picked == 4
    np.testing.assert_array_equal(lanes.sources["picked"].data["y1"][0], view.traces.predicted[4, 1])
    assert len({fig.y_range for fig in lanes.figures}) == 1


@pytest.mark.long
def test_predicted_sweeps_are_drawn_for_one_draw_first(fake_tree):
    view = PredictiveTraces(fake_tree("fake_channel"))
    assert view.num_shown == 1
    assert view._lanes.sources["model"].data["draw"] == [0] * 16
    assert len(view._lanes.figures) == 1
    view.num_shown = 2
    assert view._lanes.sources["model"].data["draw"] == [0] * 16 + [1] * 16
    view._lanes.tapped("model")("indices", [], [20])
    assert view.selection.picked == 1


@pytest.mark.long
def test_an_observation_without_a_recording_is_said(fake_tree):
    tree = fake_tree("fake_recorded")
    assert read_traces(tree).observed is None
    assert "what was observed are features alone" in PredictiveTraces(tree).summary.text


def test_a_spectrum_is_one_curve_with_the_predictions_behind_it(fakes, fake_tree):
    tree = fake_tree("fake_rhythm")
    features = read_features(tree)
    (found,) = features.curves
    assert features.single == []
    assert (found.axis.name, found.axis.unit) == ("frequency", "Hz")
    np.testing.assert_array_equal(found.axis.places, np.arange(30) * 2.0)
    plot = predicted_curve(features, found)
    assert plot.figure.xaxis.axis_label == "frequency (Hz)"
    line, wide, _, narrow, _ = (drawn.data_source.data for drawn in plot.figure.renderers)
    np.testing.assert_allclose(line["y"], found.of(features.observed))
    assert np.mean(wide["q4"] - wide["q0"]) > 2 * np.mean(narrow["q4"] - narrow["q0"])
    assert FeatureComparison(tree).sentence().startswith("Largest distance")
    assert [one.is_curve for one in groups_of(fakes["fake_rhythm"])] == [True]


@pytest.mark.long
def test_images_are_compared_with_the_observed_and_paged(fake_tree):
    tree = fake_tree("fake_field")
    view = PredictiveImages(tree)
    assert view.images.likeliest == 9  # of the ten with an image, log densities rise
    first = view.first.sources["likeliest"].data["image"][0]
    np.testing.assert_allclose(first, view.images.predicted[9])
    assert view.shown.tolist() == [0, 1, 2, 3]
    view.turn()
    view.turn()
    assert view.shown.tolist() == [8, 9]
    assert view.others.sources["draw2"].data["image"] == []
    view.turn()
    assert view.shown.tolist() == [0, 1, 2, 3]
    values = tree["posterior"]["gain"].values.ravel()[:10]
    view.selection.ranges = {"gain": (float(np.median(values)), 9.0)}
    assert set(view.shown) <= set(np.flatnonzero(values >= np.median(values)))
    assert "selected draws" in view.summary.text


def test_a_result_without_images_says_so(toy_tree):
    assert read_images(toy_tree) is None
    with pytest.raises(ValueError, match="holds no images"):
        PredictiveImages(toy_tree)


def test_the_arrays_of_features_are_known_from_the_model_and_from_the_result(fakes, fake_tree):
    found = groups_of(fakes["fake_field"])
    assert found == [FeatureGroup("sta", 0, (41, 41)), FeatureGroup("count", 1681)]
    assert [one.is_image for one in found] == [True, False]
    tree = fake_tree("fake_field")
    names = tuple(map(str, tree["observed_data"]["feature"].values))
    assert groups_in(tree, names) == found
    old = tree.copy()
    del old.attrs["feature_shapes"]
    assert groups_in(old, names) == found  # by their names, and as many as the image has pixels
    assert groups_in(old.copy().assign(), ("a", "b[0]", "b[1]", "c[0]")) == [
        FeatureGroup("a", 0), FeatureGroup("b", 1, (2,)), FeatureGroup("c", 3, (1,)),
    ]  # fmt: skip


def test_1682_features_make_no_more_figures_than_one_can_look_at(fake_tree):
    tree = fake_tree("fake_field")
    features = read_features(tree)
    assert features.single == [1681]
    view = FeatureComparison(tree)
    shown = view.__panel__()
    assert num_figures(shown) == 3 + 1  # observed, predicted and their difference; the count
    assert view._table().count("<tr>") == 2
    place = ObservationPlace(read_place(tree))
    assert len(place.shown) == MOST_SHOWN
    assert 1681 in place.shown
    assert place._table().count("<tr>") == MOST_SHOWN + 2


def test_of_many_single_features_the_farthest_are_drawn(fake_tree):
    view = FeatureComparison(fake_tree("fake_channel"))
    assert len(view.features.single) == 33
    assert num_figures(view.__panel__()) == MOST_FIGURES
    worst = int(np.nanargmax(view.features.distance))
    assert worst in view.features.farthest(3)
    assert "class=" in view._table().split("<table")[0]  # it scrolls


def test_the_table_of_a_model_sums_up_what_is_long(fakes):
    field, channel = fakes["fake_field"], fakes["fake_channel"]
    table = feature_table(field, {"now": np.linspace(-1, 1, 1682), "observation": None})
    assert table.count("<tr>") == 3
    assert "sta, 41 × 41" in table
    assert "−1 to 0.999" in table
    assert feature_table(channel, {"now": np.zeros(33)}).count("<tr>") == 34


@pytest.mark.long
@pytest.mark.parametrize("name", ["fake_circuit", "fake_channel", "fake_field", "fake_recorded"])
def test_every_tab_can_be_opened(fake_tree, name):
    tree = fake_tree(name)
    for tab in tab_names(tree):
        if tab != "what_if":
            tabs = ResultTabs(tree, no_posterior, Selection(), tab=tab)
            assert num_figures(tabs.__panel__()) <= 40


def num_figures(shown):
    """How many Bokeh figures a view draws."""
    while isinstance(shown, pn.viewable.Viewer):
        shown = shown.__panel__()
    panes = shown.select(pn.pane.Bokeh)
    return len([pane for pane in panes if isinstance(pane.object, figure)])
