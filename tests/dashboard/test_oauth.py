"""What must be set before people log in at a provider of OAuth, and who of them may."""

import os

import pytest

from dashboard import settings
from dashboard.logins import known, server_settings
from dashboard.oauth import read_allowed, take_provider
from dashboard.server import Access

SECRET = "the-secret-of-the-lab"


@pytest.fixture
def given(monkeypatch, tmp_path):
    """given(name=value): settings of OAuth; those of GitHub at first."""
    monkeypatch.setenv(settings.ROOT_VARIABLE, str(tmp_path))

    def give(**values):
        for name, value in values.items():
            monkeypatch.setenv(settings.oauth_variable(name), value)

    redirect = "https://lab.example.org/login"
    give(provider="github", allow="ada,Bob", redirect=redirect, key="lab", secret=SECRET)
    return give


def test_only_who_is_listed_may_come_in(given):
    allowed = read_allowed()
    assert allowed.since("ada") == allowed.since("bob") == "oauth github"
    for name in ("eve", "ada@example.org", "", "local", "Bob"):
        assert allowed.since(name) is None
    Access("0.0.0.0", ("lab.example.org",)).check()  # it is a login


def test_a_domain_is_allowed_to_verified_addresses(given):
    given(provider="google", allow="@lab.example.org,eve@example.com")
    allowed = read_allowed()
    assert allowed.since("ada@lab.example.org") == "oauth https://accounts.google.com"
    assert allowed.since("eve@example.com")
    for name in (
        "ada@example.org", "ada@evil.lab.example.org", "ada@lab.example.org.evil.com", "lab.example.org",
        "a@b@lab.example.org", "eve@example.com@lab.example.org",
    ):  # fmt: skip
        assert allowed.since(name) is None


def test_anybody_is_let_in_only_when_that_is_said(given):
    given(allow="anybody")
    assert read_allowed().since("somebody")
    assert read_allowed().since("local") is None


def test_a_login_of_another_provider_does_not_count(given):
    here = read_allowed().since("ada")
    given(provider="generic", issuer="https://login.example.org", claim="preferred_username")
    assert read_allowed().since("ada") != here


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"provider": "myspace"}, "one of github, google, generic; got 'myspace'"),
        ({"provider": ""}, "Set POSTERIOR_LAB_OAUTH_PROVIDER"),
        ({"allow": ""}, "Set POSTERIOR_LAB_OAUTH_ALLOW, who may log in"),
        ({"allow": "anybody,ada"}, "leave out the others"),
        ({"allow": "@example.org"}, "no domain can be allowed"),
        ({"allow": "ada,b ob"}, "takes names, or domains such as @example.org; got 'b ob'"),
        ({"provider": "google", "allow": "@"}, "got '@'"),
        ({"provider": "google", "allow": "@org"}, "got '@org'"),
        ({"provider": "generic"}, "Set POSTERIOR_LAB_OAUTH_ISSUER"),
        ({"provider": "generic", "issuer": "http://login.example.org"}, "begins with https://"),
        ({"redirect": ""}, "where the provider sends people back to"),
        ({"redirect": "http://lab.example.org/login"}, "begins with https://"),
        ({"redirect": "https://lab.example.org/home"}, "with /login; got"),
        ({"key": ""}, "client id is missing: set POSTERIOR_LAB_OAUTH_KEY"),
        ({"secret": " "}, "client secret is missing: set POSTERIOR_LAB_OAUTH_SECRET"),
        ({"secret_file": "nowhere"}, "names 'nowhere', which is no file"),
    ],
)
def test_a_server_does_not_start_without_all_of_it(given, values, words):
    given(**values)
    with pytest.raises(ValueError, match="^[^\n]*$") as refused:
        server_settings()
    assert words in str(refused.value)
    assert SECRET not in str(refused.value)


def test_there_is_one_way_to_log_in(given, monkeypatch):
    monkeypatch.setenv(settings.USERS_VARIABLE, "users.json")
    with pytest.raises(ValueError, match="one way to log in; got --users and POSTERIOR_LAB_OAUTH_PROVIDER"):
        known()


def test_secrets_leave_the_environment_and_are_not_shown(given, tmp_path):
    provider = take_provider()
    assert provider.secret == SECRET
    assert SECRET not in repr(provider)
    assert SECRET not in os.environ.values()  # which workers inherit
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    given(secret_file=str(file), key="lab")
    file.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        take_provider()
    file.chmod(0o600)
    given(key="lab")
    assert take_provider() == provider
