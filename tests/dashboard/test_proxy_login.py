"""Who comes through a reverse proxy: named by its header, and by nobody else's."""

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from dashboard.proxy_login import read_proxy

HEADER = "X-Forwarded-User"


class From:
    """A connection."""

    def __init__(self, address):
        self.context = type("Context", (), {"remote_ip": address, "protocol": "http"})()

    def set_close_callback(self, callback):
        pass


def asked(address, *given):
    headers = HTTPHeaders({"Host": "lab"})
    for name, value in given:
        headers.add(name, value)
    line = RequestStartLine("GET", "/home", "HTTP/1.1")
    return HTTPServerRequest(start_line=line, headers=headers, connection=From(address))


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fd00::7"])
def test_a_trusted_proxy_names_people(address):
    proxy = read_proxy(HEADER, ["127.0.0.1", "10.1.2.0/24", "fd00::/8"])
    assert proxy.name_in(asked(address, ("x-forwarded-user", "ada"))) == "ada"
    assert proxy.name_in(asked(address, (HEADER, "Ada@Example.org"))) == "ada@example.org"
    assert proxy.name_in(asked(address)) is None


@pytest.mark.parametrize("address", ["127.0.0.2", "10.1.3.3", "::1", "", "0.0.0.0", "unix:", "fe80::1%eth0"])
def test_others_are_nobody_whatever_they_say(address):
    proxy = read_proxy(HEADER, ["127.0.0.1", "10.1.2.0/24", "fd00::/8"])
    for forged in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"):
        assert proxy.name_in(asked(address, (HEADER, "ada"), (forged, "127.0.0.1"))) is None


@pytest.mark.parametrize(
    "value",
    ["", "local", "example", "a b", "../ada", "ada,bob", "<b>", "a" * 65, "-a", "ada\xa0", "ädä"],
)
def test_what_is_no_name_is_nobody(value):
    assert read_proxy(HEADER, ["127.0.0.1"]).name_in(asked("127.0.0.1", (HEADER, value))) is None


def test_two_names_are_nobody():
    """As when a proxy adds its header to what a browser has sent instead of replacing it."""
    proxy = read_proxy(HEADER, ["127.0.0.1"])
    assert proxy.name_in(asked("127.0.0.1", (HEADER, "ada"), (HEADER, "bob"))) is None
    assert proxy.name_in(asked("127.0.0.1", ("X_Forwarded_User", "ada"))) is None


@pytest.mark.parametrize(
    "header", ["", "X Forwarded", "X-User:", "X_User", "Cookie", "authorization", "1X", "Ü"]
)
def test_no_header_for_users(header):
    with pytest.raises(ValueError, match="cannot be the header that names a user"):
        read_proxy(header, ["127.0.0.1"])


@pytest.mark.parametrize("address", ["0.0.0.0/0", "::/0", "lab", "127.0.0.1:80", "*", "10.0.0.1/8"])
def test_no_trusted_proxy(address):
    with pytest.raises(ValueError, match="A trusted proxy is an address"):
        read_proxy(HEADER, [address])
