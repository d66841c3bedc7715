"""The views of a finished run, each alone, as a notebook would use it."""

import dataclasses
import io
import json
import types

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dashboard.downloads import draws_csv, tree_netcdf
from dashboard.export import download
from dashboard.result_tabs import ResultTabs, tab_names
from dashboard.views.draws import posterior_draws
from dashboard.views.feature_data import read_features
from dashboard.views.features import FeatureComparison
from dashboard.views.marginals import Marginals
from dashboard.views.provenance import provenance_html, settings_words
from dashboard.views.samples import SampleTable
from dashboard.views.selection import Selection
from dashboard.views.tables import parameter_table
from dashboard.views.trace_data import read_traces
from dashboard.views.traces import PredictiveTraces


def without(tree, *names):
    """The tree without some variables or groups."""
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    for name in names:
        group, _, variable = name.partition(".")
        path = f"/{group}"
        groups[path] = groups[path].drop_vars(variable) if variable else xr.Dataset()
        if not groups[path].data_vars:
            del groups[path]
    return xr.DataTree.from_dict(groups)


def no_posterior():
    raise ValueError("The weights are gone.")


def drawn(view, role):
    return view._lanes.sources[role].data["draw"]


def test_marginals_show_every_parameter_with_name_unit_and_ticks(toy_tree):
    view = Marginals(toy_tree)
    assert "Most was learned about g_Na, least about w." in view.summary.text
    assert len(view.picture._shapes["model"].data["xs"]) == 3
    assert view.__panel__() is not None


def test_densities_stay_in_their_cells_and_share_a_scale_with_the_prior(toy_tree):
    picture = Marginals(toy_tree).picture
    for role in (picture._shapes["model"], picture._prior):
        for k, (x, y) in enumerate(zip(role.data["xs"], role.data["ys"], strict=True)):
            assert picture.grid.x(k, picture.grid.low[k]) - 1e-9 <= x.min()
            assert x.max() <= picture.grid.x(k, picture.grid.high[k]) + 1e-9
            assert -1e-9 <= y.min()
            assert y.max() <= 1.0
    # A uniform prior over 80 beside a normal with sd 4: densities of 1/80 and 1/(4 sqrt(2 pi)).
    tops = [float(np.max(role.data["ys"][0])) for role in (picture._prior, picture._shapes["model"])]
    assert tops[0] / tops[1] == pytest.approx(4 * np.sqrt(2 * np.pi) / 80, rel=0.25)


def test_marginals_show_the_selected_draws_and_forget_them(toy_tree):
    selection = Selection(ranges={"g_Na": (40.0, 80.0)})
    picture = Marginals(toy_tree, selection).picture
    assert min(picture._shapes["selection"].data["xs"][0]) >= picture.grid.x(0, 38.0)
    shrunk = np.max(picture._shapes["model"].data["ys"][0])
    assert shrunk < 0.7  # half of the draws are twice as dense
    selection.clear()
    assert picture._shapes["selection"].data["xs"] == []
    assert np.max(picture._shapes["model"].data["ys"][0]) > shrunk


def test_traces_come_with_their_axes_and_the_recording(toy_tree):
    traces = read_traces(toy_tree)
    assert traces.predicted.shape == (20, 1, 100)
    assert (traces.channel, traces.channel_unit, traces.time_unit) == ("voltage", "mV", "ms")
    np.testing.assert_allclose(traces.observed[0], toy_tree["observed_data"]["trace"].values)
    assert traces.stimulus.max() == 2.0


def test_traces_of_selected_draws_stand_out(toy_tree):
    selection = Selection()
    view = PredictiveTraces(toy_tree, selection)
    assert drawn(view, "model") == [0, 1, 2, 3, 4, 5]
    assert drawn(view, "selection") == []
    selection.ranges = {"g_Na": (40.0, 80.0)}
    inside = np.flatnonzero(view.draws.values[:20, 0] >= 40).tolist()
    assert drawn(view, "selection") == inside  # all of them
    assert not set(drawn(view, "model")) & set(inside)
    assert f"{len(inside)} of the 20 belong to selected draws" in view.summary.text
    selection.ranges = {"g_Na": (1.0, 2.0)}
    assert "None of the 20 belongs to a selected draw" in view.summary.text


def test_a_click_on_a_trace_shows_its_parameters(toy_tree):
    view = PredictiveTraces(toy_tree)
    view._lanes.tapped("model")("indices", [], [4])
    assert view.selection.picked == 4
    np.testing.assert_array_equal(view._lanes.sources["picked"].data["y0"][0], view.traces.predicted[4, 0])
    assert "Draw 4" in view._parameters.object
    assert "mS/cm²" in view._parameters.object
    view.selection.clear()
    assert view._parameters.object == ""


def test_a_picked_draw_without_a_trace_is_left_alone(toy_tree):
    view = PredictiveTraces(toy_tree, Selection(picked=1_999))
    assert list(view._lanes.sources["picked"].data["y0"]) == []


def test_a_missing_recording_is_said_in_words(toy_tree):
    view = PredictiveTraces(without(toy_tree, "observed_data.trace"))
    assert "its recording is not in this result" in view.summary.text
    assert ("data", "recording") not in view._meanings()


def test_a_result_without_traces_says_so(toy_tree):
    with pytest.raises(ValueError, match="holds no traces"):
        PredictiveTraces(without(toy_tree, "posterior_predictive.trace"))


def test_features_are_compared_and_far_ones_named(toy_tree):
    view = FeatureComparison(toy_tree)
    assert view.features.names == ("top", "mean")
    assert "far off: mean" in view.sentence()
    table = view._table()
    assert "<td>top <small>mV</small></td>" in table
    assert '<td class="number strong">1.7</td>' in table
    assert view.__panel__() is not None
    low, high = (np.quantile(view.features.posterior, at, axis=0) for at in (0.4, 0.9))
    view.features = dataclasses.replace(view.features, observed=np.array([high[0], low[1]]))
    assert view.sentence().endswith("Least typical is top, above 90 % of its predictions.")


def test_only_a_model_that_gives_units_has_features_without(toy_tree):
    view = FeatureComparison(toy_tree)
    view.features = dataclasses.replace(view.features, units=("mV", ""))
    assert view._figure(1).xaxis.axis_label == "dimensionless"
    view.features = dataclasses.replace(view.features, units=("", ""))
    assert not view._figure(1).xaxis.axis_label


def test_features_without_distances_or_numbers_are_still_shown(toy_tree):
    bare = without(toy_tree, "diagnostics", "prior_predictive")
    bare["posterior_predictive"]["x"].values[:, 1] = np.nan
    view = FeatureComparison(bare)
    assert "not computed" in view.sentence()
    assert "undefined" in view._table()
    assert view.__panel__() is not None


def test_no_observation_no_comparison(toy_tree):
    assert read_features(without(toy_tree, "observed_data")) is None
    with pytest.raises(ValueError, match="no observed features"):
        FeatureComparison(without(toy_tree, "observed_data"))


def test_tables_page_and_follow_the_selection(toy_tree):
    view = SampleTable(toy_tree, file_name="toy")
    assert view._pages.count == 100
    view.page = 2
    assert '<td class="number">20</td>' in view._table.object
    view.selection.ranges = {"g_Na": (40.0, 80.0)}
    assert view.page == 1
    assert view.summary.text.endswith("draws selected, 20 per page.")
    assert view._pages.count == -(-view.selection.rows(view.draws).size // 20)


def test_parameter_table_has_a_row_each(toy_tree):
    table = parameter_table(posterior_draws(toy_tree))
    assert table.count("<tr>") == 4
    assert "contraction" in table


def test_csv_has_names_units_and_every_draw(toy_tree):
    table = pd.read_csv(draws_csv(toy_tree))
    assert list(table.columns) == ["g_Na [mS/cm2]", "tau [ms]", "w", "log_density"]
    np.testing.assert_allclose(table.to_numpy()[:, :3], posterior_draws(toy_tree).values, rtol=1e-6)


def test_netcdf_opens_again_with_everything(toy_tree, tmp_path):
    (tmp_path / "r.nc").write_bytes(tree_netcdf(toy_tree).getvalue())
    with xr.open_datatree(tmp_path / "r.nc", engine="h5netcdf") as read:
        assert set(read.children) == set(toy_tree.children)
        np.testing.assert_array_equal(read["posterior"]["tau"].values, toy_tree["posterior"]["tau"].values)
        assert read.attrs["seed"] == 7


def test_provenance_reads_json_and_escapes():
    markup = provenance_html({"config": json.dumps({"a": 1000, "b": None}), "note": "<script>", "seed": 3})
    assert "a = 1 000, b = None" in markup
    assert "<script>" not in markup
    assert (
        settings_words("snpe", {"num_simulations": 100_000, "estimator": "maf"})
        == "simulations 100 000, density estimator maf"
    )
    assert settings_words("gone", {"num_draws": 1_000}) == "num draws 1 000"


def test_tabs_are_built_when_opened(toy_tree):
    tabs = ResultTabs(toy_tree, no_posterior, Selection(), tab="predictions")
    assert [name for name, place in tabs._places.items() if place.objects] == ["predictions"]
    for position, name in enumerate(tab_names(toy_tree)):
        tabs._opened(types.SimpleNamespace(new=position))
        assert tabs.tab == name
    assert all(place.objects for place in tabs._places.values())


def test_an_amortised_result_has_no_posterior_tab(toy_tree):
    bare = without(toy_tree, "posterior", "posterior_predictive", "observed_data", "sample_stats")
    assert tab_names(bare) == ["what_if", "validate", "diagnosis", "training", "details"]
    assert ResultTabs(bare, no_posterior, Selection()).tab == "what_if"


def test_only_one_round_answers_other_observations(make_tree, toy_rounds):
    assert "what_if" in tab_names(make_tree())
    assert "what_if" not in tab_names(make_tree(toy_rounds))


def test_the_verdict_stands_above_the_tabs(toy_tree):
    line = ResultTabs(toy_tree, no_posterior, Selection()).__panel__()[0].object
    assert 'class="chip caution" data-testid="verdict"' in line
    assert "Simulations of the posterior miss the observation in mean." in line


def test_files_are_made_when_asked_for():
    button = download("CSV", "toy.csv", lambda: io.BytesIO(b"x"))
    assert button.filename == "toy.csv"
