"""The documentation builds without a warning, needs no network, and has a page for everything on offer."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from inference.methods import METHODS
from simulators import SIMULATORS


@pytest.mark.parametrize(("folder", "names"), [("models", SIMULATORS), ("methods", METHODS)])
def test_everything_on_offer_has_a_page(root, folder, names):
    pages = {path.stem for path in (root / "docs" / folder).glob("*.md")} - {"index"}
    assert pages == set(names)


def test_every_notebook_and_program_that_is_named_exists(root):
    text = "".join(path.read_text() for path in (root / "docs").rglob("*.md"))
    notebooks = {path.stem for path in (root / "notebooks").glob("*.ipynb")}
    assert set(re.findall(r"`(?:notebooks/)?(\d\d_\w+)(?:\.ipynb)?`", text)) <= notebooks
    programs = {path.stem for path in (root / "tests" / "benchmarks").glob("*.py")}
    assert set(re.findall(r"tests\.benchmarks\.(\w+)", text)) <= programs


def test_each_row_of_the_reproduction_table_says_what_was_found(root):
    rows = [
        [cell.strip() for cell in line.strip("| \n").split(" | ")]
        for line in (root / "docs" / "reproduction.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| figure")
    ]
    assert len(rows) > 60
    assert [row[0] for row in rows if len(row) < 3 or not row[2]] == []


class Loaded(HTMLParser):
    """What a page loads by itself: scripts, styles, pictures and frames, not links to follow."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("script", "img", "iframe", "source"):
            self.addresses.append(attrs.get("src") or "")
        if tag == "link" and attrs.get("rel") in ("stylesheet", "preload", "preconnect", "icon"):
            self.addresses.append(attrs.get("href") or "")


@pytest.mark.long
def test_it_builds_without_a_warning_and_loads_nothing_from_elsewhere(root, tmp_path):
    site = tmp_path / "site"
    build = ["-m", "sphinx", "--fail-on-warning", "--quiet", "-b", "html", "-d", tmp_path / "doctrees"]
    done = subprocess.run(
        [sys.executable, *build, "docs", site], cwd=root, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    pages = list(site.rglob("*.html"))
    assert len(pages) > len(SIMULATORS) + len(METHODS)
    foreign = {}
    for page in pages:
        reader = Loaded()
        reader.feed(page.read_text())
        outside = [address for address in reader.addresses if re.match(r"(?:https?:)?//", address)]
        foreign |= {page.name: outside} if outside else {}
    assert foreign == {}
    assert not [
        path for path in site.rglob("*.css") if re.search(r"url\(['\"]?(?:https?:)?//", path.read_text())
    ]
    for name in SIMULATORS:
        assert f"{name}.svg" in (site / "models" / f"{name}.html").read_text()
