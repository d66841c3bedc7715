"""The Compare page without a browser: which runs, and what is said where some cannot be compared."""

import numpy as np
import panel as pn
import pytest

from dashboard import comparison, links, run_choice
from dashboard.comparison import Comparison, short_names
from dashboard.pages import compare
from dashboard.run_choice import RunChoice, read_runs
from inference.diagnostics import C2ST
from inference.diagnostics.compare import Comparison as Numbers
from inference.diagnostics.compare import Pair, ParameterDifference
from inference.requests import Request

WORST = (ParameterDifference("tau", -0.8, 1.25, 0.31),)


@pytest.fixture(autouse=True)
def results(monkeypatch, toy_tree, chain_tree):
    """Results of all runs, and comparisons whose accuracy tells how many there were before."""
    asked = []

    def compared(run, other):
        asked.append((run.id, other.id))
        score = C2ST(0.5 + 0.1 * len(asked), 500)
        return Numbers((), (Pair(run.id, other.id, score, WORST, 0.05),), np.full((2, 2), 0.5))

    def tree_of(run):
        return chain_tree if run.request.method == "nuts" else toy_tree

    monkeypatch.setattr(comparison, "tree_of", tree_of)
    monkeypatch.setattr(comparison, "compared", compared)
    return asked


def test_runs_of_a_link_are_chosen_and_compared_pair_by_pair(store, done, results):
    runs = [done(), done(method="nuts"), done(seed=1)]
    choice = RunChoice(store, runs)
    assert choice.model == "two_moons"
    assert choice.chosen == [run.id for run in runs]
    shown = choice.comparison
    assert len(results) == 3
    assert shown.names[runs[1].id] == "NUTS"
    assert shown.names[runs[0].id] == f"SNPE {runs[0].id[-4:]}"
    assert shown.matrix_words.text.startswith(f"Most alike: {shown.names[runs[0].id]} and NUTS (0.60);")
    assert shown.matrix.object.count(" ± ") == 6
    assert "do not agree" in shown.verdicts or "chains" in shown.verdicts.lower()
    assert "<td>computing time</td>" in shown.facts
    assert shown.__panel__().get_root() is not None


def test_fewer_than_two_ask_for_more_and_models_are_kept_apart(store, done):
    one, other = done(), done("linear_gaussian")
    done("linear_gaussian")
    choice = RunChoice(store)
    assert choice.model == "linear_gaussian"  # of which there are most
    assert dict(choice.param["model"].get_range())["Two moons"] == "two_moons"  # called as on New run
    assert "Choose two or more runs" in choice.body.objects[0].object
    choice.chosen = [other.id]
    assert "at least one more" in choice.body.objects[0].object
    choice.model = "two_moons"
    assert choice.chosen == []
    assert list(choice.param["chosen"].names.values()) == [one.id]


def test_an_empty_store_teaches(store):
    choice = RunChoice(store)
    assert "No finished runs yet" in choice.__panel__()[0].objects[0].object
    assert choice.chosen == []


def test_each_wrong_run_is_one_sentence_and_the_others_stay(store, done):
    first, last = done(), done(seed=1)
    other, amortised = done("linear_gaussian"), done(observation={"kind": "none"})
    running = store.create(Request("two_moons"))
    near = first.id.replace("two_moons", "two_mons")  # a wrong last digit may be as near to another run
    asked = [first.id, near, first.id[:-1], "nonsense", other.id, amortised.id, running.id, last.id]
    runs, problems = read_runs(store, asked)
    assert [run.id for run in runs] == [first.id, last.id]
    for problem, words in zip(
        problems,
        (
            f"Did you mean {first.id}?",
            f"Did you mean {first.id}?",
            "is not the id",
            "Only runs of one model",
            "no observation",
            "is queued",
        ),
        strict=True,
    ):
        assert words in problem


def test_a_comparison_that_nobody_looks_at_any_more_ends(store, done, results, toy_tree):
    runs = [done(), done(seed=1), done(seed=2)]
    shown = Comparison(runs, [toy_tree] * 3)
    assert len(results) == 3
    shown._left.append(comparison.Pair(runs[0], runs[1]))
    shown.stop()
    shown._next()
    assert len(results) == 3


def test_a_damaged_result_is_one_sentence(store, done, monkeypatch):
    def fail(runs):
        raise ValueError("The result is damaged.")

    monkeypatch.setattr(run_choice, "read_trees", fail)
    choice = RunChoice(store, [done(), done(seed=1)])
    assert any("The result is damaged." in pane.object for pane in choice.body.select(pn.pane.HTML))


def test_names_are_short_where_they_can_be(done):
    runs = [done(), done(method="polya_gamma")]
    assert list(short_names(runs).values()) == ["SNPE", "Pólya-Gamma"]


def test_ids_are_read_with_commas_and_from_a_form():
    given = {"runs": [b"a,b", b"b", b" c ,", b""]}
    assert links.read_list("runs", given) == ["a", "b", "c"]
    assert links.compare_url(["a", "b"]) == "compare?runs=a,b"


def test_the_page_is_made(monkeypatch, tmp_path, done):
    runs = [done(), done(seed=1)]
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    monkeypatch.setattr(links, "read_query", lambda: links.Query({"runs": "x", "zip": "1"}))
    monkeypatch.setattr(links, "read_list", lambda key: [run.id for run in runs])
    assert compare.page().meta.title == "Compare runs · Posterior Lab"
