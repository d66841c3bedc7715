import json
import types

import pytest

from dashboard.pages import run as run_page
from dashboard.results import Journal, tree_of
from dashboard.run_overview import RunOverview
from inference.progress import Progress
from inference.requests import Request
from inference.runs import Run, RunStore


@pytest.fixture
def run(store):
    return store.create(Request("two_moons", config={"num_simulations": 1000}))


@pytest.fixture
def finish(monkeypatch, toy_tree):
    """Lets a run end with the toy result."""

    def finish(run):
        monkeypatch.setattr(Run, "result", lambda self: types.SimpleNamespace(tree=toy_tree))
        run.set_state("done")

    return finish


def text_of(overview):
    return str(overview._head.object)


def test_header_says_what_was_asked(run):
    words = text_of(RunOverview(run))
    for part in (
        "Two moons",
        "its built-in observation",
        "SNPE",
        "simulations 1 000",
        "seed 0",
        "queued",
    ):
        assert part in words


def test_a_run_of_an_unknown_simulator_is_still_shown(store):
    run = store.create(Request("my_own_model", observation={"kind": "none"}))
    assert "my_own_model on no observation (amortised)" in text_of(RunOverview(run))


def test_names_from_the_request_cannot_inject_markup(store):
    run = store.create(Request("<img src=x>", config={"a": "<b>"}, observation={"kind": "none"}))
    words = text_of(RunOverview(run))
    assert "<img" not in words
    assert "<b>&lt;b" not in words.replace("<b>SNPE</b>", "")


def test_a_running_run_is_followed(run):
    overview = RunOverview(run)
    run.set_state("running")
    run.append_progress(Progress("simulate", 300, 1000))
    overview.refresh()
    assert "running" in text_of(overview)
    assert "300 of 1 000 simulations" in overview.progress._stages.object
    run.append_progress(Progress("train", 1, 10, {"train_loss": 2.0, "validation_loss": 2.5}))
    overview.refresh()
    assert overview._shown == [overview.progress, overview.training]
    assert overview.training.summary.text.startswith("Epoch 1")


def test_the_result_appears_when_the_run_ends(run, finish):
    overview = RunOverview(run)
    assert overview.tabs is None
    finish(run)
    overview.refresh()
    assert overview.tabs.tab == "posterior"
    assert "done" in text_of(overview)


def test_stop_and_resume_reach_whoever_is_responsible(run):
    asked = []
    overview = RunOverview(
        run,
        on_stop=lambda r: asked.append(("stop", r.id)),
        on_resume=lambda r: asked.append(("resume", r.id)),
    )
    overview.progress.stop.param.trigger("clicks")
    run.set_state("failed", "Out of memory.")
    overview.refresh()
    assert overview.progress.message.text == "Out of memory."
    overview.progress.resume.param.trigger("clicks")
    assert asked == [("stop", run.id), ("resume", run.id)]


def test_stop_alone_marks_the_run_folder(run):
    overview = RunOverview(run)
    overview.progress.stop.param.trigger("clicks")
    overview.refresh()
    assert run.stop_requested
    assert overview.state == "stopped"


def test_a_link_opens_the_same_view(run, finish):
    finish(run)
    overview = RunOverview(run, view={"tab": "predictions", "sel": "g_Na:35:45"})
    assert overview.tabs.tab == "predictions"
    assert overview.selection.ranges == {"g_Na": (35.0, 45.0)}
    assert overview.address == {"id": run.id, "tab": "predictions", "sel": "g_Na:35:45"}


def test_a_link_into_a_running_run_is_kept_until_it_ends(run):
    overview = RunOverview(run, view={"tab": "table", "sel": "g_Na:35:45"})
    assert overview.address == {"id": run.id, "tab": "table", "sel": "g_Na:35:45", "part": "", "pins": ""}


def test_a_bad_link_is_told_and_the_rest_shown(run, finish):
    finish(run)
    overview = RunOverview(run, view={"tab": "tabel", "sel": "g_na:1:2"})
    assert overview.tabs.tab == "posterior"
    assert overview.selection.ranges == {}
    assert len(overview._body.objects) == 3  # two sentences and the result


def test_a_damaged_result_is_a_sentence(run, monkeypatch):
    def damaged(self):
        raise ValueError("The result is damaged: 'result.zarr/zarr.json' is missing.")

    monkeypatch.setattr(Run, "result", damaged)
    run.set_state("done")
    overview = RunOverview(run)
    assert overview.tabs is None
    assert len(overview._body.objects) == 1


def test_a_run_folder_that_vanishes_is_a_sentence(run):
    overview = RunOverview(run)
    (run.folder / "run.json").write_text("{")
    overview.refresh()
    assert len(overview._body.objects) == 1


def test_a_result_is_read_once(run, finish, toy_tree):
    finish(run)
    assert tree_of(run) is tree_of(run)


def test_a_journal_is_read_on_and_torn_lines_wait(run):
    journal = Journal(run)
    assert journal.read() == []
    run.append_progress(Progress("simulate", 1, 10))
    assert [event["done"] for event in journal.read()] == [1]
    with open(run.folder / "progress.jsonl", "ab") as stream:
        stream.write(json.dumps({"stage": "simulate", "done": 2, "total": 10}).encode())
    assert len(journal.read()) == 1  # the line has no end yet
    with open(run.folder / "progress.jsonl", "ab") as stream:
        stream.write(b"\n{nonsense\n[1]\n")
    assert [event["done"] for event in journal.read()] == [1, 2]


@pytest.mark.parametrize(
    "run_id",
    ["", "nope", "../../etc/passwd", "20261120-125301-hodgkin_huxley-3f9a", "<script>alert(1)</script>"],
)
def test_an_unknown_id_is_one_sentence_with_a_way_home(run_id, monkeypatch, tmp_path):
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    with pytest.raises(ValueError, match=r"is not the id of a run|There is no run") as caught:
        RunStore(tmp_path).get(run_id)
    markup = run_page.not_found(str(caught.value))[0].object
    assert "<script>" not in markup
    assert 'href="home"' in markup
    assert markup.count("data-testid") == 1


def test_the_page_opens_without_a_session(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    assert run_page.page() is not None
