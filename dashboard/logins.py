"""The ways to log in: a file of users, a reverse proxy, OAuth; at most one of them at a time.

A login is the same in all: a signed cookie with a name and a mark (`dashboard.login`).
"""

from __future__ import annotations

from typing import Any

from dashboard import settings
from dashboard.login import COOKIE, password_login
from dashboard.oauth import Allowed, read_allowed, take_provider
from dashboard.oauth_login import oauth_login
from dashboard.people import People, cookie_secret
from dashboard.proxy_login import Proxy, ProxyLogin, read_proxy

Known = People | Proxy | Allowed


def known() -> Known | None:
    """Who may come in; None on a server without logins, for one person.

    Raises:
        ValueError: what is set is wrong, or more than one way is.
    """
    file, header, allowed = settings.users_file(), settings.user_header(), read_allowed()
    ways = {
        "--users": file, settings.HEADER_VARIABLE: header, settings.oauth_variable("provider"): allowed,
    }  # fmt: skip
    if len(given := [way for way, value in ways.items() if value is not None]) > 1:
        raise ValueError(f"There is one way to log in; got {' and '.join(given)}.")
    if header is None and settings.trusted_proxies():
        raise ValueError(f"A trusted proxy names its users in a header: set {settings.HEADER_VARIABLE}.")
    if header is not None:
        return read_proxy(header, settings.trusted_proxies())
    return allowed if file is None else People(file)


def server_settings() -> dict[str, Any]:
    """What the web server needs to know of logins: nothing where there are none.

    Raises:
        ValueError: it cannot be relied on.
    """
    who = known()
    if who is None:
        return {}
    if isinstance(who, Proxy):
        provider: Any = ProxyLogin(who, COOKIE)
    elif isinstance(who, Allowed):
        provider = oauth_login(take_provider(), who)
    else:
        who.check()
        provider = password_login(who)
    return {"auth_provider": provider, "cookie_secret": cookie_secret(settings.root())}
