"""Notes, search, delete and undo on the pages, without a browser."""

import pytest

from dashboard import links, rights, settings
from dashboard.notes import Notes, read_notes
from dashboard.pages import home
from dashboard.pages import run as run_page
from dashboard.views.note_editor import NoteEditor
from dashboard.views.run_list import SHOWN, RunList
from dashboard.views.undo import Undo
from inference.requests import Request


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.delenv(settings.USERS_VARIABLE, raising=False)
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path))
    return rights.store()


@pytest.fixture
def run(store):
    run = store.create(Request("two_moons"))
    run.set_state("stopped")
    return run


def test_a_note_is_kept_when_its_field_is_left(run):
    editor = NoteEditor(Notes(), lambda notes: rights.annotate(run, notes))
    editor.note.value = "for figure 3"
    assert read_notes(run.record) == Notes("for figure 3")
    editor.tags.value = "paper, good"
    assert read_notes(run.record) == Notes("for figure 3", ("paper", "good"))
    assert editor.state.text == "Kept."
    editor.tags.value = "<b>"
    assert "got '<b>'" in editor.error.text
    assert editor.state.text == ""
    assert read_notes(run.record).tags == ("paper", "good")


def test_others_read_it_escaped():
    shown = NoteEditor(Notes("<script>", ("paper",)), None).__panel__()[0].object
    assert "&lt;script&gt;" in shown
    assert "tag:paper" in shown


def test_only_what_is_looked_for_is_listed(store, run):
    other = store.create(Request("hodgkin_huxley"))
    rights.annotate(other, Notes("narrow ridge", ("paper",)))
    runs = RunList(store)
    assert runs.search.visible
    runs.search.value_input = "tag:paper"
    assert runs.ended.object == ""
    assert list(runs._progress) == [other.id]
    runs.find = "two_moons state:stopped"
    assert run.id in runs.ended.object
    assert runs._progress == {}
    runs.find = "nothing like this"
    assert "No run has all of this" in runs.ended.object


def test_the_way_to_all_that_were_found_says_what_was_looked_for(store):
    for _ in range(SHOWN + 1):
        store.create(Request("two_moons")).set_state("done")
    assert "home?runs=all&amp;find=state:done" in RunList(store, find="state:done").ended.object


def test_an_empty_store_asks_nothing(store):
    assert not RunList(store).search.visible


def test_delete_leads_home_and_undo_brings_it_back(store, run, monkeypatch):
    gone = []
    monkeypatch.setattr(links, "go_to", gone.append)
    run_page.deletion(run)[0].param.trigger("clicks")
    assert gone == [f"home?deleted={run.id}"]
    assert store.list() == []
    runs = RunList(store)
    undo = Undo("Deleted.", home._restorer(run.id, runs))
    undo.button.param.trigger("clicks")
    assert undo.line.text == f"Run {run.id} is back."
    assert not undo.button.visible
    assert [row.id for row in runs.rows] == [run.id]
    undo._take_back()
    assert "There is no run" in undo.line.text


def test_an_active_run_says_why_it_stays(store, run):
    run.set_state("running")
    button, line = run_page.deletion(run)
    button.param.trigger("clicks")
    assert line.text == f"Run {run.id} is running; stop it before you delete it."
    assert store.list() == [run]


def test_home_offers_to_undo_what_was_just_deleted(run, monkeypatch):
    rights.delete(run)
    for run_id, num in ((run.id, 1), ("20261120-125301-two_moons-ffff", 0), ("../..", 0), ("", 0)):
        assert len(home._deleted(links.Query({"deleted": run_id}))) == num
    monkeypatch.setattr(home, "all_simulators", dict)  # whose pictures take their time
    monkeypatch.setattr(links, "read_query", lambda: links.Query({"deleted": run.id, "find": "x"}))
    assert home.page().meta.title == "Models and runs · Posterior Lab"


def test_a_note_of_somebody_else_is_read_and_an_empty_one_not_shown(store, run, monkeypatch):
    monkeypatch.setattr(rights, "person", lambda: "bob")
    assert run_page.notes(run) == []
    assert run_page.deletion(run) == []
    run.update(note="mine")
    assert len(run_page.notes(run)) == 1
