"""Notes, search, delete and undo on the pages, without a browser."""

import panel as pn
import panel_material_ui as pmui
import pytest

from dashboard import links, rights, settings
from dashboard.notes import Notes, read_notes
from dashboard.pages import home
from dashboard.pages import run as run_page
from dashboard.views.note_editor import NoteEditor
from dashboard.views.run_list import SHOWN, RunList
from dashboard.views.trash_list import Deeds, TrashList
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


@pytest.fixture
def trash(store, run):
    """The list of deleted runs, with one that was deleted and another that was not."""
    store.create(Request("hodgkin_huxley")).set_state("done")
    rights.annotate(run, Notes("<b>", ("paper",)))
    rights.delete(run)
    deeds = Deeds(rights.my_deleted_runs, rights.restore, rights.remove)
    return TrashList(deeds, lambda: None)


def words_of(listed):
    return " ".join(pane.object for pane in listed.rows.select(pn.pane.HTML))


def press(listed, label):
    next(button for button in listed.rows.select(pmui.Button) if button.label == label).clicks += 1


def test_the_trash_lists_what_was_deleted_and_until_when(trash, run):
    words = words_of(trash)
    assert run.id in words
    assert "gone for good in 14 days" in words
    assert "hodgkin_huxley" not in words
    assert "<b>&lt;b&gt;" not in words
    assert "&lt;b&gt;" in words


def test_a_run_is_brought_back_from_the_trash(trash, run, store):
    press(trash, "Bring back")
    assert trash.line.text == f"Run {run.id} is back."
    assert store.get(run.id).state == "stopped"
    assert "No deleted runs" in words_of(trash)


def test_a_run_is_removed_for_good_by_the_second_press(trash, run):
    press(trash, "Delete for good")
    assert run.id in words_of(trash)
    press(trash, "Yes, for good")
    assert trash.line.text == f"Run {run.id} is gone for good."
    assert "No deleted runs" in words_of(trash)
    with pytest.raises(ValueError, match="There is no run"):
        rights.restore(run.id)


def test_what_was_brought_back_elsewhere_is_one_sentence(trash, run):
    rights.restore(run.id)
    press(trash, "Bring back")
    assert "There is no run" in trash.line.text


def test_the_page_has_the_trash_where_it_is_asked_for(store, monkeypatch):
    monkeypatch.setattr(home, "all_simulators", dict)  # whose pictures take their time
    for asked in ({}, {"trash": "yes"}):
        monkeypatch.setattr(links, "read_query", lambda asked=asked: links.Query(dict(asked)))
        words = " ".join(pane.object for pane in home.page().main[0].select(pn.pane.HTML))
        assert ("No deleted runs" in words) == bool(asked)
        assert ("?trash=yes" in words) != bool(asked)
