"""The file of users: who is in it, who may read it, and whose login holds."""

import json
import os

import pytest
from argon2 import PasswordHasher

from dashboard import settings
from dashboard.login import FREE_FAILURES, LONGEST_WAIT, Failures, person_of
from dashboard.login_page import safe_next
from dashboard.people import People, cookie_secret
from dashboard.server import Access

PASSWORD = "correct horse"


@pytest.fixture
def people(tmp_path, monkeypatch):
    monkeypatch.setattr("dashboard.people._hasher", lambda: PasswordHasher(1, 8, 1))  # in no time
    people = People(tmp_path / "users.json")
    people.add("ada", PASSWORD)
    return people


def test_the_right_password_only(people):
    assert people.verify("ada", PASSWORD)
    assert not people.verify("ada", PASSWORD + " ")
    assert not people.verify("bob", PASSWORD)
    assert not people.verify("ada", "x" * 10_000)


def test_no_password_is_in_the_file(people):
    assert PASSWORD not in people.file.read_text()
    assert json.loads(people.file.read_text())["users"]["ada"]["hash"].startswith("$argon2id$")


def test_a_login_ends_with_the_password_and_with_the_person(people):
    login = f"ada:{people.since('ada')}".encode()
    assert person_of(people, login) == "ada"
    people.set_password("ada", "another horse")
    assert person_of(people, login) is None
    login = f"ada:{people.since('ada')}".encode()
    people.remove("ada")
    assert person_of(people, login) is None


@pytest.mark.parametrize("login", [None, b"", b"ada", b"ada:", b":", b"bob:None", b"ada:None", b"\xff:\xff"])
def test_no_login_of_a_made_up_cookie(people, login):
    assert person_of(people, login) is None


@pytest.mark.parametrize("name", ["", "Ada", "../ada", "a b", "local", "example", "a" * 65, "-a", "<b>"])
def test_unusable_names(people, name):
    with pytest.raises(ValueError, match="cannot be a name"):
        people.add(name, PASSWORD)


def test_sentences_about_people(people):
    with pytest.raises(ValueError, match="There is a user ada already"):
        people.add("ada", PASSWORD)
    with pytest.raises(ValueError, match="There is no user bob .* there is ada"):
        people.remove("bob")
    with pytest.raises(ValueError, match="10 to 500 characters; got 5"):
        people.set_password("ada", "short")


def test_a_server_refuses_a_file_that_it_cannot_rely_on(people, tmp_path):
    people.check()
    os.chmod(people.file, 0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        people.check()
    with pytest.raises(ValueError, match="There is no file of users"):
        People(tmp_path / "none.json").check()
    os.chmod(people.file, 0o600)
    people.remove("ada")
    with pytest.raises(ValueError, match="nobody in"):
        people.check()
    people.file.write_text('{"format": 2}')
    with pytest.raises(ValueError, match="not a file of users of format 1"):
        people.check()


def test_what_signs_logins_is_kept_and_private(tmp_path):
    secret = cookie_secret(tmp_path)
    assert cookie_secret(tmp_path) == secret
    assert len(secret) == 64
    assert (tmp_path / "secret.json").stat().st_mode & 0o777 == 0o600
    os.chmod(tmp_path / "secret.json", 0o644)
    with pytest.raises(ValueError, match="Others on this machine"):
        cookie_secret(tmp_path)


def test_failures_make_one_wait_longer_and_longer():
    failures = Failures()
    for _ in range(FREE_FAILURES):
        assert failures.wait("name ada", "from 1", now=10.0) == 0
        failures.add("name ada", "from 1", now=10.0)
    first = failures.wait("name ada", now=10.0)
    failures.add("name ada", now=10.0)
    assert failures.wait("name ada", now=10.0) == 2 * first > 0
    assert failures.wait("from 1", now=10.0) == first  # another name from the same address waits too
    assert failures.wait("name bob", "from 2", now=10.0) == 0
    for _ in range(2_000):
        failures.add("name ada", now=10.0)
    assert failures.wait("name ada", now=10.0) == LONGEST_WAIT
    failures.forget("name ada")
    assert failures.wait("name ada", now=10.0) == 0


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "/a\nb", ""]
)
def test_only_addresses_of_this_server_follow_a_login(address):
    assert safe_next(address) == "/"
    assert safe_next("/run?id=1&tab=traces") == "/run?id=1&tab=traces"


def test_no_network_without_users(monkeypatch, people):
    monkeypatch.delenv(settings.USERS_VARIABLE, raising=False)
    Access().check()
    for access in (Access("0.0.0.0"), Access(origins=("lab.example.org",))):
        with pytest.raises(ValueError, match="give --users FILE"):
            access.check()
    monkeypatch.setenv(settings.USERS_VARIABLE, str(people.file))
    Access("0.0.0.0", ("lab.example.org",)).check()
    assert not Access(
        "0.0.0.0", ("lab.example.org",)
    ).is_behind_proxy  # anybody could say where they come from
    assert Access(origins=("lab.example.org",)).is_behind_proxy
    with pytest.raises(ValueError, match="exact name"):
        Access("0.0.0.0", ("*",)).check()


def test_a_proxys_header_is_a_login_that_believes_no_other_header(monkeypatch):
    monkeypatch.setenv(settings.HEADER_VARIABLE, "X-Forwarded-User")
    with pytest.raises(ValueError, match="Anybody could write the header"):
        Access("0.0.0.0").check()
    monkeypatch.setenv(settings.PROXIES_VARIABLE, "127.0.0.1")
    Access("0.0.0.0", ("lab.example.org",)).check()
    assert not Access(origins=("lab.example.org",)).is_behind_proxy  # X-Forwarded-For would hide who connects
    monkeypatch.setenv(settings.USERS_VARIABLE, "users.json")
    with pytest.raises(ValueError, match="one way to log in"):
        Access("0.0.0.0").check()
    monkeypatch.delenv(settings.USERS_VARIABLE)
    monkeypatch.delenv(settings.HEADER_VARIABLE)
    with pytest.raises(ValueError, match="set POSTERIOR_LAB_USER_HEADER"):
        Access().check()
