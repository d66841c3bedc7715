"""Which runs of a list are meant: words that all must be there, `state:done`, `model:pyloric`, `tag:good`."""

from __future__ import annotations

from dashboard.views.run_rows import RunRow

KEYS = ("model", "method", "state", "tag")
HINT = f"words, or {' '.join(f'{key}:…' for key in KEYS)}"


def matches(row: RunRow, wanted: str) -> bool:
    """Whether a row has all that is wanted, whatever is written in capitals."""
    return all(_has(row, word) for word in wanted.casefold().split())


def _has(row: RunRow, word: str) -> bool:
    key, colon, value = word.partition(":")
    if not colon or key not in KEYS:  # also a word with a colon
        return any(word in text.casefold() for text in _texts(row))
    if key == "tag":
        return value in (tag.casefold() for tag in row.tags)
    return value in {"model": row.model, "method": row.method, "state": row.state}[key].casefold()


def _texts(row: RunRow) -> tuple[str, ...]:
    return (row.id, row.model, row.method, row.observation, row.state, row.remark, *row.tags)
