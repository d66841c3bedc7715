"""Forgetting pages that nobody came to: asked for, by a program or a preview of links, but never opened.

Bokeh makes a whole page for each request and keeps it as long as one whose browser has gone away, which is
hours, so that laptops may sleep. A page to which no browser has ever connected need not be kept so long.
"""

from __future__ import annotations

import time
import weakref
from functools import partial
from typing import Any

import panel as pn
from bokeh.document import Document
from bokeh.server.session import ServerSession
from tornado.ioloop import IOLoop

UNUSED_SECONDS = 90.0  # in which a slow browser has loaded its scripts and connected


def forget_unused_pages(seconds: float = UNUSED_SECONDS) -> None:
    """From now on let pages expire that no browser has connected to.

    Args:
        seconds: after the page was asked for.
    """

    def look_later(context: Any) -> None:
        # The page is made, and its session known, by the time that the loop comes to this.
        IOLoop.current().add_callback(_begin, context, seconds)

    pn.state.on_session_created(look_later)


def _begin(context: Any, seconds: float) -> None:
    session: ServerSession | None = context.session
    if session is not None and not session.destroyed:
        IOLoop.current().call_later(seconds, _end_if_unused, weakref.ref(session), _last_left(session))


def _end_if_unused(kept: weakref.ReferenceType[ServerSession], begun: float) -> None:
    session = kept()
    if session is None or session.destroyed or session.connection_count:
        return
    if abs(_last_left(session) - begun) < 1.0:  # nobody has left it, and so nobody was there
        session.document.on_session_destroyed(partial(_forget, weakref.ref(session.document)))
        session.request_expiration()


def _forget(page: weakref.ReferenceType[Document], context: Any) -> None:
    """Drop what Panel (1.9.4) keeps of a page that is gone: the roots of pages that were never connected."""
    document, views = page(), pn.state._views
    for root in [root for root, view in views.items() if view[2] is document]:
        del views[root]


def _last_left(session: ServerSession) -> float:
    """When a browser left last, in ms of the monotonic clock; when the page was made, if none has."""
    return 1000.0 * time.monotonic() - session.milliseconds_since_last_unsubscribe
