"""Logging in at a provider, which is this test: the whole way, by real requests."""

import asyncio
import socket
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from dashboard import settings
from dashboard.login import COOKIE
from dashboard.oauth_login import FLOW_COOKIE
from inference.requests import Request
from inference.runs import RunStore
from tests.browser.conftest import serving
from tests.browser.fake_provider import KEY, SECRET, providing
from tests.browser.lab import is_listening, wait_until
from tests.browser.pages_by_hand import ask, page_content, session_token
from tests.browser.test_lab import ROUTES

pytestmark = [pytest.mark.browser, pytest.mark.long]

ADA = {"email": "Ada@lab.example.org", "email_verified": True, "name": "Ada O'Brien"}
STRANGER = {"email": "eve@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """(server, provider): of a lab whose people have addresses of one domain."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-c", "from dashboard.cli import main; main()", "serve", "--port", str(port)]
    with providing() as provider, pytest.MonkeyPatch.context() as patch:
        redirect = f"http://127.0.0.1:{port}/login"
        given = {"provider": "generic", "issuer": provider.address, "allow": "@lab.example.org"}
        for name, value in {**given, "redirect": redirect, "key": KEY, "secret": SECRET}.items():
            patch.setenv(settings.oauth_variable(name), value)
        with serving(command, tmp_path_factory.mktemp("oauth")) as server:
            wait_until(lambda: is_listening(server))
            yield server, provider


class Browser:
    """Keeps cookies, with what is said of them."""

    def __init__(self, lab):
        self.server, self.provider = lab
        self.jar = SimpleCookie()

    def get(self, path):
        """(status, where to go on, text)."""
        kept = "; ".join(f"{name}={one.value}" for name, one in self.jar.items() if one.value)
        status, headers, text = ask(self.server, path, **({"Cookie": kept} if kept else {}))
        for line in headers.get_all("Set-Cookie") or []:
            self.jar.load(line)
        return status, headers.get("Location", ""), text

    def log_in_there(self, who, follows="/home"):
        """Up to the address that the provider sends one back to."""
        self.provider.who = who
        status, place, _ = self.get(f"/login?go=yes&next={quote(follows, safe='')}")
        assert status == 302
        assert place.startswith(f"{self.provider.address}/authorize?")
        provider = type("Server", (), {"address": self.provider.address})
        back = ask(provider, place.removeprefix(self.provider.address))[1]["Location"]
        return back.removeprefix(self.server.address)

    def log_in(self, who, follows="/home"):
        return self.get(self.log_in_there(who, follows))


@pytest.fixture
def browser_of(lab):
    return lambda: Browser(lab)


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_gets_a_page(lab, route):
    for cookie in ("", f"{COOKIE}=ada:oauth", "user=ada", "is_guest=1"):
        status, headers, _ = ask(lab[0], route, Cookie=cookie)
        assert status in (302, 403)
        assert status == 403 or "login" in headers["Location"]


def test_the_way_in_and_out(browser_of):
    browser = browser_of()
    status, _, text = browser.get("/login?next=/home")
    assert (status, browser.jar) == (200, SimpleCookie())
    assert "Log in with 127.0.0.1" in text
    status, place, _ = browser.log_in(ADA, "/infer?model=two_moons")
    assert (status, place) == (302, "/infer?model=two_moons")
    for name in (COOKIE, FLOW_COOKIE):
        assert browser.jar[name]["httponly"] or not browser.jar[name].value
    assert (browser.jar[COOKIE]["samesite"], browser.jar[COOKIE]["secure"]) == ("Lax", "")
    assert not browser.jar[FLOW_COOKIE].value
    assert not [
        name for name in browser.jar if name not in (COOKIE, FLOW_COOKIE)
    ]  # no tokens of the provider
    assert browser.get("/home")[0] == 200
    assert browser.provider.wrong == []
    assert browser.get("/logout")[1] == "/login"
    assert browser.get("/home")[0] == 302
    assert "Log in with" in browser.get("/login")[2]  # and not in again at once


def test_a_provider_that_wants_the_secret_in_a_header(browser_of):
    browser = browser_of()
    browser.provider.methods = ("client_secret_basic",)
    assert browser.log_in(ADA)[1] == "/home"
    browser.provider.methods = ("client_secret_post",)
    assert browser.provider.wrong == []


@pytest.mark.parametrize(
    ("who", "words"),
    [
        (STRANGER, "not among those who may use this server"),
        (ADA | {"email_verified": False}, "has not verified your address"),
        ({"email": "ada@lab.example.org"}, "has not verified your address"),
        (ADA | {"email": "a b@lab.example.org"}, "no name that can be used here"),
        (ADA | {"email": ["ada@lab.example.org"]}, "no name that can be used here"),
        (ADA | {"email": "ada@lab.example.org@example.com"}, "not among those"),
        ({"name": "ada"}, "no name that can be used here"),
    ],
)
def test_who_is_not_let_in(browser_of, who, words):
    browser = browser_of()
    status, place, _ = browser.log_in(who)
    assert status == 302
    status, _, text = browser.get(place)
    assert status == 403
    assert words in text
    assert not browser.jar[COOKIE].value
    assert browser.get("/home")[0] == 302


def test_a_login_that_was_not_begun_here_is_refused(browser_of):
    """Else somebody could log others in as themselves."""
    attacker, victim = browser_of(), browser_of()
    back = attacker.log_in_there(ADA)
    code, state = (parse_qs(urlsplit(back).query)[name][0] for name in ("code", "state"))
    attempts = [back, f"/login?code={code}", f"/login?code={code}&state=", f"/login?state={state}"]
    for attempt in [*attempts, f"/login?code={code}&state=%C3%A9"]:
        assert victim.get(attempt)[1] == "/login?problem=state"
    victim.log_in_there(ADA)  # has a state of its own now
    assert victim.get(back)[1] == "/login?problem=state"
    assert COOKIE not in victim.jar or not victim.jar[COOKIE].value
    assert attacker.get(back)[1] == "/home"
    assert attacker.get(back)[1] == "/login?problem=state"  # once


def test_what_the_provider_refuses(browser_of):
    browser = browser_of()
    state = parse_qs(urlsplit(browser.log_in_there(ADA)).query)["state"][0]
    assert browser.get(f"/login?error=access_denied&state={state}")[1] == "/login?problem=refused"
    state = parse_qs(urlsplit(browser.log_in_there(ADA)).query)["state"][0]
    assert browser.get(f"/login?code=made-up&state={state}")[1] == "/login?problem=provider"
    browser.provider.wrong.clear()


@pytest.mark.parametrize("follows", ["//evil.example", "https://evil.example/", "/\\evil.example", "evil"])
def test_nobody_is_sent_elsewhere_afterwards(browser_of, follows):
    assert browser_of().log_in(ADA, follows)[1] == "/"


def test_a_run_is_its_owners(browser_of, lab):
    server, _ = lab
    run = RunStore(server.root).create(Request("linear_gaussian"), "ada@lab.example.org")
    run.set_state("stopped", "Stopped; it can be resumed.")
    told = {}
    for who in ("ada", "bob"):
        browser = browser_of()
        browser.log_in(ADA | {"email": f"{who}@lab.example.org"})
        cookie = browser.jar[COOKIE].value
        token = session_token({COOKIE: cookie}, {}, {"id": [run.id]})
        told[who] = asyncio.run(page_content(server, "run", token, Cookie=f"{COOKIE}={cookie}"))
    assert "Delete this run" in told["ada"]
    assert "There is no run" in told["bob"]


def test_no_secret_is_left_behind(browser_of, lab):
    server, provider = lab
    browser = browser_of()
    back = browser.log_in_there(ADA)
    browser.get(back)
    _, _, page = browser.get("/home")
    code = parse_qs(urlsplit(back).query)["code"][0]
    secrets = [SECRET, quote(SECRET), code, *provider.tokens]
    places = [server.log.read_text(), page]
    places += [path.read_bytes().decode("latin-1") for path in server.root.rglob("*") if path.is_file()]
    assert not [secret for secret in secrets if any(secret in place for place in places)]
