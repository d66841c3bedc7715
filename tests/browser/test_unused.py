"""Pages that nobody opened are forgotten soon; those that somebody has had open are kept."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from tests.browser.pages_by_hand import ask, session_token

pytestmark = [pytest.mark.browser, pytest.mark.long]

ROOT = Path(__file__).parents[2]
SECONDS = 2.0
# Writes how many pages are kept: of sessions, and of documents in the memory.
SERVER = f"""
import gc
import sys
import weakref
from pathlib import Path
import panel as pn
from tornado.ioloop import PeriodicCallback
from dashboard import shell
from dashboard.unused import forget_unused_pages

made = []

def page():
    made.append(weakref.ref(pn.state.curdoc))
    return shell.page("words")

def tell():
    gc.collect()
    alive = sum(one() is not None for one in made)
    Path(sys.argv[1]).write_text(f"{{len(server.get_sessions())}} {{alive}}.")

forget_unused_pages({SECONDS})
server = pn.io.server.get_server(
    {{"page": page}}, port=0, show=False, start=False, verbose=False,
    check_unused_sessions_milliseconds=3_000, unused_session_lifetime_milliseconds=3_600_000,
)  # an expired page is destroyed when the server comes to it, and that may be late
sys.stdout.write(f"{{server.port}}\\n")
sys.stdout.flush()
server.start()
PeriodicCallback(tell, 500).start()
server.io_loop.start()
"""


@pytest.fixture
def server(tmp_path):
    told = tmp_path / "kept"
    command = [sys.executable, "-c", SERVER, str(told)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = int(process.stdout.readline())
            yield SimpleNamespace(address=f"http://localhost:{port}", told=told)
        finally:
            process.kill()


def num_kept(server):
    """As told a moment from now."""
    server.told.unlink(missing_ok=True)
    while not server.told.exists() or not server.told.read_text().endswith("."):
        time.sleep(0.05)
    return tuple(map(int, server.told.read_text().rstrip(".").split()))


async def opened(server, seconds):
    """A page, open for a while, then closed."""
    request = HTTPRequest(
        server.address.replace("http", "ws") + "/page/ws", headers={"Origin": server.address}
    )
    socket = await websocket_connect(request, subprotocols=["bokeh", session_token({}, {}, {})])
    assert "ACK" in await socket.read_message()
    await asyncio.sleep(seconds)
    socket.close()
    while await socket.read_message() is not None:
        pass


@pytest.mark.parametrize("seconds", [0.1, 2 * SECONDS])
def test_what_nobody_opened_is_forgotten_and_what_somebody_left_is_kept(server, seconds):
    for _ in range(5):
        assert ask(server, "/page")[0] == 200
    asyncio.run(opened(server, seconds))  # a laptop that goes to sleep, soon or later
    assert min(num_kept(server)) >= 1
    deadline = time.monotonic() + 60
    while max(num_kept(server)) > 1:
        assert time.monotonic() < deadline
    time.sleep(2 * SECONDS)
    assert num_kept(server) == (1, 1)
