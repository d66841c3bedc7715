"""The guide through a first run, without a browser."""

import numpy as np
import pytest

from dashboard.guide import Guide, truth_words
from dashboard.pages import home
from dashboard.run_overview import RunOverview
from dashboard.run_title import title_of
from dashboard.views.first_steps import EXPLAIN, TEACH, FirstSteps
from dashboard.views.run_list import RunList
from inference.observations import check_description, observe, with_hidden_truth
from inference.requests import Request, check
from simulators import SIMULATORS, get_simulator


@pytest.fixture(scope="module")
def two_moons():
    return get_simulator("two_moons")


@pytest.mark.long  # compiles
def test_what_is_preselected_can_be_run():
    asked = []
    steps = FirstSteps(SIMULATORS, asked.append, seed=7)
    steps.button.clicks += 1
    assert [request.simulator for request in asked] == ["two_moons"]
    assert asked[0].observation == {"kind": "default", "hidden": 7}
    assert steps.button.disabled  # a second click does nothing
    check(asked[0])


def test_every_choice_is_explained_and_asks_for_what_it_says():
    steps = FirstSteps(SIMULATORS, lambda request: None, seed=1)
    for model in TEACH:
        steps.models.value = model
        assert steps.request.simulator == model
        assert TEACH[model] in steps.about.object
    steps.kinds.value = "shipped"
    assert steps.request.observation == {"kind": "default"}
    assert steps.teach.text == EXPLAIN["shipped"]


def test_why_it_cannot_begin_is_said():
    def refuse(request):
        raise ValueError("The disk is full.")

    steps = FirstSteps(SIMULATORS, refuse, seed=1)
    steps.run()
    assert steps.error.text == "The disk is full."
    assert not steps.button.disabled


def test_hidden_parameters_are_drawn_by_their_seed_and_known_to_the_result(two_moons):
    one, again, other = (with_hidden_truth(two_moons, seed).observed for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.theta, again.theta)
    assert not np.array_equal(one.theta, other.theta)
    assert np.isfinite(one.x).all()
    simulator, goal = observe(two_moons, {"kind": "default", "hidden": 3})
    np.testing.assert_array_equal(goal.x, one.x)
    np.testing.assert_array_equal(simulator.default_observation().theta, one.theta)


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "default", "hidden": -1}, {"kind": "default", "hidden": True}, {"kind": "none", "hidden": 1}],
)
def test_a_wrong_seed_of_hidden_parameters_is_one_sentence(wrong):
    with pytest.raises(ValueError, match="Hidden parameters are drawn by a seed"):
        check_description(wrong)


def test_a_run_says_that_its_parameters_were_hidden(store):
    run = store.create(Request("two_moons", observation={"kind": "default", "hidden": 3}))
    assert title_of(run).endswith("on a simulation with hidden parameters")
    assert RunList(store).rows[0].observation == "simulation with hidden parameters"


def test_the_guide_follows_the_run(store):
    run = store.create(Request("two_moons"))
    overview = RunOverview(run)
    guide = Guide(overview)
    assert "Simulating" in guide.words.object
    run.set_state("stopped")
    overview.refresh()
    assert "Resume" in guide.words.object


def test_the_guide_tells_where_the_truth_lies(toy_tree):
    told = truth_words(toy_tree)
    assert "g_Na = 40 (90 % of the draws: 33." in told
    assert "2 of 3 within" in told  # tau is heaped below its true value
    assert "Nobody knows" in truth_words(toy_tree.copy().drop_nodes("constant_data"))


def test_who_has_runs_is_not_new_here(store, monkeypatch):
    monkeypatch.setattr(home.rights, "store", lambda: store)
    assert home.is_new_here(RunList(store))
    store.create(Request("two_moons"), owner=home.rights.EXAMPLE)
    assert home.is_new_here(RunList(store))
    store.create(Request("two_moons"))
    assert not home.is_new_here(RunList(store))
