"""Which runs of a list are meant: words that all must be there, `state:done`, `model:pyloric`, `tag:good`."""

from __future__ import annotations

import unicodedata

from dashboard.run_title import model_title
from dashboard.views.run_rows import RunRow

KEYS = ("model", "method", "state", "tag")
HINT = f"words, or {' '.join(f'{key}:…' for key in KEYS)}"


def matches(row: RunRow, wanted: str) -> bool:
    """Whether a row has all that is wanted, whatever is written in capitals or with accents."""
    return all(_has(row, word) for word in _plain(wanted).split())


def _has(row: RunRow, word: str) -> bool:
    key, colon, value = word.partition(":")
    if not colon or key not in KEYS:  # also a word with a colon
        return any(word in _plain(text) for text in _texts(row))
    if key == "tag":
        return value in (_plain(tag) for tag in row.tags)
    model = f"{row.model} {model_title(row.model)}"
    method = f"{row.method} {row.method.replace(' ', '-')}"
    return value in _plain({"model": model, "method": method, "state": row.state}[key])


def _texts(row: RunRow) -> tuple[str, ...]:
    title = model_title(row.model)
    return (row.id, row.model, title, row.method, row.observation, row.state, row.remark, *row.tags)


def _plain(text: str) -> str:
    """Without capitals and accents, so that "polya" finds Pólya-Gamma."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))
