"""Asking a server without a browser: from any address of this machine, with any header, by websocket too."""

import contextlib
import http.client
import json
from urllib.parse import urlsplit

from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.browser.conftest import SECONDS

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def ask(server, route, *, source="127.0.0.1", method="GET", body=None, **headers):
    """(status, headers, text) of an answer; `source`: the address of this machine that asks."""
    connection = http.client.HTTPConnection(
        urlsplit(server.address).netloc, timeout=SECONDS, source_address=(source, 0)
    )
    with contextlib.closing(connection):
        connection.request(method, route, body=body, headers=headers)
        found = connection.getresponse()
        is_socket = found.status == 101
        return found.status, found.headers, "" if is_socket else found.read().decode()


def session_token(cookies=None, headers=None, arguments=None):
    """What tells a server of the first request of a page, as anybody can write it."""
    told = {"cookies": cookies, "headers": headers, "arguments": arguments}
    payload = {key: value for key, value in told.items() if value is not None}
    return generate_jwt_token(generate_session_id(signed=False), signed=False, extra_payload=payload)


def upgrade(server, token, **headers):
    """Headers that ask for a page's websocket, for `ask`."""
    return {**UPGRADE, "Origin": server.address, "Sec-WebSocket-Protocol": f"bokeh, {token}", **headers}


async def page_content(server, page, token, **headers):
    """All that a page holds, as its websocket tells; None where it is refused or closed."""
    address = f"{server.address.replace('http', 'ws')}/{page}/ws"
    request = HTTPRequest(address, headers={"Origin": server.address, **headers})
    try:
        socket = await websocket_connect(request, subprotocols=["bokeh", token])
    except HTTPClientError:
        return None
    try:
        fragments = [{"msgid": "1", "msgtype": "PULL-DOC-REQ"}, {}, {}]
        kinds = []
        while (message := await socket.read_message()) is not None:
            with contextlib.suppress(ValueError):
                value = json.loads(message)
                if isinstance(value, dict) and "msgtype" in value:
                    kinds.append(value["msgtype"])
                    if kinds == ["ACK"]:
                        for fragment in fragments:
                            await socket.write_message(json.dumps(fragment))
                elif kinds and kinds[-1] == "PULL-DOC-REPLY" and "doc" in value:
                    return message
        return None
    finally:
        socket.close()
        while await socket.read_message() is not None:
            pass  # until the other side has closed it too
