"""The journal of a run: one JSON line per progress event, appended while it runs and readable at any time."""

import json
import os
import time
from pathlib import Path
from typing import Any

from inference.files import plain
from inference.progress import Progress

TAIL_BYTES = 8192  # more than one line


def append(path: Path, event: Progress, **extra: Any) -> None:
    """Add one event with the time of day; `extra` are further JSON values."""
    line = {"time": time.time(), "stage": event.stage, "done": event.done, "total": event.total}
    line |= {"values": dict(event.values), "message": event.message, **extra}
    with open(path, "ab+") as stream:
        if not _ends_with_newline(stream):
            stream.write(b"\n")  # whoever wrote before died in the middle of a line
        stream.write(json.dumps(plain(line), allow_nan=False).encode() + b"\n")


def read_all(path: Path) -> list[dict[str, Any]]:
    """All events so far, oldest first. A torn line is left out; a missing file has no events."""
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError:
        return []


def read_last(path: Path) -> dict[str, Any] | None:
    """The newest event, or None; reads only the end of the file."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL_BYTES))
            events = _parsed(stream.read())
    except FileNotFoundError:
        return None
    return events[-1] if events else None


def _ends_with_newline(stream: Any) -> bool:
    end = stream.seek(0, os.SEEK_END)
    if end == 0:
        return True
    stream.seek(end - 1)
    return stream.read(1) == b"\n"


def _parsed(lines: bytes) -> list[dict[str, Any]]:
    """The whole lines; the first (cut by a tail) and the last (being written) may be torn."""
    events = []
    for line in lines.split(b"\n"):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "stage" in event:
            events.append(event)
    return events
