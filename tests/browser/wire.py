"""A session of the dashboard without a browser: its page, its websocket, and what goes over it.

It does what a page's script does with the server (the protocol of Bokeh's documents), and draws nothing: one
machine can hold many sessions, and what is measured is the server.
"""

import asyncio
import json
import re
import time

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import websocket_connect

MOST_BYTES = 2**29  # of one message
SECONDS = 120.0  # for a page, and for an answer


class Wire:
    """One session; `async with Wire(address, path)` opens its document and closes it.

    Attributes:
        models: what the document was made of when it was opened, by identifier.
    """

    def __init__(self, address, path):
        self.address, self.path = address, path
        self.models = {}

    async def __aenter__(self):
        page = await AsyncHTTPClient().fetch(self.address + self.path, request_timeout=SECONDS)
        token = re.search(r'"token":"([^"]+)"', page.body.decode())[1]
        place = self.address.replace("http", "ws", 1) + self.path.partition("?")[0] + "/ws"
        self._socket = await websocket_connect(
            place, subprotocols=["bokeh", token], max_message_size=MOST_BYTES
        )
        await self._message()  # the session is there
        await self._send("PULL-DOC-REQ", {})
        while (told := await self._message())[0]["msgtype"] != "PULL-DOC-REPLY":
            pass
        self._collect(json.loads(told[1]))
        self._told = asyncio.Queue()
        self._listener = asyncio.create_task(self._listen())
        await self.send(happened("document_ready", {}))  # from now on changes are told
        return self

    async def __aexit__(self, *_):
        self._listener.cancel()
        self._socket.close()

    def find(self, name, attribute):
        """The identifier of the first model of a kind that says this of itself."""
        return next(
            key
            for key, model in self.models.items()
            if model["name"].startswith(name) and attribute in json.dumps(model["attributes"])
        )

    async def answered(self, change, words):
        """Seconds from a change of the document until the server tells one that has these words.

        Raises:
            TimeoutError: it does not.
        """
        while not self._told.empty():
            self._told.get_nowait()
        began = time.perf_counter()
        await self.send(change)
        return await self.told(words) - began

    async def told(self, words):
        """When the server told a change that has these words, by `time.perf_counter`.

        Raises:
            TimeoutError: it does not.
        """
        async with asyncio.timeout(SECONDS):
            while words not in (told := await self._told.get())[1]:
                pass
        return told[0]

    async def send(self, change):
        """Change the document, as a page does."""
        await self._send("PATCH-DOC", {"events": [change]})

    async def _listen(self):
        while True:
            content = (await self._message())[1]
            self._told.put_nowait((time.perf_counter(), content))

    async def _message(self):
        """(header, content) of the next message; the arrays beside it are read and dropped."""
        parts = [await self._socket.read_message() for _ in range(3)]
        assert None not in parts, f"the server closed the session of {self.path}"
        header = json.loads(parts[0])
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._socket.read_message()
        assert header["msgtype"] != "ERROR", parts[2]
        return header, parts[2]

    async def _send(self, kind, content):
        for part in ({"msgid": str(time.monotonic_ns()), "msgtype": kind}, {}, content):
            await self._socket.write_message(json.dumps(part))

    def _collect(self, part):
        if isinstance(part, dict):
            if part.get("type") == "object":
                self.models[part["id"]] = part
            part = list(part.values())
        for inner in part if isinstance(part, list) else ():
            self._collect(inner)


def happened(name, values):
    """The change that an event of Bokeh is."""
    event = {"type": "event", "name": name, "values": _mapping(values)}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}


def brushed(figure, start, end):
    """The change that a box drawn in a figure is, from one corner to the other in the figure's units."""
    box = {"type": "rect", "x0": start[0], "y0": start[1], "x1": end[0], "y1": end[1]}
    values = {"model": {"id": figure}, "geometry": _mapping(box), "final": True}
    return happened("selectiongeometry", values)


def changed(model, attribute, value):
    """The change of one attribute of a model."""
    return {"kind": "ModelChanged", "model": {"id": model}, "attr": attribute, "new": value}


def _mapping(entries):
    return {"type": "map", "entries": [list(entry) for entry in entries.items()]}
