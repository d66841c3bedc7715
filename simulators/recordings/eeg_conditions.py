"""What the marks of an EEG say: conditions such as closed and open eyes, and how long each lasts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

WORDS: Final = {
    "closed": re.compile(r"(^|[^a-z])(closed?|shut|ec)([^a-z]|$)", re.IGNORECASE),
    "open": re.compile(r"(^|[^a-z])(open(ed)?|eo)([^a-z]|$)", re.IGNORECASE),
}
LONGEST_PULSE: Final = 1.0  # s; a mark that goes on for longer tells how long a condition lasts
BAD: Final = ("bad", "edge")  # how MNE calls stretches that are not to be used


@dataclass(frozen=True)
class Mark:
    """Something that happened: when, in s from the first sample; for how long; its name."""

    start: float
    duration: float
    name: str


class Stretch(NamedTuple):
    """From one time to another, in s, in one condition ("" where it is unknown)."""

    start: float
    stop: float
    condition: str


def condition_of(name: str, meanings: Mapping[str, str] | None = None) -> str:
    """The condition that a mark tells, "" where it tells none.

    Args:
        name: of the mark, such as "Stimulus/S  1" or "eyes closed".
        meanings: marker -> condition. "1" is also the marker "Stimulus/S  1".
    """
    plain = "".join(name.split()).lower()
    number = re.search(r"\d+$", plain)
    spellings = {plain, plain.rpartition("/")[2], str(int(number.group())) if number else ""}
    for marker, condition in (meanings or {}).items():
        if "".join(marker.split()).lower() in spellings:
            return condition
    found = [condition for condition, words in WORDS.items() if words.search(name)]
    return found[0] if len(found) == 1 else ""


def stretches(
    marks: Sequence[Mark], duration: float, meanings: Mapping[str, str], lasts: float | None
) -> list[Stretch]:
    """What of a continuous recording is in which condition; all of it in an unknown one where no mark tells.

    A condition lasts as long as its mark or ``lasts`` says, and at most until the next one. Where nothing
    says so, the last one is as long as they usually are.

    Args:
        marks: in the order of time.
        duration: of the recording, s.
        meanings: as for ``condition_of``.
        lasts: s; None: unknown.
    """
    told = [(mark, condition) for mark in marks if (condition := condition_of(mark.name, meanings))]
    if not told:
        return [Stretch(0.0, duration, "")]
    starts = [mark.start for mark, _ in told]
    usual = float(np.median(np.diff(starts))) if len(starts) > 1 else duration
    found = []
    for k, (mark, condition) in enumerate(told):
        known = lasts or (mark.duration if mark.duration > LONGEST_PULSE else None)
        end = duration if known else mark.start + usual
        following = starts[k + 1] if k + 1 < len(starts) else end
        stop = min(mark.start + (known or np.inf), following, duration)
        found.append(Stretch(mark.start, stop, condition))
    return found


def is_bad(marks: Sequence[Mark], start: float, stop: float) -> bool:
    """Whether something that is marked as bad lies between two times (s)."""
    return any(
        mark.name.lower().startswith(BAD) and mark.start < stop and mark.start + mark.duration > start
        for mark in marks
    )


def counted(names: Sequence[str]) -> str:
    """Names and how often each comes: "closed 5, open 5"."""
    return ", ".join(f"{name or 'unknown'} {number}" for name, number in Counter(names).items())
