"""Keeping order among runs, and leaving with one: notes, search, delete, undo, files, a run brought in."""

import json
import shutil
import zipfile

import pytest
from playwright.sync_api import expect

from inference.requests import Request
from inference.runs import RunStore
from tests.browser.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def run(server):
    run = RunStore(server.root).create(Request("two_moons", seed=3))
    shutil.copytree(ROOT / "tests" / "data" / "result_format_1", run.folder, dirs_exist_ok=True)
    run.set_state("done")
    return run


def test_a_note_is_written_found_deleted_and_brought_back(visitor, run):
    visitor.go(f"/run?id={run.id}")
    visitor.fill("Note", "narrow ridge <b>")
    visitor.see("notes-state", "Kept.")
    visitor.fill("Tags", "paper")
    expect(visitor.page.get_by_label("Tags")).to_have_value("paper")
    visitor.page.wait_for_timeout(500)
    visitor.go("/home")
    visitor.page.get_by_label("Find runs").fill("tag:paper")
    visitor.page.wait_for_url("**/home?find=tag:paper")
    visitor.see("remark", "narrow ridge <b>")
    expect(visitor.page.locator("table.runs tbody tr")).to_have_count(1)
    visitor.page.reload()
    visitor.see("remark", "narrow ridge")
    visitor.page.get_by_test_id(f"run-{run.id}").click()
    visitor.press("Delete this run")
    visitor.see("undo-line", f"Run {run.id} was deleted.")
    assert not run.folder.exists()
    visitor.press("Undo")
    visitor.see("undo-line", "is back")
    assert run.state == "done"
    expect(visitor.page.get_by_test_id(f"run-{run.id}")).to_be_visible()


def test_a_run_like_it_is_filled_in(visitor, run):
    visitor.go(f"/run?id={run.id}")
    visitor.page.get_by_text("a new run with other settings").click()
    visitor.page.wait_for_url("**/infer?model=two_moons&seed=3")
    visitor.see("plan", "Two moons")


def test_files_are_taken_and_the_folder_comes_in_again(visitor, run, tmp_path):
    visitor.go(f"/run?id={run.id}&tab=table")
    files = {}
    for words in ("Report", "Notebook that does it again", "Run folder as .zip"):
        with visitor.page.expect_download() as download:
            visitor.page.get_by_text(words, exact=True).click()
        files[words] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[words])
    assert "Two moons" in files["Report"].read_text()
    assert json.loads(files["Notebook that does it again"].read_text())["nbformat"] == 4
    assert zipfile.ZipFile(files["Run folder as .zip"]).testzip() is None

    visitor.go("/home")
    visitor.page.get_by_text("Bring in a run from elsewhere").click()
    visitor.page.wait_for_url("**/home?bring=yes")
    visitor.wait()
    place = visitor.page.locator("input[type=file]")
    place.set_input_files(files["Report"])
    visitor.see("bring-error", "This is no .zip file.")
    place.set_input_files(files["Run folder as .zip"])
    visitor.page.wait_for_url("**/run?id=*")
    visitor.see("verdict", "")
    assert run.id not in visitor.page.url
