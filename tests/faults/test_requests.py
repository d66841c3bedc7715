"""Whatever is asked of a real server: an answer, never an error of its own."""

import re
import socket
from collections import Counter
from urllib.parse import quote

import pytest
from hypothesis import strategies as st

from tests.browser.conftest import serving
from tests.browser.lab import is_listening, wait_until
from tests.faults.nasty import NASTY, WORDS, explore

PLACES = [
    "/",
    "/home",
    "/model",
    "/infer",
    "/run",
    "/compare",
    "/login",
    "/static",
    "/static/extensions",
    "/metadata",
]
PLACES += [
    "/infer/ws",
    "/infer/autoload.js",
    "/favicon.ico",
    "/liveness",
    "/../",
    "/static/..",
    "//",
    "/runs",
    "/*",
]
ODD = [
    "%2e%2e%2f" * 5 + "etc/passwd",
    "../" * 8 + "etc/passwd",
    "..\\..\\secret.json",
    "%00",
    "%ff%fe",
    "%",
    "a" * 7000,
]
ODD += [
    "%0d%0aSet-Cookie:x=1",
    "run.json",
    "secret.json",
    "\udcff\udcfe",
    "é",
    ";",
    "?",
    "#",
    "index.html",
    ".git/config",
]


@st.composite
def targets(draw):
    """A path and a query as they stand in a request."""
    path = draw(st.sampled_from(PLACES)) + draw(
        st.one_of(st.just(""), st.sampled_from(ODD).map("/{}".format))
    )
    pairs = draw(
        st.dictionaries(st.sampled_from(["id", "runs", "name", "model", "tab", *NASTY]), WORDS, max_size=3)
    )
    asked = (lambda raw: quote(raw).encode()) if draw(st.booleans()) else bytes
    raw = {
        key.encode(errors="surrogatepass"): value.encode(errors="surrogatepass")
        for key, value in pairs.items()
    }
    query = b"&".join(asked(key) + b"=" + asked(value) for key, value in raw.items())
    return re.sub(rb"[\s\x00]", b"_", path.encode(errors="surrogateescape") + b"?" + query)


@pytest.mark.long
def test_whatever_is_asked_of_a_server(tmp_path):
    command = ["-c", "from dashboard.cli import main; main()", "serve", "--port", "0"]
    answers = Counter()
    with serving(command, tmp_path) as server:  # in the end there must be no traceback in its log
        wait_until(lambda: is_listening(server))

        def act(target):
            status, body = ask(server, target)
            assert status < 500, (status, body[:300])
            assert b"Traceback" not in body
            assert b"root:x:0" not in body
            answers[status] += 1

        explore(300, targets(), act)
        assert ask(server, b"/home?runs=all?runs=all")[0] == 200  # as pasted twice
        assert ask(server, b"/home")[0] == 200
        assert "ERROR" not in server.log.read_text()
    assert answers[200] > 30, answers


def ask(server, target):
    """Status and body of the answer to a GET request, which is sent as it stands."""
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"GET " + target + b" HTTP/1.1\r\nHost: " + host.encode() + b"\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body
