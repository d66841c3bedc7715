"""Observations as rows of a CSV file: a column for each feature, and one for labels if there are some.

x, label
0.21, day 1
0.35, day 2
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from simulators.recordings.find import RecordingInfo
from simulators.recordings.read import file_kind, naming
from simulators.recordings.table import decode, header_position, numbers_of, table_of
from simulators.recordings.units import RecordingError

FORMATS: Final = "a CSV file with a column for each feature is needed"
LABELS: Final = ("label", "condition", "group")
MAX_ROWS: Final = 10_000


@dataclass(frozen=True, eq=False)
class Rows:
    """Observations, one a row.

    Attributes:
        x: shape (n, num_features), in the order of the model's features.
        labels: what each is; "" where nothing is known.
        name: of the file.
        first: number of the first of them in the file.
        channel, channels: empty, there is no choice.
    """

    x: Float[np.ndarray, "n features"]
    labels: tuple[str, ...]
    name: str = ""
    first: int = 0
    channel: str = field(default="", init=False)
    channels: tuple[str, ...] = field(default=(), init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """What to call each: "row 3"."""
        return tuple(f"row {self.first + k}" for k in range(len(self.labels)))

    @property
    def told(self) -> str:
        """What was found, for people."""
        found = len([label for label in dict.fromkeys(self.labels) if label])
        labels = f", {found} labels" if found else ""
        return f"{len(self.labels)} rows of {self.name or 'a table'}{labels}."

    def only(self, number: int | None) -> Rows:
        """The row of that number, from 0; None: the only one.

        Raises:
            RecordingError: there is none, or several to choose from.
        """
        if number is None and len(self.labels) > 1:
            raise RecordingError(f"there are {len(self.labels)} rows; choose one of them.")
        at = number or 0
        if not 0 <= at < len(self.labels):
            raise RecordingError(f"there is no row {at}; the file has 0 to {len(self.labels) - 1}.")
        return Rows(self.x[at : at + 1], self.labels[at : at + 1], self.name, at)


def read_rows(path: str | Path, *, features: Sequence[str], max_bytes: int = 50_000_000) -> Rows:
    """The observations in a CSV file.

    Args:
        path: the file.
        features: names of the columns, in the order of the model.
        max_bytes: larger files are refused.

    Raises:
        RecordingError: one sentence that names the file, what was found and what is needed.
    """
    path = Path(path)

    def read() -> Rows:
        if file_kind(path, max_bytes=max_bytes, formats=FORMATS) != "csv":
            raise RecordingError(f"the file is no table, but {FORMATS}.")
        return _from_table(path, features)

    return naming(path, read)


def describe_rows(path: str | Path, *, features: Sequence[str]) -> RecordingInfo:
    """What the file is, from its header alone.

    Raises:
        RecordingError: it is no table with a column for each feature.
    """
    path = Path(path)

    def look() -> str:
        kind = file_kind(path, formats=FORMATS)
        if kind != "csv":
            raise RecordingError(f"the file is no table, but {FORMATS}.")
        with path.open("rb") as file:
            _columns(decode(file.read(8192)).splitlines(), features)
        return kind

    return RecordingInfo(path, naming(path, look), path.stem, path.stat().st_size, has_sweeps=False)


def _from_table(path: Path, features: Sequence[str]) -> Rows:
    lines = decode(path.read_bytes()).splitlines()
    at, separator, titles = _columns(lines, features)
    table = table_of(lines[at + 1 :], separator, len(titles))
    if not 0 < len(table) <= MAX_ROWS:
        raise RecordingError(f"there are {len(table)} rows, but 1 to {MAX_ROWS} are needed.")
    columns = [numbers_of(table[titles.index(name)], name, at + 2) for name in features]
    x = np.stack(columns, axis=1).astype(np.float32)
    empty = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(empty):
        raise RecordingError(
            f"line {at + 2 + empty[0]} has an empty or infinite cell; fill it or take it out."
        )
    place = next((titles.index(title) for title in titles if title.lower() in LABELS), None)
    labels = [""] * len(x) if place is None else list(table[place].fillna("").astype(str).str.strip())
    return Rows(x, tuple(labels), path.name)


def _columns(lines: list[str], features: Sequence[str]) -> tuple[int, str, list[str]]:
    """Where the header is, the separator and the titles."""
    at = header_position(lines, ", ".join(features))
    separator = max("\t;,", key=lines[at].count)
    titles = [title.strip().strip("\"'") for title in lines[at].split(separator)]
    missing = [name for name in features if name not in titles]
    if missing:
        raise RecordingError(
            f"the header '{lines[at].strip()[:80]}' has no column {', '.join(missing)}, but one for each "
            f"feature is needed ({', '.join(features)})."
        )
    return at, separator, titles
