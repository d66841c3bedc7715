"""Who comes through a reverse proxy that has asked them to log in: it says so in a header of each request.

Anybody can write a header, so it counts only where the connection itself comes from a proxy that is named;
what a request says of where it comes from (X-Forwarded-For) is never read for that.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from dashboard import settings
from dashboard.login_page import show_login
from dashboard.people import as_name, is_name

LOGIN = "/login"
MARK = "proxy"  # in the place of a password's mark
NOT_OF_PROXIES = ("host", "cookie", "origin", "referer", "connection", "upgrade", "user-agent", "accept")
NOT_OF_PROXIES += ("authorization", "content-type", "content-length", "x-forwarded-for", "x-real-ip")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Proxy:
    """What a reverse proxy tells, and which proxy it is.

    Attributes:
        header: that holds the name of who a request comes from.
        trusted: where such a proxy connects from.
    """

    header: str
    trusted: tuple[Network, ...]

    def since(self, name: str) -> str | None:
        """The mark of a login; None for what cannot be a name."""
        return MARK if is_name(name) else None

    def name_in(self, request: HTTPServerRequest) -> str | None:
        """Who a request comes from; None: nobody, or not from a trusted proxy.

        Args:
            request: whose `remote_ip` is the address of the connection: of a server without `xheaders`.
        """
        given = request.headers.get_list(self.header)
        if len(given) != 1 or not self._is_trusted(request.remote_ip or ""):
            return None
        return as_name(given[0])

    def _is_trusted(self, address: str) -> bool:
        try:
            there = ipaddress.ip_address(address)
        except ValueError:
            return False  # of no network
        if isinstance(there, ipaddress.IPv6Address):
            there = there.ipv4_mapped or there
        return any(there in network for network in self.trusted)


def read_proxy(header: str, trusted: Sequence[str]) -> Proxy:
    """What somebody who starts a server has said of a proxy.

    Args:
        header: its name.
        trusted: addresses, or networks such as 10.0.0.0/24.

    Raises:
        ValueError: that is no header or no address, a header that browsers send themselves, or there is no
            address.
    """
    if not _HEADER.fullmatch(header) or header.lower() in NOT_OF_PROXIES:
        raise ValueError(
            f"'{header}' cannot be the header that names a user: give the one that your proxy sets, "
            "such as X-Forwarded-User."
        )
    if not trusted:
        raise ValueError(
            f"Anybody could write the header {header}: set {settings.PROXIES_VARIABLE} to the address from "
            "which the proxy connects, such as 127.0.0.1."
        )
    return Proxy(header, tuple(map(_network, trusted)))


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError:
        network = None
    if network is None or network.prefixlen == 0:
        raise ValueError(
            f"A trusted proxy is an address, or a network such as 10.0.0.0/24, and not all there are; "
            f"got '{text}'."
        )
    return network


class ProxyLogin(AuthProvider):
    """What Bokeh asks about every request.

    A page learns who it is for from the cookie of a login. Here no browser has one: whatever it sends in that
    place is replaced, in the request, by what the proxy says. It is signed, because what a page's websocket
    says of its first request is written by the browser.

    Args:
        proxy: whom to believe.
        cookie: name of the cookie.
    """

    def __init__(self, proxy: Proxy, cookie: str) -> None:
        self.proxy, self.cookie = proxy, cookie
        self._refusal = type("RefusalHandler", (_RefusalHandler,), {"proxy": proxy})
        super().__init__()

    @property
    def get_user(self) -> Any:
        """Who a request comes from; None: nobody whom the proxy names."""
        return self._user_of

    @property
    def login_url(self) -> str:
        """Where everybody else is sent."""
        return LOGIN

    @property
    def login_handler(self) -> Any:
        """The handler of the page that says why."""
        return self._refusal

    def _user_of(self, handler: RequestHandler) -> str | None:
        name = self.proxy.name_in(handler.request)
        cookies: Any = handler.request.cookies
        cookies.pop(self.cookie, None)
        if name is not None:
            signed = handler.create_signed_value(self.cookie, f"{name}:{MARK}")
            cookies[self.cookie] = signed.decode()
        return name


class _RefusalHandler(RequestHandler):
    proxy: Proxy

    def get(self) -> None:
        self.set_status(403)
        words = (
            f"Come through your lab's own address: this server lets in whom its proxy names in the header "
            f"{self.proxy.header}, and it has named nobody."
        )
        show_login(self, f'<p role="alert" class="problem">{escape(words)}</p>')

    head = get
