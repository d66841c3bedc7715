"""Logging in at GitHub, Google or another provider of OpenID Connect: what is set, and who may come in.

The secrets come from the environment or from files, and leave the environment when they are read, so that no
worker inherits them. Nothing that a provider hands out is kept: its tokens are used once, for the name.

Panel's own handlers are not used: they keep the provider's tokens in cookies, which Bokeh writes into every
page, and take an empty `state` for one that matches (Panel 1.9.4).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dashboard import settings
from dashboard.people import as_name, is_name
from dashboard.settings import oauth_variable as variable

PROVIDERS = ("github", "google", "generic")
GOOGLE = "https://accounts.google.com"
ANYBODY = "anybody"
EMAIL = "email"  # the claim that counts where a provider has verified it, and may be allowed by domain
LOGIN_PATH = "/login"  # where a provider sends people back to
_DOMAIN = re.compile(r"@[a-z0-9-]+(\.[a-z0-9-]+)+")


@dataclass(frozen=True)
class Allowed:
    """Who of a provider's people may come in.

    Attributes:
        provider: whose word counts; another one's logins do not.
        names: of people.
        domains: of e-mail addresses.
        is_anybody: whether everybody may who has an account there.
    """

    provider: str
    names: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    is_anybody: bool = False

    def since(self, name: str) -> str | None:
        """The mark of a login; None for who may not come in."""
        return f"oauth {self.provider}" if is_name(name) and self._admits(name) else None

    def _admits(self, name: str) -> bool:
        _, at, domain = name.partition("@")
        return self.is_anybody or name in self.names or (bool(at) and domain in self.domains)


@dataclass(frozen=True)
class Provider:
    """How to ask a provider.

    Attributes:
        title: for people.
        issuer: of OpenID Connect; empty: GitHub.
        claim: which of what it tells of somebody is their name.
        redirect: our own address that it sends people back to.
        key: by which it knows us.
        secret: that shows that it is us.
    """

    title: str
    issuer: str
    claim: str
    redirect: str
    key: str
    secret: str = field(repr=False)


def read_allowed() -> Allowed | None:
    """Who may come in; None where no provider is set.

    Raises:
        ValueError: what is set is wrong, or nobody may.
    """
    name = settings.oauth("provider")
    if not name and any(map(settings.oauth, ("issuer", "claim", "redirect", "allow"))):
        raise ValueError(f"Set {variable('provider')}, where people log in: {', '.join(PROVIDERS)}.")
    if not name:
        return None
    if name not in PROVIDERS:
        raise ValueError(f"An OAuth provider is one of {', '.join(PROVIDERS)}; got '{name}'.")
    listed = [one.strip() for one in settings.oauth("allow").split(",") if one.strip()]
    if not listed:
        raise ValueError(
            f"Set {variable('allow')}, who may log in: names, and @example.org for the e-mail addresses of a "
            f"domain, parted by commas; '{ANYBODY}' lets in everybody who has an account there."
        )
    if ANYBODY in listed and len(listed) > 1:
        raise ValueError(f"{variable('allow')}: '{ANYBODY}' lets in everybody; leave out the others, or it.")
    if listed == [ANYBODY]:
        return Allowed(_issuer(name) or name, is_anybody=True)
    return _some(name, listed)


def _some(provider: str, listed: Sequence[str]) -> Allowed:
    domains = [one.lower() for one in listed if one.startswith("@")]
    names = {one: as_name(one) for one in listed if not one.startswith("@")}
    if domains and _claim(provider) != EMAIL:
        raise ValueError(
            f"{', '.join(domains)}: names are no e-mail addresses here, so that no domain can be allowed; "
            "list names."
        )
    wrong = [one for one in domains if not _DOMAIN.fullmatch(one)]
    wrong += [one for one, name in names.items() if name is None]
    if wrong:
        words = "takes names, or domains such as @example.org"
        raise ValueError(f"{variable('allow')} {words}; got '{wrong[0]}'.")
    known = frozenset(name for name in names.values() if name is not None)
    return Allowed(_issuer(provider) or provider, known, frozenset(one[1:] for one in domains))


def take_provider() -> Provider:
    """How to ask the provider that is set; takes the secrets out of the environment.

    Raises:
        ValueError: something is missing or wrong; the sentence has no secret in it.
    """
    name, redirect = settings.oauth("provider"), settings.oauth("redirect")
    if not redirect:
        raise ValueError(
            f"Set {variable('redirect')}, where the provider sends people back to, such as "
            f"https://lab.example.org{LOGIN_PATH}."
        )
    check_url(redirect)
    if urlsplit(redirect).path != LOGIN_PATH:
        raise ValueError(
            f"{variable('redirect')} is this server's address with {LOGIN_PATH}; got '{redirect}'."
        )
    issuer = _issuer(name)
    titles = {"github": "GitHub", "google": "Google"}
    title = titles.get(name) or urlsplit(issuer).netloc
    return Provider(title, issuer, _claim(name), redirect, _take("key"), _take("secret"))


def check_url(url: str) -> None:
    """Refuse an address that others could listen to.

    Raises:
        ValueError: it is none of https, nor of this machine.
    """
    parts = urlsplit(url)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or parts.scheme not in (("http", "https") if is_here else ("https",)):
        raise ValueError(f"An address of OAuth begins with https://; got '{url}'.")


def _issuer(provider: str) -> str:
    if provider == "github":
        return ""
    issuer = GOOGLE if provider == "google" else settings.oauth("issuer").rstrip("/")
    if not issuer:
        raise ValueError(
            f"Set {variable('issuer')}, which provider: such as https://login.example.org/realms/lab."
        )
    check_url(issuer)
    return issuer


def _claim(provider: str) -> str:
    """GitHub's names are its own, Google's are e-mail addresses."""
    known = {"github": "login", "google": EMAIL}
    return known.get(provider) or settings.oauth("claim") or EMAIL


def _take(name: str) -> str:
    """A secret, from the environment or from the file that is named there."""
    key = variable(name)
    value, file = os.environ.pop(key, ""), os.environ.get(f"{key}_FILE", "")
    if file:
        path = Path(file).expanduser()
        if not path.is_file():
            raise ValueError(f"{key}_FILE names '{file}', which is no file.")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ValueError(f"Others on this machine can open '{file}'; run: chmod 600 {file}")
        value = path.read_text(encoding="utf-8")
    if not value.strip():
        raise ValueError(
            f"The provider's client {'id' if name == 'key' else name} is missing: set {key}, "
            f"or {key}_FILE to a file with it."
        )
    return value.strip()
