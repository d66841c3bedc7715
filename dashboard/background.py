"""Work that must not hold up the page: done in a thread, its outcome handed back to the session."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, Generic, TypeVar

import panel as pn
import param
from bokeh.document import Document

from inference.drawn_posterior import AnyPosterior

Outcome = TypeVar("Outcome")
Wanted = TypeVar("Wanted")
log = logging.getLogger(__name__)


def repeat(callback: Callable[[], None], *, milliseconds: int) -> None:
    """Call ``callback`` again and again while somebody looks at the current page.

    A session outlives its closed tab by hours, so that a laptop may sleep; until then it must cost nothing.
    """
    document = pn.state.curdoc

    def call() -> None:
        if _is_watched(document):
            callback()

    pn.state.add_periodic_callback(call, period=milliseconds)


def _is_watched(document: Document | None) -> bool:
    session = None if document is None else getattr(document.session_context, "session", None)
    return session is None or session.connection_count > 0


def in_background(
    work: Callable[[], Outcome],
    then: Callable[[Outcome], Any],
    failed: Callable[[Exception], Any] | None = None,
) -> None:
    """Call ``then(work())``, with ``work`` in a thread and ``then`` in the current session.

    Without a session (a notebook, a test) both are called at once.

    Args:
        work: takes a while; touches no widget.
        then: shows the outcome.
        failed: shows the exception that ``work`` raised; None: it is logged.
    """
    document = pn.state.curdoc
    failed = failed or partial(log.error, "Background work failed: %s")
    if document is None or document.session_context is None:
        _deliver(work, then, failed, at_once)
    else:
        deliver = partial(_in_session, document)
        _pool().submit(_deliver, work, then, failed, deliver)


class Latest(Generic[Wanted, Outcome]):
    """Does only the newest of the wishes that come in while it is busy, so that dragging never queues up.

    Args:
        work: wish -> outcome, in a thread.
        then: shows an outcome, in the session.
        failed: shows an exception, in the session.
    """

    def __init__(
        self,
        work: Callable[[Wanted], Outcome],
        then: Callable[[Outcome], Any],
        failed: Callable[[Exception], Any] | None = None,
    ) -> None:
        self._work, self._then, self._failed = work, then, failed
        self._lock = threading.Lock()
        self._is_busy = False
        self._wish: list[Wanted] = []

    def ask(self, wish: Wanted) -> None:
        """Want ``work(wish)``; replaces a wish that has not begun."""
        with self._lock:
            self._wish = [wish]
            if self._is_busy:
                return
            self._is_busy = True
        self._begin()

    def _begin(self) -> None:
        in_background(self._take, self._show, self._give_up)

    def _take(self) -> Outcome:
        with self._lock:
            wish = self._wish.pop()
        return self._work(wish)

    def _show(self, outcome: Outcome) -> None:
        self._then(outcome)
        self._next()

    def _give_up(self, error: Exception) -> None:
        (self._failed or partial(log.error, "Background work failed: %s"))(error)
        self._next()

    def _next(self) -> None:
        with self._lock:
            self._is_busy = bool(self._wish)
        if self._is_busy:
            self._begin()


class Search(param.Parameterized, Generic[Wanted, Outcome]):
    """Something that is looked for in the background, again and again: `_look` says how.

    Args:
        load: gives the posterior; called in the background.
    """

    found: Any = param.Parameter(doc="The newest; None before the first.")
    is_busy = param.Boolean(default=False, doc="Whether something is being looked for.")
    problem = param.String(doc="One sentence where there is nothing.")

    failure = "Nothing was found"  # begins the sentence about an error

    def __init__(self, load: Callable[[], AnyPosterior]) -> None:
        super().__init__()
        self._load = load
        self._latest: Latest[Wanted, Outcome] = Latest(self._look, self._show, self._fail)

    def _ask(self, wish: Wanted) -> None:
        self.param.update(is_busy=True, problem="")
        self._latest.ask(wish)

    def _look(self, wish: Wanted) -> Outcome:
        raise NotImplementedError

    def _show(self, found: Outcome) -> None:
        self.param.update(found=found, is_busy=False)

    def _fail(self, error: Exception) -> None:
        self.param.update(is_busy=False, problem=f"{self.failure}: {error}")


class Gathering(param.Parameterized, Generic[Outcome]):
    """Something that grows in the background, a piece at a time, until it is stopped or whole.

    `_more` adds a piece, `is_whole` says when there is no more to come, and `_go_on` asks for pieces.
    """

    found: Any = param.Parameter(doc="As far as it has come.")
    is_running = param.Boolean(default=False, doc="Whether there is more to come.")
    problem = param.String(doc="One sentence where there is no answer.")

    failure = "Nothing was found"  # begins the sentence about an error

    def __init__(self) -> None:
        super().__init__()
        self._latest: Latest[Outcome, Outcome] = Latest(self._more, self._show, self._fail)

    def stop(self) -> None:
        """After the piece that is under way."""
        self.is_running = False

    def is_whole(self, found: Outcome) -> bool:
        """Whether nothing is missing."""
        raise NotImplementedError

    def _more(self, so_far: Outcome) -> Outcome:
        raise NotImplementedError

    def _for_a_while(self, step: Callable[[Outcome], Outcome], so_far: Outcome, seconds: float) -> Outcome:
        """One step, and more of them until it is time to show what has come, or nothing more is wanted."""
        until = time.perf_counter() + seconds
        while True:
            so_far = step(so_far)
            if self.is_whole(so_far) or not self.is_running or time.perf_counter() > until:
                return so_far

    def _is_wanted(self, found: Outcome) -> bool:
        """Whether it is still what is asked for."""
        del found
        return True

    def _go_on(self) -> None:
        if not self.is_whole(self.found):
            self.param.update(is_running=True, problem="")
            self._latest.ask(self.found)

    def _show(self, found: Outcome) -> None:
        if not self._is_wanted(found):
            return
        self.found = found
        if self.is_running and not self.is_whole(found):
            self._latest.ask(found)
        else:
            self.is_running = False

    def _fail(self, error: Exception) -> None:
        self.param.update(is_running=False, problem=f"{self.failure}: {error}")


def at_once(callback: Callable[[], Any]) -> None:
    """Call it now: the way to deliver where there is no session."""
    callback()


def _deliver(work: Callable, then: Callable, failed: Callable, deliver: Callable) -> None:
    try:
        outcome = work()
    except Exception as error:  # noqa: BLE001 - whatever it is, it must reach the page and not vanish in a thread
        deliver(partial(failed, error))
    else:
        deliver(partial(then, outcome))


def _in_session(document: Document, callback: Callable[[], Any]) -> None:
    document.add_next_tick_callback(partial(_when_loaded, callback))


def _when_loaded(callback: Callable[[], Any]) -> None:
    """What changes after a page was sent, but before it is connected, would not reach the browser."""
    if pn.state.loaded:
        callback()
    else:
        pn.state.onload(callback)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="page")
