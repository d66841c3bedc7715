"""A server behind a proxy that names people: every route from a trusted and from another address."""

import asyncio

import pytest
from tornado.web import create_signed_value

from dashboard import settings
from dashboard.login import COOKIE
from inference.requests import Request
from inference.runs import RunStore
from tests.browser.conftest import serving
from tests.browser.lab import is_listening, wait_until
from tests.browser.pages_by_hand import ask, page_content, session_token, upgrade
from tests.browser.test_lab import ROUTES

pytestmark = [pytest.mark.browser, pytest.mark.long]

HEADER = "X-Forwarded-User"
PAGES = ("/", "/home", "/model", "/infer", "/run", "/compare")
FORGED = {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
ELSEWHERE = "127.0.0.2"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """It listens to its own machine and has an origin, as the documentation tells."""
    command = ["-c", "from dashboard.cli import main; main()", "serve", "--port", "0"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.HEADER_VARIABLE, HEADER)
        patch.setenv(settings.PROXIES_VARIABLE, "127.0.0.1")
        with serving([*command, "--origin", "lab.example.org"], tmp_path_factory.mktemp("proxy")) as server:
            wait_until(lambda: is_listening(server))
            yield server


@pytest.mark.parametrize("route", ROUTES)
def test_who_does_not_come_from_the_proxy_is_nobody(server, route):
    for source, headers in (
        ("127.0.0.1", {}),
        ("127.0.0.1", {HEADER: "a b"}),
        ("127.0.0.1", {HEADER: "ada,bob"}),
        ("127.0.0.1", {"Cookie": f"{COOKIE}=ada:proxy"}),
        (ELSEWHERE, {HEADER: "ada"}),
        (ELSEWHERE, {HEADER: "ada", **FORGED}),
    ):
        status, answered, _ = ask(server, route, source=source, **headers)
        assert status in (302, 403)
        assert status == 403 or "/login" in answered["Location"]


def test_who_comes_from_the_proxy_gets_pages_and_no_cookie(server):
    for route in PAGES:
        status, answered, text = ask(server, route, **{HEADER: "ada"})
        assert (status, "Posterior Lab" in text) == (200, True)
        assert COOKIE not in str(answered)
    status, answered, text = ask(server, "/login?next=//evil.example")
    assert status == 403
    assert "its proxy names in the header X-Forwarded-User" in text
    assert ask(server, "/logout")[0] == 404


@pytest.fixture(scope="module")
def run(server):
    run = RunStore(server.root).create(Request("linear_gaussian"), "ada")
    run.set_state("stopped", "Stopped; it can be resumed.")
    return run


def test_a_websocket_is_who_the_proxy_says_whatever_the_page_tells_of_itself(server, run):
    """The token that a browser hands in tells headers and cookies of the first request: of its own making."""
    arguments = {"id": [run.id]}
    claims = ({}, {HEADER: "ada", **FORGED})
    cookies = (
        None,
        {},
        {COOKIE: "ada:proxy"},
        {COOKIE: create_signed_value("x", COOKIE, "ada:proxy").decode()},
    )
    for headers in claims:
        for cookie in cookies:
            token = session_token(cookie, headers, arguments)
            told = asyncio.run(page_content(server, "run", token, **{HEADER: "bob"}))
            assert "There is no run" in told or "login has ended" in told
            assert "Delete this run" not in told
    token = session_token(None, {}, arguments)
    assert "Delete this run" in asyncio.run(page_content(server, "run", token, **{HEADER: "ada"}))


@pytest.mark.parametrize(("source", "headers"), [(ELSEWHERE, {HEADER: "ada", **FORGED}), ("127.0.0.1", {})])
def test_nobody_has_no_websocket(server, run, source, headers):
    token = session_token(None, {HEADER: "ada"}, {"id": [run.id]})
    asked = upgrade(server, token, **headers)
    assert ask(server, "/run/ws", source=source, **asked)[0] == 403
