"""What a person writes on a run, to find it again: a note and some tags, kept in `run.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 2000, 32, 12  # characters, characters, tags
_TAG = re.compile(rf"[\w.-]{{1,{LONGEST_TAG}}}")


@dataclass(frozen=True)
class Notes:
    """A note, and tags in the order in which they were given."""

    note: str = ""
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Fields of `run.json`."""
        return {"note": self.note, "tags": list(self.tags)}


def read_notes(record: Mapping[str, Any]) -> Notes:
    """The notes in a `run.json`, whoever wrote it: what is no text, or no tag, is left out."""
    note, tags = record.get("note"), record.get("tags")
    listed = tags if isinstance(tags, list) else []
    known = [tag for tag in listed if isinstance(tag, str) and _TAG.fullmatch(tag)]
    return Notes(note[:LONGEST_NOTE] if isinstance(note, str) else "", tuple(known[:MOST_TAGS]))


def make_notes(note: str, tags: str) -> Notes:
    """The notes that a person has typed.

    Args:
        note: any text.
        tags: parted by spaces or commas.

    Raises:
        ValueError: the note or a tag is too long, a tag has other signs than a tag may, or they are too many.
    """
    given = tuple(dict.fromkeys(filter(None, re.split(r"[\s,]+", tags))))
    wrong = next((tag for tag in given if not _TAG.fullmatch(tag)), None)
    if len(note) > LONGEST_NOTE:
        raise ValueError(f"A note has at most {LONGEST_NOTE} characters; got {len(note)}.")
    if wrong is not None:
        raise ValueError(
            f"A tag has up to {LONGEST_TAG} letters, digits, '_', '.' and '-'; got '{wrong[:60]}'."
        )
    if len(given) > MOST_TAGS:
        raise ValueError(f"A run has at most {MOST_TAGS} tags; got {len(given)}.")
    return Notes(note.strip(), given)
