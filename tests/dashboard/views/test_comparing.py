"""The views that lay posteriors side by side, each alone: what they draw, and the words beside it."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dashboard.views.chains import ChainTraces, has_chains
from dashboard.views.differences import Differences, c2st_sentence, difference_sentence
from dashboard.views.draws import posterior_draws
from dashboard.views.overlay import Overlay
from dashboard.views.predictive_distances import PredictiveDistances
from dashboard.views.run_tables import c2st_table, facts_table, verdict_table
from inference.diagnostics import C2ST, Finding, RunFacts, Verdict
from inference.diagnostics.compare import Pair, ParameterDifference


@pytest.fixture
def pair():
    found = (
        ParameterDifference("tau", -0.8, 1.25, 0.31),
        ParameterDifference("g_Na", 0.1, 1.0, 0.05),
        ParameterDifference("w", 0.0, 1.0, 0.01),
    )
    return Pair("one", "other", C2ST(0.62, 2_000), found, 0.043)


def test_posteriors_lie_over_each_other(toy_tree, chain_tree):
    view = Overlay({"snpe": posterior_draws(toy_tree), "nuts": posterior_draws(chain_tree)})
    assert view.summary.text == (
        "Medians differ most in g_Na: 39.9 to 41.9 mS/cm², 0.50 posterior standard deviations."
    )
    assert view.table().count("<tr>") == 4
    assert view.__panel__().get_root() is not None
    alone = Overlay({"snpe": posterior_draws(toy_tree)})
    assert "choose another run" in alone.summary.text


def test_differences_are_ranked_with_what_chance_gives(pair, toy_tree):
    view = Differences(pair, posterior_draws(toy_tree))
    assert view.words.text == (
        "Most in tau: mean shifted by −0.80 standard deviations of the reference, 1.2 times as wide; "
        "Kolmogorov distance 0.31."
    )
    assert view.c2st_words.text == (
        "C2ST 0.62 (95 %: 0.60 to 0.64): a classifier tells the two apart clearly; equal posteriors give "
        "0.48 to 0.52 with 2 000 independent draws each."
    )
    assert view.figure.y_range.factors == ["w", "g_Na", "tau"]
    assert view.__panel__().get_root() is not None
    even = replace(pair, parameters=pair.parameters[2:])
    assert "No parameter by itself differs more" in difference_sentence(even)


@pytest.mark.parametrize(
    ("accuracy", "words"), [(0.5, "cannot tell"), (0.55, "slightly"), (0.7, "clearly"), (0.9, "easily")]
)
def test_the_accuracy_is_put_in_words(accuracy, words):
    assert words in c2st_sentence(C2ST(accuracy, 2_000))


def test_chains_begin_with_the_parameter_they_agree_least_about(toy_tree, chain_tree):
    assert has_chains(chain_tree)
    assert not has_chains(toy_tree)
    view = ChainTraces(chain_tree)
    assert view.shown == "tau"
    assert view.summary.text == (
        "4 chains of 400 draws do not agree about tau: R-hat 1.200, worth 20 independent draws."
    )
    view.shown = "g_Na"
    assert "agree about g_Na: R-hat 1.001" in view.summary.text
    assert view.figure.yaxis.axis_label == "g_Na (mS/cm²)"
    chain = np.asarray(view._sources[1].data["value"])
    np.testing.assert_array_equal(chain, chain_tree["posterior"]["g_Na"].values[1])
    assert view.table().count("strong") == 1
    assert view.__panel__().get_root() is not None


FACTS = (
    RunFacts("a", 1000, 60.0, {"method": "SNPE", "seed": 1, "width": 64}, {"top": 0.1, "mean": 0.4}),
    RunFacts("b", None, 23.0, {"method": "NUTS", "num_chains": 4, "seed": 2}, {"top": 0.05, "mean": np.nan}),
)


def test_settings_that_differ_and_costs_stand_in_one_table():
    markup = facts_table({"a": "SNPE", "b": "NUTS"}, FACTS, ["snpe", "polya_gamma"])
    shown, _, folded = markup.partition("<details")
    for words in (
        "<td>simulations in all</td>",
        ">1 000<",
        ">60 s<",
        "<td>method</td>",
        ">Pólya-Gamma<",
        "<td>seed</td>",
    ):
        assert words in shown
    assert "hidden units" not in shown
    assert "<td>hidden units</td>" in folded
    assert "<td>chains</td>" in folded


def test_runs_about_a_property_tell_entropy_and_constraints():
    facts = [
        RunFacts("a", 20_000, 60.0, {"method": "EPI"}, entropy=6.84, violation={"mean of real_part": 0.021}),
        RunFacts("b", 30_000, 70.0, {"method": "EPI"}, entropy=None, violation={"mean of real_part": -0.5}),
    ]
    markup = facts_table({"a": "EPI 1", "b": "EPI 2"}, facts, ["epi", "epi"])
    row = re.search(r"entropy \(nats\)</td>(.*?)</tr>", markup)[1]
    assert re.findall(r">([^<]+)</td>", row) == ["6.84", "–"]
    row = re.search(r"mean of real part, off by \(of its target\)</td>(.*?)</tr>", markup)[1]
    assert re.findall(r">([^<]+)</td>", row) == ["0.021", "−0.50"]


def test_the_matrix_fills_and_says_why_not():
    names = {"a": "A", "b": "B", "c": "C"}
    scores = {("a", "b"): C2ST(0.75, 500), ("a", "c"): "Too few <draws>."}
    markup = c2st_table(names, scores)
    assert markup.count("0.75 ±") == 2
    assert markup.count('title="Too few &lt;draws&gt;."') == 2
    assert markup.count("…") == 2
    assert markup.count("<tr>") == 4


def test_verdicts_have_a_reason_and_a_next_action():
    found = Verdict("bad", (Finding("bad", "Chains <disagree>.", "Run longer."),), "Run longer.")
    markup = verdict_table({"a": "NUTS", "b": "SNPE"}, {"a": found})
    assert "✕ bad" in markup
    assert "Chains &lt;disagree&gt;. Run longer." in markup
    assert 'href="run?id=a"' in markup


def test_predictions_are_compared_feature_by_feature():
    view = PredictiveDistances(["A", "B"], FACTS)
    assert view.summary.text == (
        "Nearest to the observation: B, 0.050 prior-predictive sd on average over the features; "
        "furthest: A, 0.25."
    )
    assert view.figure().y_range.factors == ["mean", "top"]
    assert "undefined" in view.table()
    assert view.__panel__().get_root() is not None
    nothing = PredictiveDistances(["A"], [RunFacts("a")])
    assert nothing.summary.text == "None of these runs holds predictions."
    assert nothing.__panel__().get_root() is not None
