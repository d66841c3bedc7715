"""Observations that share a parameter: narrowing, a player over their number, each one's own parameters."""

import numpy as np
import pytest
import xarray as xr

from dashboard.result_tabs import tab_names
from dashboard.shared import Shared, beside_extras
from dashboard.views.hierarchy_data import LEVELS, is_hierarchical, read_hierarchy

NUM_EXTRA = 4
SD = np.array([2.0, 1.0, 0.8, 0.6, 0.5])  # of the shared w with 0 ... 4 extras
TOLD = np.array([0.01, 0.5, 0.0, 0.2])


class Echo:
    """A posterior whose shared w is the narrower the more extras there are."""

    def __init__(self):
        self.asked = []

    def sample(self, key, num, x, extra):
        self.asked.append(len(extra))
        random = np.random.default_rng(0)
        w = random.normal(0, SD[len(extra)], num)
        return np.stack([random.uniform(0, 80, num), random.uniform(1, 3, num), w], axis=1)


@pytest.fixture(scope="module")
def tree(toy_tree):
    """As HNPE leaves it: w is shared by five observations, whose g_Na rise by ten each."""
    random, num = np.random.default_rng(1), 400
    axes = ("chain", "draw", "observation")
    g_na = random.normal(10.0 * np.arange(1, 6), 2.0, (1, num, 5))
    joint = xr.Dataset(
        {"g_Na": (axes, g_na), "tau": (axes, random.uniform(1, 3, (1, num, 5))),
         "w": (axes[:2], random.normal(0, 0.5, (1, num)))}
    )  # fmt: skip
    z = np.array([-1.645, -0.674, 0.0, 0.674, 1.645])
    found = xr.Dataset(
        {"num_shown": ("step", np.arange(5)), "narrowing_sd": (("step", "shared"), SD[:, None]),
         "narrowing_quantile": (("step", "quantile", "shared"), (SD[:, None] * z)[..., None]),
         "extra_told": ("extra", TOLD)}
    )  # fmt: skip
    groups = {node.path: node.to_dataset(inherit=False) for node in toy_tree.subtree}
    x_all = np.stack([np.array([40.0, -3.0]) + k for k in range(5)])
    groups["/observed_data"] = groups["/observed_data"].assign(x_all=(("observation", "feature"), x_all))
    groups["/diagnostics"] = groups["/diagnostics"].merge(found)
    made = xr.DataTree.from_dict({**groups, "/joint_posterior": joint})
    made.attrs.update(toy_tree.attrs)
    return made


@pytest.fixture
def posterior():
    return Echo()


@pytest.fixture
def view(tree, posterior):
    return Shared(tree, lambda: posterior)


def test_a_result_of_several_observations_has_the_tab(tree, toy_tree):
    assert is_hierarchical(tree)
    assert not is_hierarchical(toy_tree)
    assert "shared" in tab_names(tree)
    assert "shared" not in tab_names(toy_tree)


def test_shared_and_own_parameters_are_told_apart(tree):
    hierarchy = read_hierarchy(tree)
    assert hierarchy.shared == ("w",)
    assert hierarchy.local == ("g_Na", "tau")
    assert hierarchy.own.shape == (400, 5, 2)
    np.testing.assert_allclose(hierarchy.own[..., 0].mean(0), [10, 20, 30, 40, 50], atol=0.5)
    assert hierarchy.quantiles.shape == (5, len(LEVELS), 1)
    assert hierarchy.truth("w") == 0.5
    assert hierarchy.labels == ("0", "1", "2", "3", "4")


def test_labels_of_recordings_are_shown_with_their_numbers(tree):
    hierarchy = read_hierarchy(tree, ("open", "closed", "open", "", "closed"))
    assert hierarchy.labels == ("0, open", "1, closed", "2, open", "3", "4, closed")


def test_it_says_how_much_the_extras_sharpened(view):
    words = view.narrowing.summary.text
    assert words == "With 4 extra observations the standard deviation of w is 0.50 instead of 2."
    band = view.narrowing.figures[0].renderers[0].data_source.data
    assert (np.diff(band["q4"] - band["q0"]) < 0).all()


def test_the_extra_that_told_most_comes_first(view):
    assert list(view.told.order[:2]) == [1, 3]
    assert view.told.figure.y_range.factors[-1] == "extra 2"
    assert view.told.summary.text == (
        "Extra 2 told most: 0.50 nats; 2 extras told next to nothing beyond the others."
    )


def test_each_observations_own_parameters_have_intervals(view):
    assert view.own.summary.text.startswith("g_Na differs most between the observations")
    drawn = view.own.figures[0].renderers[-1].data_source.data  # the extras' medians
    np.testing.assert_allclose(drawn["q2"], [20, 30, 40, 50], atol=1)


def test_the_posterior_follows_the_number_of_extras(view, posterior):
    assert posterior.asked == [NUM_EXTRA]
    narrow = view.mosaic.draws.values[:, 2].std()
    view.num = 0
    assert posterior.asked[-1] == 0
    assert view.mosaic.draws.values[:, 2].std() > 3 * narrow
    assert view.narrowing._marks[0].location == 0
    assert view.state.text == "Posterior given the observation and 0 extras."


def test_playing_goes_from_none_to_all_and_ends(view, posterior):
    view.play.is_playing = True
    assert view.num == 0
    for _ in range(NUM_EXTRA + 3):
        view.play.step()
    assert view.num == NUM_EXTRA
    assert not view.play.is_playing
    assert posterior.asked == [4, 0, 1, 2, 3, 4]


def test_a_posterior_of_several_rounds_answers_for_its_own_extras_only(tree, posterior):
    groups = {node.path: node.to_dataset(inherit=False) for node in tree.subtree}
    groups["/diagnostics"] = groups["/diagnostics"].assign(round_change=("round", np.array([np.nan, 0.1])))
    view = Shared(xr.DataTree.from_dict(groups), lambda: posterior)
    assert not view.can_ask
    assert posterior.asked == []
    assert "one round" in str([getattr(p, "object", "") for p in view.__panel__().select()])


def test_what_if_asks_about_other_observations_beside_the_same_extras(tree, posterior):
    beside = beside_extras(tree, lambda: posterior)()
    assert beside.sample(None, 10, np.array([1.0, 2.0])).shape == (10, 3)
    assert posterior.asked == [NUM_EXTRA]
