"""A real server, a real browser, and a visitor who notices every error of both."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "screenshots"  # of failed tests; git ignores it
SECONDS = 60  # for whatever should come at once: patience with a busy machine, not a fixed wait
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# No sandbox, because continuous integration runs as root; nothing that talks to the network on its own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
FAILED = pytest.StashKey[bool]()

IS_IDLE = "() => window.Bokeh?.documents?.length > 0 && Bokeh.documents[0].is_idle"
# Where a point of the largest figure with a brush lies on the screen, in pixels.
ON_SCREEN = """([x, y]) => {
    const models = [...Bokeh.documents[0]._all_models.values()].filter((model) => model.type === "Figure")
    const hasBrush = (figure) => figure.toolbar.tools.some((tool) => tool.type === "BoxSelectTool")
    const figures = models.filter(hasBrush)
    const views = figures.map((figure) => Bokeh.index.find_one(figure)).filter((view) => view != null)
    const area = (view) => view.el.offsetWidth * view.el.offsetHeight
    const view = views.reduce((one, other) => area(other) > area(one) ? other : one)
    view.el.scrollIntoView({block: "center"})
    const canvas = view.el.getBoundingClientRect()
    return [canvas.x + view.frame.x_scale.compute(x), canvas.y + view.frame.y_scale.compute(y)]
}"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@dataclass
class Server:
    """A server in a process of its own."""

    root: Path
    log: Path
    process: subprocess.Popen
    address: str = ""
    read: int = 0  # characters of the log that have been looked at

    def new_log(self):
        text = self.log.read_text()[self.read :]
        self.read += len(text)
        return text


@contextmanager
def serving(command, folder):
    """Run a server until the end of the block; `command` makes it listen to a free port and tell which."""
    server = Server(folder / "root", folder / "server.log", None)
    (folder / "data").mkdir()
    places = {"POSTERIOR_LAB_ROOT": str(server.root), "POSTERIOR_LAB_DATA": str(folder / "data")}
    with server.log.open("w") as log:
        server.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT, env={**os.environ, **places}, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        port = _wait_for(lambda: re.search(r"http://localhost:(\d+)", server.log.read_text()), server)[1]
        server.address = f"http://127.0.0.1:{port}"
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=30)
    assert "Traceback" not in server.log.read_text(), server.log.read_text()[-4000:]


def _wait_for(condition, server):
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, "the server does not begin: " + server.log.read_text()
        time.sleep(0.05)
    return found


SERVE = ("-c", "from dashboard.cli import main; main()", "serve", "--port", "0")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """`posterior-lab serve`, with an empty store at first: other tests leave their runs there."""
    with serving(SERVE, tmp_path_factory.mktemp("serve")) as server:
        yield server


@pytest.fixture
def new_server(tmp_path):
    """The same for one test."""
    with serving(SERVE, tmp_path) as server:
        yield server


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """(server, people) of `posterior-lab serve --users`."""
    from tests.browser.lab import serving_lab

    with serving_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory):
    """`panel serve dashboard/pages/*.py`."""
    pages = map(str, sorted((ROOT / "dashboard" / "pages").glob("*.py")))
    command = ["-m", "panel", "serve", *pages, "--port", "0"]
    with serving(command, tmp_path_factory.mktemp("plain")) as server:
        yield server


@pytest.fixture(scope="module")  # not longer: while it is open, no other test can run an event loop
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: install one (on Debian: apt install chromium)")
    expect.set_options(timeout=1000 * SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


# Panel itself now and then asks its CDN for a style sheet that the server has sent already: harmless offline.
PANEL_CDN = "https://cdn.holoviz.org/panel/"


@dataclass
class Visitor:
    """Somebody with one browser tab.

    Attributes:
        page: the tab.
        problems: errors of the browser's console, of scripts, and requests to other hosts, until now.
    """

    page: Page
    address: str
    problems: list = field(default_factory=list)

    def __post_init__(self):
        self.page.set_default_timeout(1000 * SECONDS)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("request", self._asked)

    def go(self, path):
        self.page.goto(self.address + path)
        self.wait()

    def wait(self):
        """Until everything is drawn."""
        self.page.wait_for_function(IS_IDLE)

    def see(self, testid, text, *, seconds=SECONDS):
        """Wait until an element says this (a pattern, or part of its words)."""
        expect(self.page.get_by_test_id(testid).first).to_contain_text(text, timeout=1000 * seconds)

    def read(self, testid):
        return self.page.get_by_test_id(testid).first.inner_text()

    def button(self, name):
        """By the words on it: a button's tooltip replaces its accessible name."""
        return self.page.get_by_role("button").filter(has_text=re.compile(f"^{name}$"))

    def press(self, name):
        self.button(name).click()

    def open_tab(self, name):
        self.page.get_by_role("tab", name=name).click()

    def fill(self, label, text):
        field = self.page.get_by_label(label, exact=True)
        field.fill(text)
        field.press("Tab")

    def drag(self, start, end, *, pause=0):
        """Draw a box in the largest figure with a brush, in the figure's own coordinates.

        With a pause, in seconds, between the press and the first movement.
        """
        self.wait()
        corners = self._at_rest(
            lambda: [self.page.evaluate(ON_SCREEN, list(point)) for point in (start, end)]
        )
        self.page.mouse.move(*corners[0])
        self.page.mouse.down()
        self.page.wait_for_timeout(1000 * pause)
        self.page.mouse.move(*corners[1], steps=5)
        self.page.mouse.up()

    def _at_rest(self, look):
        """What is seen twice, a moment apart: a page that is laid out anew moves under the mouse."""
        deadline, before = time.monotonic() + SECONDS, None
        while (seen := look()) != before:
            assert time.monotonic() < deadline, "the page does not come to rest"
            before = seen
            self.page.wait_for_timeout(300)
        return seen

    def _heard(self, message):
        if message.type == "error" and PANEL_CDN not in str(message.location.get("url")):
            self.problems.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, request):
        if not request.url.startswith((self.address, "data:", "blob:", PANEL_CDN)):
            self.problems.append(f"{self.page.url} asks another host for {request.url}")


@pytest.fixture
def visitors(browser, request):
    """visitors(server) -> a new `Visitor`; in the end there must be no error, in no tab and no server."""
    came = []

    def come(server):
        server.new_log()
        context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
        visitor = Visitor(context.new_page(), server.address)
        came.append((server, context, visitor))
        return visitor

    yield come
    for number, (server, context, visitor) in enumerate(came):
        if request.node.stash.get(FAILED, False) and not visitor.page.is_closed():
            SHOTS.mkdir(exist_ok=True)
            visitor.page.screenshot(path=SHOTS / f"{request.node.name}-{number}.png", full_page=True)
        context.close()
        log = server.new_log()
        assert visitor.problems == []
        assert "Traceback" not in log, log[-4000:]
        assert "ERROR" not in log, log[-4000:]


@pytest.fixture
def visitor(visitors, server):
    """Somebody at `posterior-lab serve`."""
    return visitors(server)


@pytest.fixture(scope="session")
def recording_file(tmp_path_factory):
    """The recording of cell 518290966; where it is not at hand, a made-up one in its shape."""
    real = ROOT.parent / "shared" / "data" / "allen" / "cell_518290966_sweep_57.nc"
    return real if real.is_file() else made_up_recording(tmp_path_factory.mktemp("recording"))


def made_up_recording(folder):
    """A cell that fires ten times a second while 150 pA flow, under the name of the real one."""
    from simulators.recordings import Recording, write_recording

    dt, on, off = 0.05, 205.0, 1205.0  # ms
    time = np.round(np.arange(29_000) * dt, 6)
    is_on = (time >= on) & (time <= off)
    spike = 85.0 * np.exp(-(((time % 100.0 - 60.0) / 0.8) ** 2))
    noise = np.random.default_rng(0).normal(0.0, 0.1, len(time))
    voltage = -72.0 + is_on * (18.0 + spike) + noise
    label = "Cell 518290966, made up"
    recording = Recording(time, voltage, 1.5e-4 * is_on, dt, on, off, 8e-5, -14.0, label)
    return write_recording(recording, folder / "cell_518290966.nc")
