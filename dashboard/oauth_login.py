"""The login page of a server whose people log in at a provider of OAuth."""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import time
from html import escape
from urllib.parse import urlencode

from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from dashboard import oauth_asking
from dashboard.login import COOKIE, LOGIN, Login, give_login
from dashboard.login_page import safe_next, show_login
from dashboard.oauth import Allowed, Provider

FLOW_COOKIE = "posterior_lab_oauth"  # between being sent to the provider and coming back
FLOW_SECONDS = 600
LONGEST_NEXT = 1000  # characters
PROBLEMS = {
    "state": "This login was not begun here, or it took longer than ten minutes; begin again.",
    "refused": "The provider did not log you in.",
    "provider": "The provider did not answer as it should; try again, or tell who keeps this server.",
    "name": "The provider knows you by no name that can be used here, or has not verified your address.",
    "stranger": "You are not among those who may use this server; ask whoever keeps it.",
}
log = logging.getLogger(__name__)


def oauth_login(provider: Provider, allowed: Allowed) -> Login:
    """What Bokeh asks about every request."""
    names = {"provider": provider, "allowed": allowed}
    return Login(allowed, type("OAuthHandler", (_OAuthHandler,), names))


class _OAuthHandler(RequestHandler):
    provider: Provider
    allowed: Allowed

    def head(self) -> None:
        self._show()  # nothing is begun, and nothing used up

    async def get(self) -> None:
        if any(self.get_query_arguments(key) for key in ("code", "state", "error")):
            await self._come_back()
        elif self.get_query_argument("go", ""):
            await self._begin()
        else:
            self._show()

    async def _begin(self) -> None:
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        try:
            places = await oauth_asking.find_places(self.provider)
        except (HTTPClientError, OSError, ValueError) as error:
            self._fail("provider", error)
            return
        follows = safe_next(self.get_query_argument("next", "/")[:LONGEST_NEXT])
        self.set_signed_cookie(
            FLOW_COOKIE, json.dumps([state, verifier, follows]), expires_days=None,
            expires=time.time() + FLOW_SECONDS, httponly=True, samesite="Lax", secure=self._is_secure,
        )  # fmt: skip
        self.redirect(oauth_asking.address_to_log_in(self.provider, places, state=state, verifier=verifier))

    async def _come_back(self) -> None:
        flow = self.get_signed_cookie(FLOW_COOKIE, max_age_days=FLOW_SECONDS / 86400)
        self.clear_cookie(FLOW_COOKIE)
        given = self.get_query_argument("state", "").encode()
        state, verifier, follows = json.loads(flow) if flow else ("", "", "/")
        if not state or not hmac.compare_digest(state.encode(), given):
            self._fail("state")
            return
        code = self.get_query_argument("code", "")
        if not code:
            self._fail("refused")
            return
        try:
            name = await oauth_asking.name_of(self.provider, code=code, verifier=verifier)
        except (HTTPClientError, OSError, ValueError) as error:
            self._fail("provider", error)
            return
        since = name and self.allowed.since(name)
        if not name or not since:
            self._fail("stranger" if name else "name")
            return
        give_login(self, name, since, secure=self._is_secure)
        self.redirect(safe_next(follows))

    def _fail(self, problem: str, error: Exception | None = None) -> None:
        """Say what is wrong at an address without the code, which the log would show."""
        if error is not None:
            code = error.code if isinstance(error, HTTPClientError) else ""
            log.warning("Logging in at %s failed: %s %s", self.provider.title, type(error).__name__, code)
        self.clear_cookie(COOKIE)
        self.redirect(f"{LOGIN}?problem={problem}")

    def _show(self) -> None:
        problem = PROBLEMS.get(self.get_query_argument("problem", ""), "")
        follows = safe_next(self.get_query_argument("next", "/")[:LONGEST_NEXT])
        link = escape("?" + urlencode({"go": "yes", "next": follows}))
        alert = f'<p role="alert" class="problem">{escape(problem)}</p>' if problem else ""
        if problem:
            self.set_status(403)
        show_login(
            self, f'{alert}<a class="button" href="{link}">Log in with {escape(self.provider.title)}</a>'
        )

    @property
    def _is_secure(self) -> bool:
        return self.provider.redirect.startswith("https:")
