"""Scripts in names, and secrets in what a server leaves behind, in a real browser."""

import re
import stat
from urllib.parse import quote

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from playwright.sync_api import expect

from inference.requests import Request
from inference.runs import RunStore
from simulators import Prior, Simulator
from simulators.base import Observed
from tests.browser.lab import PASSWORDS, log_in
from tests.browser.test_comparing import finished

pytestmark = [pytest.mark.browser, pytest.mark.long]

SCRIPT = "<img src=x onerror=alert(1)>"
BREAKING_OUT = "\"'><svg onload=alert(2)>{{alert(3)}}"


@pytest.fixture
def victim(visitor):
    """Somebody in whose browser no script of somebody else may run."""
    dialogs = []
    visitor.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    yield visitor
    visitor.page.wait_for_timeout(500)  # milliseconds, in which a picture that does not load would tell
    assert dialogs == []
    assert visitor.page.locator("img[src=x], svg[onload]").count() == 0


def test_scripts_in_an_address_are_words(victim):
    script = SCRIPT + BREAKING_OUT
    for place, testid in (
        ("/model?name=", "problem"),
        ("/infer?model=", "problem"),
        ("/infer?model=hnpe_toy&observation=", "problem"),
        ("/run?id=", "run-error"),
        ("/compare?runs=", "problem"),
        ("/home?runs=", "problem"),
    ):
        victim.go(place + quote(script))
        victim.see(testid, "<img src=x")
    victim.go(f"/infer?{quote(script)}=1")
    victim.see("problem", "<img src=x")


def test_scripts_in_what_a_run_tells_are_words(victim, server):
    store = RunStore(server.root)
    run = store.create(Request("linear_gaussian", observation={"kind": "default", "label": SCRIPT}))
    run.update(owner=BREAKING_OUT, note=SCRIPT)
    run.set_state("failed", f"{SCRIPT}{BREAKING_OUT}")
    try:
        for path in (f"/run?id={run.id}", "/home?runs=all"):
            victim.go(path)
            expect(victim.page.get_by_text("<img src=x", exact=False).first).to_be_visible()
        victim.go(f"/compare?runs={run.id}")
        victim.see("problem", "only finished runs can be compared")
    finally:
        run.update(owner="local", note="")


def test_scripts_in_names_of_parameters_and_features_are_words(victim, server):
    """As in a result from elsewhere."""
    units = {SCRIPT: SCRIPT, BREAKING_OUT: ""}
    prior = Prior({name: dist.Normal(0, 1) for name in units}, units=units)
    model = Simulator(
        "linear_gaussian", prior, lambda key, theta: jnp.stack(list(theta.values())),
        lambda recording: dict(zip(units, recording, strict=True)),
        observed=Observed(np.zeros(2, np.float32), label=SCRIPT),
    )  # fmt: skip
    victim.go(f"/run?id={finished(RunStore(server.root), 'snpe', 0.0, chains=1, model=model)}")
    for tab in victim.page.get_by_role("tab").all():
        tab.click()
        victim.wait()
    expect(victim.page.get_by_text("<img src=x").first).to_be_attached()


def test_the_name_of_an_upload_is_words(victim):
    victim.go("/infer?model=hnpe_toy&method=hnpe")
    victim.see("estimate", "on this machine")
    victim.page.get_by_role("button", name="A recording").click()
    victim.see("no-recordings", "Make one of them")
    file = {
        "name": f"{SCRIPT}.csv",
        "mimeType": "text/csv",
        "buffer": b"x,label\n0.2," + SCRIPT.encode() + b"\n0.3,b\n",
    }
    victim.page.locator("input[type=file]").last.set_input_files(file)
    victim.see("extras-help", "observation")
    victim.wait()


def test_after_logging_in_nobody_is_sent_elsewhere(browser, lab):
    server, _ = lab
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{server.address}/login?next={quote('//evil.example/home')}")
    log_in(page, "ada")
    expect(page.get_by_test_id("whoever")).to_contain_text("ada")
    assert page.url.startswith(server.address)
    context.close()


def test_no_secret_is_left_behind(browser, lab):
    server, people = lab
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.address + "/login?next=/home")
    token = page.locator("input[name=_xsrf]").input_value()
    log_in(page, "bob")
    expect(page.get_by_test_id("whoever")).to_contain_text("bob")
    cookies = [cookie["value"] for cookie in context.cookies() if "theme" not in cookie["name"]]
    context.close()
    secret = re.search(r'"secret": "(\w+)"', (server.root / "secret.json").read_text())[1]
    secrets = [secret, token, *cookies, *PASSWORDS.values()]
    assert len(secret) == 64
    log = server.log.read_text()
    assert not [one for one in secrets if one in log]
    for path in [people.file, *server.root.rglob("*")]:
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            content = path.read_bytes()
            assert not [one for one in secrets if one.encode() in content], path
