"""A result explored in a notebook of JupyterLab, in a real browser, without a network."""

import re

import nbformat
import pytest

from tests.browser.conftest import ROOT, serving

pytestmark = pytest.mark.browser

RESULT = ROOT / "tests" / "data" / "result_format_1"
CELLS = (
    "from dashboard import explore\nfrom inference import load_result\n\n"
    f"result = load_result({str(RESULT)!r})",
    "explore(result)",
)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """JupyterLab with one notebook; nothing of it stays in the home of whoever runs the tests."""
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_TOKEN", "only-for-this-test")
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), notebooks / "explore.ipynb")
    options = ["--no-browser", "--allow-root", "--port=0"]
    with serving(["-m", "jupyterlab", *options, f"--ServerApp.root_dir={notebooks}"], tmp_path) as server:
        yield server


@pytest.mark.long
def test_a_slider_in_a_notebook_moves_the_plot(lab, visitors):
    visitor = visitors(lab)
    page = visitor.page
    page.goto(f"{visitor.address}/lab/tree/explore.ipynb?token=only-for-this-test&reset")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    page.locator(".jp-CodeCell .cm-content").first.click()
    for _ in CELLS:
        page.keyboard.press("Shift+Enter")
    visitor.see("pinned-summary", "With theta", seconds=180)  # compiles
    visitor.see("pinned-state", "3 000 draws.")
    threshold = page.evaluate("Bokeh.require('core/ui_gestures').UIGestures.press_threshold")
    assert threshold > 1e6  # ms: see dashboard/drags.py
    told, figure = visitor.read("pinned-summary"), page.locator(".bk-Figure").first
    before = figure.screenshot()
    assert figure.screenshot() == before  # at rest
    slider = page.locator("input[type=range]:not([disabled])").first
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    page.wait_for_function("words => !document.body.innerText.includes(words)", arg=told)
    visitor.see("pinned-state", re.compile(r"3 000 draws; the first 600 in \d+ ms\."))
    assert figure.screenshot() != before
