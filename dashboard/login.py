"""Logging in and out: the handlers that a lab server adds, and who a request comes from.

A login is a signed cookie with a name and the mark of the password that it was made with
(`dashboard.people`); it ends after a week, with a new password, and with the removal of the person.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from functools import partial
from html import escape
from typing import Any, Protocol

from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler, decode_signed_value

from dashboard.login_page import safe_next, show_login
from dashboard.people import People

COOKIE = "posterior_lab_login"
LOGIN, LOGOUT = "/login", "/logout"
DAYS = 7  # until somebody has to log in again
FREE_FAILURES = 5  # in a row, of one name or from one address; then there is a wait
WAIT_SECONDS, LONGEST_WAIT = 2.0, 300.0  # doubled with each further failure
MOST_KEPT = 10_000  # names and addresses with failures; the oldest are forgotten
FORM = """<form method="post">
{token}
<label>Name<input name="name" value="{name}" autocomplete="username" autocapitalize="none" required
 autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">Log in</button>
</form>"""


class Known(Protocol):
    """Who may log in."""

    def since(self, name: str) -> str | None:
        """The mark that a login of somebody carries now; None where they may not come in."""
        ...


class Failures:
    """Failed logins by name and by address, and how long each has to wait before the next."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, *who: str, now: float) -> float:
        """Seconds until the next attempt may be made; 0: at once."""
        return max(0.0, *(self._until(one) - now for one in who))

    def add(self, *who: str, now: float) -> None:
        """Note a failed attempt."""
        for one in who:
            num, _ = self._known.pop(one, (0, 0.0))
            self._known[one] = (num + 1, now)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)

    def forget(self, *who: str) -> None:
        """After a success."""
        for one in who:
            self._known.pop(one, None)

    def _until(self, one: str) -> float:
        num, last = self._known.get(one, (0, 0.0))
        if num < FREE_FAILURES:
            return last
        return last + min(WAIT_SECONDS * 2 ** min(num - FREE_FAILURES, 20), LONGEST_WAIT)


class Login(AuthProvider):
    """What Bokeh asks about every request.

    Args:
        known: who may log in.
        handler: of the login page.
    """

    def __init__(self, known: Known, handler: type[RequestHandler]) -> None:
        self.known, self._handler = known, handler
        super().__init__()

    @property
    def get_user(self) -> Any:
        """Who a request comes from; None: nobody who is logged in."""
        return lambda handler: person_of(self.known, handler.get_signed_cookie(COOKIE, max_age_days=DAYS))

    @property
    def login_url(self) -> str:
        """Where everybody else is sent."""
        return LOGIN

    @property
    def login_handler(self) -> Any:
        """The handler of the login page."""
        return self._handler

    @property
    def logout_url(self) -> str:
        """Where a login is ended."""
        return LOGOUT

    @property
    def logout_handler(self) -> Any:
        """The handler that ends a login."""
        return LogoutHandler


def password_login(people: People) -> Login:
    """A server whose people have passwords."""
    return Login(people, type("LoginHandler", (_LoginHandler,), {"people": people, "failures": Failures()}))


def give_login(handler: RequestHandler, name: str, since: str | None, *, secure: bool) -> None:
    """Log somebody in, until a week is over or the mark is another."""
    handler.set_signed_cookie(
        COOKIE, f"{name}:{since}", expires_days=DAYS, httponly=True, samesite="Lax", secure=secure
    )


def person_of(known: Known, login: bytes | None) -> str | None:
    """Whose login a cookie's content is; None where it is nobody's any more."""
    name, _, since = (login or b"").decode("utf-8", "replace").partition(":")
    return name if since and since == known.since(name) else None


def person_of_cookie(known: Known, secret: str, cookie: str | None) -> str | None:
    """The same from the cookie as the browser sent it."""
    return person_of(known, decode_signed_value(secret, COOKIE, cookie or "", max_age_days=DAYS))


class _LoginHandler(RequestHandler):
    people: People
    failures: Failures

    def get(self) -> None:
        self._show("")

    head = get

    async def post(self) -> None:
        self.check_xsrf_cookie()
        name = self.get_body_argument("name", "").lower()[:64]
        password = self.get_body_argument("password", "", strip=False)
        who, now = (f"name {name}", f"from {self.request.remote_ip}"), time.monotonic()
        if (wait := self.failures.wait(*who, now=now)) > 0:
            self.set_status(429)
            self.set_header("Retry-After", str(int(wait) + 1))
            self._show(f"Too many attempts; wait {int(wait) + 1} seconds.", name)
            return
        self.failures.add(*who, now=now)  # before the answer is known, so that many at once count
        verify = partial(self.people.verify, name, password)
        if not await asyncio.get_running_loop().run_in_executor(None, verify):  # takes a tenth of a second
            self.set_status(403)
            self._show("This name and password do not belong together.", name)
            return
        self.failures.forget(*who)
        is_secure = self.request.protocol == "https"
        give_login(self, name, self.people.since(name), secure=is_secure)
        self.redirect(safe_next(self.get_query_argument("next", "/")))

    def _show(self, problem: str, name: str = "") -> None:
        alert = f'<p role="alert" class="problem">{escape(problem)}</p>' if problem else ""
        form = FORM.format(name=escape(name), token=self.xsrf_form_html())
        show_login(self, alert + form)


class LogoutHandler(RequestHandler):
    """Ends a login."""

    def get(self) -> None:
        """Forget the cookie."""
        self.clear_cookie(COOKIE)
        self.redirect(LOGIN)
