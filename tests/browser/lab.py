"""A lab's server with two people, and ways to be one of them."""

import contextlib
import http.client
import time

from playwright.sync_api import expect

from dashboard.people import People
from tests.browser.conftest import SECONDS, serving

PASSWORDS = {"ada": "a long password", "bob": "another password"}


@contextlib.contextmanager
def serving_lab(folder):
    """(server, people) of a server that asks everybody to log in."""
    people = People(folder / "users.json")
    for name, password in PASSWORDS.items():
        people.add(name, password)
    command = ["-c", "from dashboard.cli import main; main()", "serve", "--port", "0", "--users"]
    with serving([*command, str(people.file)], folder) as server:
        wait_until(lambda: is_listening(server))
        yield server, people


@contextlib.contextmanager
def logged_in(browser, lab, name):
    """A page of somebody's own browser, logged in through the form."""
    context = browser.new_context()
    context.set_default_timeout(1000 * SECONDS)
    try:
        page = context.new_page()
        page.goto(lab[0].address + "/home")
        log_in(page, name)
        expect(page.get_by_test_id("whoever")).to_contain_text(name)
        yield page
    finally:
        context.close()


def log_in(page, name):
    """Fill in the form."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORDS[name])
    page.get_by_role("button", name="Log in").click()


def answer(server, method, route, **headers):
    """Status and place to go on to, as a program without cookies of its own gets them."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=SECONDS)
    with contextlib.closing(connection):
        connection.request(method, route, body="name=ada&password=a+long+password", headers=headers)
        found = connection.getresponse()
        found.read()
        return found.status, found.headers.get("Location", "")


def wait_until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def is_listening(server):
    try:
        return answer(server, "GET", "/liveness")[0] == 200
    except ConnectionRefusedError:
        return False
