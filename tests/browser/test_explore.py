"""Walking through the geometry of the packaged example's posterior, in a real browser."""

import re
from pathlib import Path

import pytest

import dashboard

pytestmark = pytest.mark.browser

EXAMPLES = Path(dashboard.__file__).parent / "examples"


@pytest.mark.long
def test_pin_correlate_and_walk(visitor, tmp_path):
    (example,) = EXAMPLES.iterdir()
    visitor.go(f"/run?id={example.name}&tab=explore")
    pin(visitor, tmp_path)
    correlate(visitor)
    walk(visitor)
    brush(visitor, tmp_path)
    follow_a_link(visitor, example.name)


@pytest.mark.long
def test_modes_are_counted_and_a_missing_recording_is_told(visitor):
    (example,) = EXAMPLES.iterdir()
    visitor.go(f"/run?id={example.name}&tab=explore&part=clusters")
    visitor.see("clusters-state", re.compile(r"\d+ of 200 draws have climbed"), seconds=180)  # compiles
    visitor.press("Stop")
    visitor.see("clusters-summary", re.compile(r"from \d+ draws|draws climb to"))
    visitor.press("Stiff and sloppy")
    visitor.see("stiff-state", re.compile(r"The others were held at \d+ of 100 draws"), seconds=120)
    visitor.press("Shuffle and simulate")
    visitor.see("shuffle-summary", "The recording that drove this run is not at hand here")


def pin(visitor, folder):
    visitor.see("pinned-summary", re.compile(r"With g_\w+ [\d.]+"), seconds=180)  # compiles
    visitor.page.get_by_label("Pin g_K", exact=True).set_checked(True)
    visitor.see("pinned-summary", "g_K")
    slider = visitor.page.locator("input[type=range]:not([disabled])").first
    slider.focus()
    for _ in range(20):
        slider.press("ArrowRight")
    visitor.see("pinned-state", re.compile(r"3 000 draws; the first 600 in \d+ ms\."))
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_text("These draws as CSV").click()
    waiting.value.save_as(folder / "pinned.csv")
    num = len((folder / "pinned.csv").read_text().splitlines()) - 1
    assert num in (600, 3_000)  # those that are shown: the last key may have begun a new picture
    visitor.press("Let all go")
    visitor.see("pinned-summary", "Nothing is pinned: this is the posterior.")


def correlate(visitor):
    visitor.press("What varies together")
    visitor.see("correlations-told", "conditional correlation", seconds=180)  # compiles
    visitor.press("Stop")
    visitor.see("correlations-state", re.compile(r"averaged over \d+ of 100 draws"))
    visitor.see("conditional-summary", "g_Na")


def walk(visitor):
    visitor.press("Walk through it")
    visitor.see(
        "path-summary", re.compile(r"along the ridge by [\d.]+ nats and straight by [\d.]+ nats"), seconds=300
    )
    visitor.see("trace-summary", "mV")
    visitor.press("Play")
    visitor.see("path-here", re.compile(r"Point [1-9]\d* of 59 along the ridge"))
    visitor.see("path-here", "Point 59 of 59 along the ridge")
    visitor.press("Step off here")
    visitor.see("path-summary", re.compile(r"off the ridge it falls [\d.]+ nats"), seconds=120)
    visitor.page.get_by_text("As a notebook cell").first.click()
    visitor.see("notebook-cell", "analysis.high_probability_path")


def brush(visitor, folder):
    visitor.press("Brush and see traces")
    visitor.see("trace-summary", "Click one to see its parameters")
    size = visitor.page.evaluate("innerWidth")
    visitor.drag((4, 4), (70, 90))  # the pair below on the left: half of it
    visitor.see("mosaic-summary", re.compile(r"[\d ]+ of 10 000 draws selected"))
    visitor.see("trace-summary", re.compile(r"\d+ of the 50 belong to selected draws|None of the 50"))
    visitor.page.get_by_label("Look at").first.click()
    visitor.page.get_by_text("draw 4", exact=True).click()
    visitor.see("picked-draw", "Draw 4:")
    visitor.page.get_by_text("draw 4 (ring)").first.wait_for()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size
    with visitor.page.expect_download() as waiting:
        visitor.page.get_by_text("Figure as SVG").first.click()
    waiting.value.save_as(folder / "seen.svg")
    assert "mS/cm²" in (folder / "seen.svg").read_text()


def follow_a_link(visitor, run):
    """What the address says opens again; what it cannot say is told."""
    visitor.page.wait_for_url(re.compile("part=traces"))
    visitor.go(f"/run?id={run}&tab=explore&pins=g_K:2.5,g_Xx:1")
    visitor.see("problem", "There is no parameter 'g_Xx'")
    visitor.see("pinned-summary", re.compile(r"With g_K 2.50 mS/cm²"), seconds=120)
    visitor.page.wait_for_url(re.compile(r"pins=g_K:2\.5$"))
