"""Dragging features: the posterior follows, without a browser."""

import numpy as np
import pytest
import xarray as xr

from dashboard.what_if import NUM_DRAWS, WhatIf, _range, can_ask, read_sliders


class Echo:
    """A posterior whose g_Na lies at the first feature."""

    def __init__(self):
        self.asked = []

    def sample(self, key, num, x):
        self.asked.append(np.array(x))
        random = np.random.default_rng(0)
        return np.stack(
            [np.clip(random.normal(x[0], 2, num), 0, 80), random.uniform(1, 3, num), random.normal(size=num)],
            axis=1,
        )


@pytest.fixture
def posterior():
    return Echo()


@pytest.fixture
def view(toy_tree, posterior):
    return WhatIf(toy_tree, lambda: posterior)


def without_observation(tree):
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    return xr.DataTree.from_dict(
        {path: g for path, g in groups.items() if path not in ("/observed_data", "/posterior")}
    )


def test_it_begins_at_the_observation(view, posterior):
    np.testing.assert_allclose(posterior.asked[0], [40.0, -3.0])
    assert len(view.mosaic.draws) == NUM_DRAWS
    assert abs(np.median(view.mosaic.draws.values[:, 0]) - 40) < 1
    assert view.summary.text == "2 000 draws."
    assert [slider.label for slider in view.sliders] == ["top", "mean"]


def test_the_mosaic_follows_a_slider_and_comes_back(view, posterior):
    figure = view.mosaic._mosaic.figure
    before = np.asarray(view.mosaic._mosaic._pictures["model"].data_source.data["image"][0])
    view.sliders[0].value = 70.0
    np.testing.assert_allclose(posterior.asked[-1], [70.0, -3.0])
    assert abs(np.median(view.mosaic.draws.values[:, 0]) - 70) < 1
    after = np.asarray(view.mosaic._mosaic._pictures["model"].data_source.data["image"][0])
    assert not np.array_equal(before, after)
    assert view.mosaic._mosaic.figure is figure  # replaced data, not a new figure
    assert view.summary.text.endswith(" ms.")
    view.reset()
    assert view.sliders[0].value == pytest.approx(40.0, abs=view.sliders[0].step)
    np.testing.assert_allclose(view.question.x, [40.0, -3.0])
    assert abs(np.median(view.mosaic.draws.values[:, 0]) - 40) < 1


def test_features_unlike_all_simulations_are_doubted(view):
    assert view.state.text == ""
    view.question.set(1, 60.0)
    assert "Hardly any simulation is as unusual" in view.state.text
    view.reset()
    assert view.state.text == ""


def test_sliders_span_the_simulations_and_the_observation(toy_tree):
    features = read_sliders(toy_tree)
    assert features.units == ("mV", "")
    top, mean = features.ranges
    assert 0 <= top.low < 2
    assert 78 < top.high <= 80.5
    assert -14 < mean.low < -8
    assert features.is_observed


def test_without_an_observation_it_begins_at_a_simulation(toy_tree, posterior):
    bare = without_observation(toy_tree)
    features = read_sliders(bare)
    assert not features.is_observed
    assert (features.cloud == features.home).all(axis=1).any()
    view = WhatIf(bare, lambda: posterior)
    assert view.mosaic.draws.prior is not None
    assert view.mosaic.draws.truth is None


def test_steps_tell_a_small_value_beside_a_wide_range():
    column = np.random.default_rng(0).uniform(0.0, 30.0, 500)
    span = _range(column, 0.0311)
    assert (span.step, span.decimals) == (0.001, 3)
    assert _range(column, 17.0).step == pytest.approx(0.1)
    assert _range(column, 1e-9).step == pytest.approx(0.001)  # there is an end to it


def test_counts_move_in_whole_steps(toy_tree):
    tree = without_observation(toy_tree)
    dataset = tree["prior_predictive"].to_dataset()
    tree["prior_predictive"] = xr.DataTree(dataset.assign(x=np.round(dataset["x"])))
    assert [span.step for span in read_sliders(tree).ranges] == [1.0, 1.0]


def test_what_cannot_be_read_is_a_sentence(toy_tree):
    def gone():
        raise ValueError("The weights are damaged.")

    view = WhatIf(toy_tree, gone)
    assert view.state.text == "There is no answer: The weights are damaged."
    assert view.mosaic is None


def test_a_whole_image_has_no_sliders(toy_tree, toy_rounds, make_tree):
    assert can_ask(toy_tree)
    assert not can_ask(make_tree(toy_rounds))
    wide = without_observation(toy_tree)
    wide["prior_predictive"] = xr.DataTree(xr.Dataset({"x": (("draw", "feature"), np.zeros((30, 25)))}))
    assert not can_ask(wide)


def test_only_the_newest_wish_is_answered(view, posterior, monkeypatch):
    """While one wish is worked on, later ones replace each other."""
    jobs = []
    monkeypatch.setattr("dashboard.background.in_background", lambda *job: jobs.append(job))
    asked = len(posterior.asked)
    for value in (50.0, 55.0, 60.0, 65.0):
        view.sliders[0].value = value
    while jobs:
        work, then, _ = jobs.pop(0)
        then(work())
    assert [x[0] for x in posterior.asked[asked:]] == [65.0]
