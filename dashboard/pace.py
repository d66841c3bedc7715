"""How long it still takes: from the pace of what has been done."""

import time

from dashboard.words import duration


class Pace:
    """Times something that is counted; its first piece, which also compiles, says nothing."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None

    def left(self, done: int, total: int) -> str:
        """``"; 40 s left"`` once that can be told, else nothing.

        Args:
            done: so far; to be told when that has changed.
            total: in the end.
        """
        now = time.perf_counter()
        if self._first is None and done:
            self._first = (now, done)
        if self._first is None or not self._first[1] < done < total:
            return ""
        begun, before = self._first
        return f"; {duration((now - begun) / (done - before) * (total - done))} left"
