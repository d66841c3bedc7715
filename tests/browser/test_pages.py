"""Each page in a real browser: what moves, and one clear sentence for each mistake."""

import pytest
from playwright.sync_api import expect

from inference.requests import Request
from inference.runs import RunStore

pytestmark = pytest.mark.browser

TEXT_COLOUR = """() => [...Bokeh.documents[0]._all_models.values()]
    .find((model) => model.type === "LinearAxis").axis_label_text_color"""


@pytest.mark.long
def test_a_moved_slider_moves_the_simulation_and_the_link(visitor):
    visitor.go("/model?name=hodgkin_huxley")
    visitor.see("trace-summary", "Voltage from")
    before = visitor.read("trace-summary")
    visitor.wait()  # a key that is pressed while the page is still being drawn may be lost
    slider = visitor.page.locator("input[type=range]").first
    slider.focus()
    slider.press("Home")  # without sodium there are no spikes
    expect(visitor.page.get_by_test_id("trace-summary").first).not_to_have_text(before)
    visitor.page.wait_for_url("**g_Na=*")
    visitor.press("Reset")
    visitor.page.wait_for_url(lambda url: "g_Na" not in url)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "testid", "words", "slider"),
    [
        ("gabor_v1", "image-summary", "strongest at", 1),  # the first, the bias, moves no receptive field
        ("ion_channel", "trace-summary", "in 16 sweeps", 0),
        ("pyloric", "trace-summary", "AB/PD", 0),
    ],
)
def test_images_sweeps_and_cells_follow_a_slider(visitor, name, testid, words, slider):
    visitor.go(f"/model?name={name}")
    visitor.see(testid, words)
    before = visitor.read(testid).partition(" Computed in")[0]  # how long it took may change of itself
    visitor.wait()
    moved = visitor.page.locator("input[type=range]").nth(slider)
    moved.focus()
    moved.press("End")
    expect(visitor.page.get_by_test_id(testid).first).not_to_contain_text(before)
    expect(visitor.page.get_by_test_id("features-state").first).to_have_text("")  # they have come


@pytest.mark.long
def test_plots_are_painted_in_the_chosen_theme_which_is_remembered(visitor):
    visitor.go("/model?name=two_moons")
    light = visitor.page.evaluate(TEXT_COLOUR)
    visitor.page.get_by_label("Toggle theme").click()
    visitor.page.wait_for_function(f"light => ({TEXT_COLOUR})() !== light", arg=light)
    dark = visitor.page.evaluate(TEXT_COLOUR)
    visitor.page.reload()
    visitor.wait()
    assert visitor.page.evaluate(TEXT_COLOUR) == dark


@pytest.mark.long
def test_extra_observations_are_ticked_from_the_keyboard(visitor, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("x,label\n0.2,day 1\n0.3,day 2\n0.1,day 2\n")
    visitor.go("/infer?model=hnpe_toy&method=hnpe")
    visitor.see("estimate", "on this machine")
    visitor.wait()
    visitor.page.get_by_role("button", name="A recording").click()
    visitor.see("no-recordings", "Make one of them x₀")
    visitor.page.locator("input[type=file]").last.set_input_files(file)
    visitor.see("extras-help", "x₀ is row 0 (day 1); 2 observations beside it")
    visitor.wait()
    visitor.page.get_by_role("checkbox", name="row 2 beside x0").press("Space")
    visitor.see("extras-help", "1 observation beside it")
    visitor.page.get_by_role("radio", name="row 2 as x0").press("Space")
    visitor.see("extras-help", "x₀ is row 2 (day 2)")
    visitor.press("all day 2")
    visitor.see("extras-summary", "x₀ is 0.100; those beside it are 0.300 to 0.300.")


@pytest.mark.long
def test_a_file_that_is_no_recording_is_one_sentence(visitor, tmp_path):
    file = tmp_path / "notes.nc"
    file.write_text("To do: record a neuron.\n")
    visitor.go("/infer?model=hodgkin_huxley")
    visitor.press("A recording")
    visitor.page.locator("input[type=file]").set_input_files(file)
    visitor.see("observation-error", "notes.nc")
    assert is_one_sentence(visitor.read("observation-error"))
    expect(visitor.button("Run")).to_be_disabled()


@pytest.mark.long
def test_run_stays_in_view_beside_long_steps(visitor):
    visitor.go("/infer?model=hodgkin_huxley")
    visitor.see("observation-summary", "Built-in synthetic observation")
    visitor.page.mouse.move(300, 500)
    visitor.page.mouse.wheel(0, 5_000)
    expect(visitor.page.get_by_role("heading", name="New run")).not_to_be_in_viewport()
    expect(visitor.button("Run")).to_be_in_viewport()


@pytest.mark.long
def test_no_budget_is_one_sentence(visitor):
    visitor.go("/infer?model=linear_gaussian")
    visitor.fill("Simulations", "0")
    visitor.see("config-error", "Simulations must be from 100")
    assert is_one_sentence(visitor.read("config-error"))
    visitor.see("estimate", "Mend the settings")
    expect(visitor.button("Run")).to_be_disabled()


@pytest.mark.long
def test_a_misspelt_model_is_one_sentence_with_the_nearest(visitor):
    visitor.go("/infer?model=hodgkin_huxly")
    visitor.see("problem", "There is no model 'hodgkin_huxly'. Did you mean 'hodgkin_huxley'?")


@pytest.mark.long
def test_a_misspelt_run_is_one_sentence_with_the_nearest(visitor, server):
    run = RunStore(server.root).create(Request("linear_gaussian"))
    run.set_state("stopped")
    other = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    visitor.go(f"/run?id={other}")
    visitor.see("run-error", f"There is no run {other}")
    visitor.see("run-error", f"Did you mean {run.id}?")


@pytest.mark.long
def test_plain_panel_serves_all_pages(visitors, plain_server):
    visitor = visitors(plain_server)
    for path, heading in {
        "/home": "Models",
        "/model?name=two_moons": "Two moons",
        "/infer?model=two_moons": "New run",
        "/run?id=none": "No such run",
    }.items():
        visitor.go(path)
        expect(visitor.page.get_by_role("heading", name=heading, exact=True).first).to_be_visible()


def is_one_sentence(text):
    return text.endswith(".") and "\n" not in text.strip() and "Traceback" not in text and len(text) < 300
