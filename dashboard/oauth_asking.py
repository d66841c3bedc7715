"""Asking a provider of OAuth who somebody is: authorisation code, PKCE, then their name; nothing is kept."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from dashboard.oauth import EMAIL, Provider, check_url
from dashboard.people import as_name

SECONDS = 10.0  # for each answer
MOST_BYTES = 2**20  # of an answer


@dataclass(frozen=True)
class Places:
    """Addresses of a provider.

    Attributes:
        authorize: where people log in. token: where a code is exchanged. user: where their name is told.
        scope: what is asked for. is_basic: whether our secret is sent in a header, not in the body.
    """

    authorize: str
    token: str
    user: str
    scope: str
    is_basic: bool = False


GITHUB = Places(
    "https://github.com/login/oauth/authorize",
    "https://github.com/login/oauth/access_token",
    "https://api.github.com/user",
    "read:user",
)


async def find_places(provider: Provider) -> Places:
    """Where to ask; what a provider of OpenID Connect says of itself.

    Raises:
        ValueError: it says nothing of the kind.
        OSError: it cannot be reached. tornado.httpclient.HTTPClientError: it refuses.
    """
    if not provider.issuer:
        return GITHUB
    told = await _fetch(HTTPRequest(f"{provider.issuer}/.well-known/openid-configuration"))
    names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    places = [place for name in names if isinstance(place := told.get(name), str)]
    if str(told.get("issuer")).rstrip("/") != provider.issuer or len(places) < len(names):
        raise ValueError("The provider describes itself as another one, or without its addresses.")
    for place in places:
        check_url(place)
    scope = "openid email" if provider.claim == EMAIL else "openid profile"
    methods = told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Places(*places, scope=scope, is_basic="client_secret_post" not in methods)


def address_to_log_in(provider: Provider, places: Places, *, state: str, verifier: str) -> str:
    """Where to send somebody.

    Args:
        provider: to whom.
        places: of it.
        state: comes back with them.
        verifier: of PKCE, whose hash is sent.
    """
    hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "client_id": provider.key,
        "redirect_uri": provider.redirect,
        "response_type": "code",
        "scope": places.scope,
        "state": state,
        "code_challenge": hashed,
        "code_challenge_method": "S256",
    }
    return f"{places.authorize}{'&' if '?' in places.authorize else '?'}{urlencode(asked)}"


async def name_of(provider: Provider, *, code: str, verifier: str) -> str | None:
    """Who came back with a code; None where they have no name that can be one here.

    Raises:
        ValueError: an answer is no answer.
        OSError: the provider cannot be reached. tornado.httpclient.HTTPClientError: it refuses.
    """
    places = await find_places(provider)
    given = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect,
        "code_verifier": verifier,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if places.is_basic:
        pair = f"{quote(provider.key, safe='')}:{quote(provider.secret, safe='')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        given |= {"client_id": provider.key, "client_secret": provider.secret}
    told = await _fetch(HTTPRequest(places.token, method="POST", headers=headers, body=urlencode(given)))
    token = told.get("access_token")
    if not isinstance(token, str):
        raise ValueError("The provider gave no token for the code.")  # noqa: TRY004  wrong content
    user = await _fetch(HTTPRequest(places.user, headers={"Authorization": f"Bearer {token}"}))
    name = user.get(provider.claim)
    if provider.claim == EMAIL and user.get("email_verified") not in (True, "true"):
        return None  # anybody can claim an address
    return as_name(name) if isinstance(name, str) else None


async def _fetch(request: HTTPRequest) -> dict[str, Any]:
    """The object that is answered."""
    request.headers.update({"Accept": "application/json", "User-Agent": "posterior-lab"})
    request.request_timeout = request.connect_timeout = SECONDS
    request.follow_redirects = False  # a secret goes nowhere else
    client = AsyncHTTPClient(force_instance=True, max_body_size=MOST_BYTES)
    try:
        answer = await client.fetch(request)
    finally:
        client.close()
    value = json.loads(answer.body)
    if not isinstance(value, dict):
        raise ValueError("The provider's answer is no object.")  # noqa: TRY004  wrong content
    return value
