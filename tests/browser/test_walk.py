"""The whole way in a real browser: from the home page to the posterior of a real neuron."""

import re
import time

import pytest
from playwright.sync_api import expect

from inference.runs import RunStore

pytestmark = pytest.mark.browser

NUM_SIMULATIONS, NUM_DRAWS = 400, 10_000
BOX = ((15, 20), (75, 80))  # of 96 bins: within the cell of g_Na (across) and -E_leak (up), below left


@pytest.mark.long
def test_from_the_home_page_to_the_posterior_of_a_neuron(visitors, server, recording_file, tmp_path):
    visitor = visitors(server)
    choose_hodgkin_huxley(visitor)
    upload(visitor, recording_file)
    run_id = start_a_small_run(visitor)
    watch_it_begin(visitor)
    visitor.page.close()  # which changes nothing

    visitor = visitors(server)
    come_back(visitor, run_id)
    select_in_the_mosaic(visitor)
    compare_predictions(visitor)
    read_the_diagnosis(visitor)
    ask_what_if(visitor)
    download_draws(visitor, tmp_path)
    reopen_the_link(visitors(server), visitor.page.url)


def choose_hodgkin_huxley(visitor):
    visitor.go("/")
    model = visitor.page.get_by_test_id("model-hodgkin_huxley")
    expect(model).to_contain_text("8 parameters")
    model.get_by_role("link", name="New run").click()
    visitor.page.wait_for_url("**/infer?model=hodgkin_huxley")
    visitor.wait()


def upload(visitor, file):
    visitor.press("A recording")
    visitor.see("estimate", "Choose or upload a recording")
    visitor.page.locator("input[type=file]").set_input_files(file)
    visitor.see("observation-summary", re.compile(r"Cell 518290966.* Voltage from .* mV.*junction.* cm²"))


def start_a_small_run(visitor):
    visitor.fill("Simulations", str(NUM_SIMULATIONS))
    visitor.page.get_by_role("button", name="Advanced settings").click()
    visitor.page.get_by_label("Density estimator").click()
    visitor.page.get_by_text("maf", exact=True).click()
    visitor.fill("Flow layers", "2")
    visitor.fill("Most epochs", "5")
    visitor.see(
        "plan",
        re.compile(r"method\s*SNPE.*simulations\s*400.*density estimator\s*maf.*most epochs\s*5", re.DOTALL),
    )
    visitor.see("estimate", "on this machine")
    visitor.press("Run")
    visitor.page.wait_for_url("**/run?id=*")
    visitor.wait()
    return re.search(r"id=([\w-]+)", visitor.page.url)[1]


def watch_it_begin(visitor):
    visitor.see("run-state", "running")
    visitor.see("stages", f"of {NUM_SIMULATIONS} simulations")
    visitor.see("run-message", "You can close this page")


def come_back(visitor, run_id):
    visitor.go("/home")
    visitor.page.get_by_test_id(f"run-{run_id}").click()
    visitor.page.wait_for_url(f"**/run?id={run_id}*")
    visitor.see("run-state", "done", seconds=180)  # a first run compiles
    visitor.see("mosaic-summary", "10 000 draws; none selected")
    visitor.wait()


def select_in_the_mosaic(visitor):
    visitor.drag(*BOX, pause=0.5)  # pressed, looked, dragged: Bokeh alone ignores that
    visitor.see("mosaic-summary", "selected: g_Na")
    num = int(
        re.match(r"([\d ]+) of 10 000 draws selected", visitor.read("mosaic-summary"))[1].replace(" ", "")
    )
    assert 0 < num < NUM_DRAWS
    visitor.page.wait_for_url(re.compile(r"sel=g_Na:.*-E_leak:"))


def compare_predictions(visitor):
    visitor.open_tab("Predictions")
    visitor.see("trace-summary", re.compile(r"6 of \d+ simulations of posterior draws"))
    visitor.see("feature-summary", "prior-predictive sd")
    expect(visitor.page.get_by_test_id("feature-table").get_by_role("row")).to_have_count(1 + 7)
    visitor.page.wait_for_url("**tab=predictions*")


def read_the_diagnosis(visitor):
    visitor.see("verdict", re.compile("caution|bad"))  # 400 simulations cannot be enough
    visitor.open_tab("Validate")
    visitor.see("coverage-summary", "held-out simulations")
    visitor.see("reference-advice", "This model has no likelihood")
    visitor.open_tab("Diagnosis")
    visitor.see("place-summary", "simulations")
    visitor.see("checks", "bound")


def ask_what_if(visitor):
    visitor.open_tab("What if")
    visitor.see("what-if-summary", "2 000 draws.", seconds=180)  # compiles
    slider = visitor.page.get_by_role("slider", name="rest mean")
    slider.focus()
    slider.press("ArrowRight")
    visitor.see("what-if-summary", re.compile(r"2 000 draws in \d+ ms"))
    visitor.page.wait_for_url("**tab=what_if*")


def download_draws(visitor, folder):
    visitor.open_tab("Table and download")
    visitor.see("table-summary", "selected")
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_text("Draws as CSV").click()
    waiting.value.save_as(folder / "draws.csv")
    head, *lines = (folder / "draws.csv").read_text().splitlines()
    assert head.startswith("g_Na [mS/cm2],g_K [mS/cm2]")
    assert len(lines) == NUM_DRAWS
    visitor.page.wait_for_url("**tab=table*")


def reopen_the_link(visitor, link):
    """Another browser sees the same: the tab, and the selection in all tabs."""
    visitor.page.goto(link)
    visitor.wait()
    visitor.see("table-summary", "selected")
    visitor.open_tab("Posterior")
    visitor.see("mosaic-summary", "selected: g_Na")
    visitor.press("Clear selection")
    visitor.see("mosaic-summary", "none selected")
    visitor.page.wait_for_url(lambda url: "sel=" not in url)


@pytest.mark.long
def test_stop_is_answered_at_once_and_the_run_can_be_resumed(visitor, server):
    visitor.go("/infer?model=hodgkin_huxley&num_simulations=100000")
    visitor.press("Run")
    visitor.page.wait_for_url("**/run?id=*")
    visitor.wait()
    visitor.see("stages", re.compile(r"[1-9][\d ]* of 100 000 simulations"))
    run = RunStore(server.root).get(re.search(r"id=([\w-]+)", visitor.page.url)[1])

    visitor.press("Stop")
    has_answered(
        run, seconds=8.0
    )  # one until it stops, half of one to say why not, the rest for a busy machine
    visitor.see("run-state", "stopped")
    visitor.see("run-message", "can be resumed")

    visitor.press("Resume")
    visitor.see("run-state", "running")
    visitor.press("Stop")
    visitor.see("run-state", "stopped")


def has_answered(run, *, seconds):
    """Wait until a run that was asked to stop has, or says what it waits for."""
    deadline = time.monotonic() + seconds
    while not (run.state == "stopped" or (run.state == "stopping" and run.message)):
        assert time.monotonic() < deadline, f"after {seconds} s the run is {run.state} and says nothing"
        time.sleep(0.02)
