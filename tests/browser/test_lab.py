"""A server with users, in real browsers: every route as nobody, as another user and as the owner."""

import re

import pytest
from playwright.sync_api import expect

from inference.requests import Request
from inference.runs import RunStore
from tests.browser.lab import PASSWORDS, answer, logged_in, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.long]

PAGES = ("/", "/home", "/model", "/infer", "/run", "/compare")
ROUTES = (*PAGES, "/metadata", "/infer/metadata", "/infer/autoload.js?bokeh-autoload-element=1", "/infer/ws")


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_gets_a_page(lab, route):
    for cookie in ("", "posterior_lab_login=ada", 'posterior_lab_login="2|1:0|10:1|3:x|4:YWRh|00"'):
        status, place = answer(lab[0], "GET", route, Cookie=cookie)
        assert status in (302, 403)
        assert status == 403 or re.match(r"\.?/login\?next=%2F", place)
        asked = answer(lab[0], "HEAD", route, Cookie=cookie)
        assert asked == (status, place) or (asked[0] == 405 and route not in PAGES)


def test_whoever_is_logged_in_gets_the_same_of_a_page_but_its_body(browser, lab):
    with logged_in(browser, lab, "bob") as bob:
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in bob.context.cookies())
    for route in ("/", "/run", "/login"):
        assert answer(lab[0], "HEAD", route, Cookie=cookies) == (200, "")


def test_a_form_from_elsewhere_logs_nobody_in(lab):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert answer(lab[0], "POST", "/login", **kind)[0] == 403


def test_what_the_owner_shares_is_seen_by_others_and_changed_by_nobody_else(browser, lab):
    server, _ = lab
    run = RunStore(server.root).create(Request("linear_gaussian"), "ada")
    run.set_state("stopped", "Stopped; it can be resumed.")
    run.update(note="seen by all", tags=["paper"])
    link = f"{server.address}/run?id={run.id}"
    with logged_in(browser, lab, "ada") as ada, logged_in(browser, lab, "bob") as bob:
        bob.goto(link)
        expect(bob.get_by_test_id("run-error")).to_contain_text("There is no run")
        bob.goto(server.address + "/home")
        expect(bob.get_by_text("hodgkin_huxley").first).to_be_visible()
        assert bob.locator(f'a[href*="{run.id}"]').count() == 0

        ada.goto(link)
        expect(ada.get_by_role("button", name="Resume")).to_be_visible()
        ada.get_by_role("button", name="Whoever has the link").click()
        wait_until(lambda: run.record.get("sharing") == "link")

        bob.goto(link)
        expect(bob.get_by_test_id("run-owner")).to_have_text("A run of ada.")
        expect(bob.get_by_test_id("run-note")).to_have_text("seen by all")
        assert bob.get_by_label("Note").count() == 0
        assert bob.get_by_role("button", name="Delete this run").count() == 0
        assert ada.get_by_role("button", name="Delete this run").count() == 1
        bob.get_by_role("button", name="Resume").click()
        expect(bob.get_by_text("belongs to ada; only they may do that")).to_be_visible()
        assert run.state == "stopped"


def test_logging_out_and_a_new_password_end_a_login(browser, lab):
    server, people = lab
    with logged_in(browser, lab, "bob") as bob:
        cookie = next(c for c in bob.context.cookies() if c["name"] == "posterior_lab_login")
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Lax"
        people.set_password("bob", PASSWORDS["bob"])
        bob.goto(server.address + "/home")
        expect(bob.get_by_role("button", name="Log in")).to_be_visible()
    with logged_in(browser, lab, "bob") as bob:
        bob.get_by_role("link", name="Log out").click()
        expect(bob.get_by_role("button", name="Log in")).to_be_visible()
        bob.goto(server.address + "/run")
        expect(bob.get_by_role("button", name="Log in")).to_be_visible()


def test_a_wrong_password_is_one_sentence(browser, lab):
    context = browser.new_context()
    page = context.new_page()
    page.goto(lab[0].address + "/login")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This name and password do not belong together.")
    context.close()
