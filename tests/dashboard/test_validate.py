"""The Validate tab without a browser: which run is the reference, how one is begun, and what is shown."""

import types

import numpy as np
import panel as pn
import pytest
import xarray as xr

from dashboard import reference_view
from dashboard.against_reference import AgainstReference
from dashboard.reference_view import ReferenceView
from dashboard.references import References
from dashboard.run_overview import RunOverview
from dashboard.validate import Validate
from inference.diagnostics import C2ST
from inference.diagnostics.compare import Comparison, Pair, ParameterDifference
from inference.requests import Request
from inference.runs import Run

PAIR = Pair("a", "b", C2ST(0.6, 500), (ParameterDifference("tau", -0.8, 1.25, 0.31),), 0.05)
FOUND = Comparison((), (PAIR,), np.full((2, 2), 0.6))


@pytest.fixture
def results(monkeypatch, toy_tree, chain_tree):
    """Results and comparisons of all runs, without reading or computing any."""

    def tree_of(run):
        return chain_tree if run.request.method == "nuts" else toy_tree

    monkeypatch.setattr(Run, "result", lambda run: types.SimpleNamespace(tree=tree_of(run)))
    monkeypatch.setattr(reference_view, "tree_of", tree_of)
    monkeypatch.setattr(reference_view, "compared", lambda run, other: FOUND)


def references(run, store, chosen="", submitted=None):
    return References(run, store, chosen=chosen, submit=(submitted if submitted is not None else []).append)


def test_an_exact_run_on_the_same_observation_is_the_reference(store, done):
    run, exact, second = done(), done(method="nuts"), done()
    done("linear_gaussian", "nuts")
    done(observation={"kind": "none"})
    store.create(Request("two_moons", "nuts")).set_state("failed")
    choice = references(run, store)
    found = choice.find()
    assert {one.id for one in found.done} == {exact.id, second.id}
    assert found.done[0].id == exact.id
    assert found.active is None
    assert choice.best(found) == exact.id
    assert references(exact, store).best(references(exact, store).find()) == ""


def test_recordings_are_one_observation_if_they_are_the_same_in_content(store, done, tmp_path):
    files = [tmp_path / name for name in ("a.nc", "b.nc", "c.nc")]
    for file, content in zip(files, ("spikes", "spikes", "silence"), strict=True):
        file.write_text(content)
    first, second, _ = (
        done("hodgkin_huxley", observation={"kind": "recording", "file": str(file)}) for file in files
    )
    assert [one.id for one in references(first, store).find().done] == [second.id]


def test_links_to_no_reference_are_one_sentence(store, done):
    run, other = done(), done("linear_gaussian")
    running = store.create(Request("two_moons"))
    assert "is not the id of a run" in references(run, store, "nonsense").problem
    assert "another run of the same model" in references(run, store, other.id).problem
    assert "is queued" in references(run, store, running.id).problem
    near = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    assert f"Did you mean {run.id}?" in references(run, store, near).problem
    assert references(run, store, "none").problem == ""


def test_the_method_follows_from_the_model(store, done):
    assert references(done(), store).method == "nuts"
    assert references(done("bernoulli_glm"), store).method == "polya_gamma"
    assert references(done("hodgkin_huxley"), store).method == ""
    assert references(done("my_own"), store).method == ""


@pytest.mark.usefixtures("results")
def test_a_reference_is_begun_followed_and_then_compared_with(store, done, toy_tree):
    run, submitted = done(seed=3), []
    choice = references(run, store, submitted=submitted)
    view = ReferenceView(toy_tree, choice)
    assert choice.chosen == ""  # and so no part of the address
    assert view.button.visible
    assert "method NUTS" in view.words.object
    view.button.param.trigger("clicks")
    (begun,) = submitted
    assert (begun.request.simulator, begun.request.method) == ("two_moons", "nuts")
    assert begun.request.observation == run.request.observation
    assert f'href="run?id={begun.id}"' in view.words.object
    assert "queued" in view.words.object
    assert not view.button.visible
    again = ReferenceView(toy_tree, references(run, store))  # opened anew while it goes on
    assert not again.button.visible
    assert "queued" in again.words.object
    begun.set_state("done")
    view.follow()
    assert choice.chosen == begun.id
    assert view.shown is not None
    assert view.shown.differences.c2st_words.text.startswith("C2ST 0.60")
    assert f"compare?runs={run.id},{begun.id}" in view.words.object


@pytest.mark.usefixtures("results")
def test_a_reference_with_other_parameters_is_refused(store, done, toy_tree):
    run, exact = done(), done(method="nuts")
    changed = toy_tree.map_over_datasets(
        lambda group: group.rename({"tau": "tau_m"} if "tau" in group else {})
    )
    choice = references(run, store)
    choice.chosen = exact.id
    view = ReferenceView(changed, choice)
    assert view.shown is None
    (alert,) = view.body.objects
    told = alert.objects[0].object
    assert "tau_m" in told
    assert "Choose another reference" in told


@pytest.mark.usefixtures("results")
def test_a_reference_that_fails_leaves_the_button(store, done, toy_tree):
    view = ReferenceView(toy_tree, references(done(), store))
    view.start()
    view._going.set_state("failed", "Out of memory.")
    view.follow()
    assert "Out of memory." in view.words.object
    assert view.button.visible


@pytest.mark.long
@pytest.mark.usefixtures("results")
def test_another_reference_is_chosen_and_kept_in_the_address(store, done):
    run, exact, other = done(), done(method="nuts"), done(seed=1)
    overview = RunOverview(run, view={"tab": "validate"}, references=references(run, store))
    view = overview.tabs.validation.reference
    assert overview.address == {"id": run.id, "tab": "validate", "sel": "", "ref": exact.id}
    view.choice.value = other.id
    assert overview.address["ref"] == other.id
    assert view.shown is not None
    view.choice.value = "none"
    assert overview.address["ref"] == "none"  # which was chosen
    assert view.body.objects == []


@pytest.mark.usefixtures("results")
def test_models_without_a_likelihood_and_exact_runs_are_told_what_to_do(store, done, toy_tree, chain_tree):
    view = ReferenceView(toy_tree, references(done("hodgkin_huxley"), store))
    assert "This model has no likelihood" in view.words.object
    assert not view.button.visible
    exact = ReferenceView(chain_tree, references(done(method="nuts"), store))
    assert "samples the exact posterior" in exact.words.object
    assert not exact.button.visible


def test_sections_are_those_that_there_are_numbers_for(make_tree, toy_checks, toy_tree, chain_tree):
    def shown(tree):
        return [type(section[-1]).__name__ for section in Validate(tree).sections()]

    assert shown(make_tree(toy_checks)) == ["CalibrationView"]
    assert shown(chain_tree) == ["ChainTraces"]
    assert shown(toy_tree) == []
    assert "nothing to check it with" in Validate(toy_tree).__panel__()[0].object


def test_one_parameter_has_no_pairs(toy_tree):
    tree = xr.DataTree.from_dict({"posterior": toy_tree["posterior"].to_dataset()[["tau"]]})
    view = AgainstReference(tree, tree, compare=lambda: FOUND)
    assert view.mosaic is None
    assert view.__panel__().get_root() is not None


def test_a_comparison_that_fails_is_one_sentence(toy_tree, chain_tree):
    def fail():
        raise ValueError("Too few draws.")

    view = AgainstReference(toy_tree, chain_tree, compare=fail)
    assert view.differences is None
    assert any("Too few draws." in pane.object for pane in view._numbers.select(pn.pane.HTML))
    assert view.__panel__().get_root() is not None
