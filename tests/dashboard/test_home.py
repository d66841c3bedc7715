"""The home page without a browser: models, runs, and what is shown when there is nothing."""

from dashboard import links, results
from dashboard.pages import home
from dashboard.views import pictures, run_rows
from dashboard.views.gallery import Gallery
from dashboard.views.run_list import SHOWN, RunList
from inference.progress import Progress
from inference.requests import Request
from inference.zarr_files import write_zarr
from simulators import get_simulator


def test_every_model_has_a_card_with_a_picture_and_two_ways_on():
    card = Gallery({"two_moons": get_simulator("two_moons")}).cards["two_moons"].object
    assert 'data-testid="model-two_moons"' in card
    assert 'href="model?name=two_moons"' in card
    assert 'href="infer?model=two_moons"' in card
    assert "simulating" not in card
    assert card.count("h0M") == 2 * (pictures.NUM_DOTS - 1)  # prior and posterior


def test_a_trace_is_drawn_with_its_stimulus():
    drawn = pictures.picture(get_simulator("hodgkin_huxley"))
    assert drawn.count("<polyline") == 2
    assert "nan" not in drawn


def test_no_runs_teaches(store):
    assert "No runs yet" in RunList(store).ended.object


def test_a_run_goes_from_queued_to_done(store):
    run = store.create(Request("two_moons"))
    runs = RunList(store)
    assert [row.state for row in runs.rows] == ["queued"]
    run.set_state("running")
    run.append_progress(Progress("train", 30, 200))
    bar = runs._progress[run.id]
    runs.refresh()
    assert runs._progress[run.id] is bar  # the same pane: its neighbours are not drawn again
    assert 'value="15"' in bar.object
    assert "training, 30 of 200" in bar.object
    run.set_state("done")
    runs.refresh()
    assert runs.active.objects == []
    assert f'href="run?id={run.id}"' in runs.ended.object
    assert f"SNPE {run.id}" in runs.ended.object
    assert f'name="runs" value="{run.id}"' in runs.ended.object
    assert "Compare the ticked runs" not in runs.ended.object  # there is only one


def test_two_finished_runs_can_be_ticked_and_compared(store):
    for _ in range(2):
        store.create(Request("two_moons")).set_state("done")
    store.create(Request("two_moons")).set_state("failed")
    markup = RunList(store).ended.object
    assert '<form action="compare">' in markup
    assert markup.count('type="checkbox"') == 2
    assert "Compare the ticked runs" in markup


def test_nothing_is_sent_when_nothing_changes(store):
    store.create(Request("two_moons")).set_state("done")
    runs = RunList(store)
    sent = []
    runs.ended.param.watch(sent.append, "object")
    runs.refresh()
    assert sent == []


def test_the_verdict_stands_in_the_list_and_is_read_once(store, toy_tree, monkeypatch):
    run, other = store.create(Request("two_moons")), store.create(Request("two_moons"))
    write_zarr(toy_tree, run.folder / "result.zarr")
    (run.folder / "manifest.json").write_text("{}")
    run.set_state("done")
    other.set_state("done")  # its result is gone
    runs = RunList(store)
    assert 'data-testid="verdict"' not in runs.ended.object  # the page does not wait for it
    runs.refresh()
    assert '<span class="chip caution" data-testid="verdict">! caution</span>' in runs.ended.object
    assert runs.ended.object.count('data-testid="verdict"') == 1
    monkeypatch.setattr(results, "verdict", None)
    runs.refresh()
    assert "! caution" in runs.ended.object


def test_a_folder_that_cannot_be_read_is_told(store):
    run = store.create(Request("two_moons"))
    (run.folder / "run.json").write_text("{")
    assert run.id in RunList(store).ended.object


def test_many_runs_are_shortened_with_a_way_to_all(store):
    for _ in range(SHOWN + 2):
        store.create(Request("two_moons")).set_state("done")
    assert RunList(store).ended.object.count("<tr>") == SHOWN + 1
    assert "home?runs=all" in RunList(store).ended.object
    assert RunList(store, is_all=True).ended.object.count("<tr>") == SHOWN + 3


def test_labels_and_messages_are_escaped(store):
    run = store.create(Request("two_moons", observation={"kind": "none", "label": "<img src=x>"}))
    run.set_state("failed", "<script>alert(1)</script>")
    markup = RunList(store).ended.object
    assert "<img" not in markup
    assert "<script" not in markup


def test_progress_never_passes_its_end(store):
    run = store.create(Request("two_moons"))
    run.set_state("running")
    run.append_progress(Progress("train", 300, 200))
    assert run_rows.overview(run).fraction == 1.0


def test_the_page_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    monkeypatch.setattr(links, "read_query", lambda: links.Query({"runs": "al", "zip": "1"}))
    assert home.page().meta.title == "Models and runs · Posterior Lab"
