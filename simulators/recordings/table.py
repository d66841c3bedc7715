"""CSV recordings: a header of names and units, and comment lines about the cell above it.

For instance:

    # cell_area_cm2: 1.8e-4
    # junction_potential_mV: -14
    time [ms], voltage [mV], current [pA]
    0.00, -70.1, 0
"""

from __future__ import annotations

import difflib
import io
import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from simulators.recordings.recording import Recording, recording_from
from simulators.recordings.units import CHANNELS, RecordingError, unit_factor

EXAMPLE: Final = "time [ms], voltage [mV], current [pA]"
NAMES: Final = {
    "time": ("time", "t"),
    "voltage": ("voltage", "v", "vm", "membrane potential", "membrane voltage"),
    "current": ("current", "i", "injected current", "stimulus"),
}
COMMENTS: Final = (
    "cell_area_cm2",
    "junction_potential_mV",
    "membrane_time_constant_s",
    "input_resistance_MOhm",
    "stimulus_onset_ms",
    "stimulus_offset_ms",
    "label",
    "cell_id",
    "sweep_number",
)
SHORTER: Final = {"area_cm2": "cell_area_cm2"}


def read_table(path: Path) -> Recording:
    """The recording in a text file with separated columns; comma, semicolon or tab, decimal point or comma.

    Raises:
        RecordingError: the header, a unit or a cell is missing or wrong.
    """
    text = decode(path.read_bytes())
    lines = text.splitlines()
    at = header_position(lines)
    attrs = comments(lines[:at])
    separator, columns = parse_header(lines[at])
    table = table_of(lines[at + 1 :], separator, len(lines[at].split(separator)))
    samples = {}
    for name, (position, unit) in columns.items():
        samples[name] = numbers_of(table[position], name, at + 2) * unit_factor(name, unit)
    return recording_from(samples["time"], samples["voltage"], samples["current"], attrs)


def decode(content: bytes) -> str:
    """The text of a file: UTF-8, or Latin-1 where that fails (for the micro sign of older programs)."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def header_position(lines: list[str], example: str = EXAMPLE) -> int:
    """Index of the first line that is neither blank nor a comment.

    Raises:
        RecordingError: there is none, where a header such as ``example`` is needed.
    """
    for position, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            return position
    raise RecordingError(f"there is no header, but one such as '{example}' is needed.")


def parse_header(header: str) -> tuple[str, dict[str, tuple[int, str | None]]]:
    """The separator, and for each of time, voltage and current its column and unit.

    Raises:
        RecordingError: there are no such columns.
    """
    separator, titles = split_header(header)
    shown = header.strip()[:80]
    columns: dict[str, tuple[int, str | None]] = {}
    for position, (name, unit) in enumerate(titles):
        channel = next((channel for channel in CHANNELS if name.lower() in NAMES[channel]), None)
        if channel in columns:
            raise RecordingError(f"the header names the {channel} twice ('{shown}'); keep one of them.")
        if channel is not None:
            columns[channel] = (position, unit)
    missing = [channel for channel in CHANNELS if channel not in columns]
    if missing:
        raise RecordingError(
            f"the header '{shown}' has no column {' or '.join(missing)}, but one like '{EXAMPLE}' is needed."
        )
    return separator, columns


def split_header(header: str, example: str = EXAMPLE) -> tuple[str, list[tuple[str, str | None]]]:
    """The separator, and name and unit of each column.

    Raises:
        RecordingError: there is no separator, where a header such as ``example`` is needed.
    """
    separator = max("\t;,", key=header.count)
    if not header.count(separator):
        raise RecordingError(
            f"the header is '{header.strip()[:80]}', but names and units separated by comma, semicolon or "
            f"tab are needed, such as '{example}'."
        )
    return separator, [_title(title) for title in header.split(separator)]


def _title(title: str) -> tuple[str, str | None]:
    found = re.fullmatch(r"(.*?)\s*[\[(]\s*(.*?)\s*[\])]", title.strip().strip("\"'").strip())
    return (found.group(1), found.group(2)) if found else (title.strip().strip("\"'").strip(), None)


def comments(lines: list[str]) -> dict[str, Any]:
    """What the comment lines say: name -> words.

    Raises:
        RecordingError: a name that is nearly a known one.
    """
    attrs: dict[str, Any] = {}
    for line in lines:
        name, colon, value = line.lstrip("# \t").partition(":")
        name = name.strip()
        if not colon or not name:
            continue
        known = (*COMMENTS, *SHORTER)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if near and name not in known:
            raise RecordingError(f"the comment '{name}' is not known; '{near[0]}' is probably meant.")
        attrs[SHORTER.get(name, name)] = value.strip()
    return attrs


def table_of(lines: list[str], separator: str, num_columns: int) -> Any:
    """The lines below the header as a pandas table; short lines are filled up with NaN.

    Raises:
        RecordingError: a line has more cells than the header.
    """
    import pandas as pd

    decimal = "," if separator != "," and any("," in line for line in lines[:100]) else "."
    try:
        # One column more than the header: separators at the ends of lines are harmless, more cells not.
        table = pd.read_csv(
            io.StringIO("\n".join(lines)),
            sep=separator,
            decimal=decimal,
            header=None,
            names=list(range(num_columns + 1)),
            index_col=False,
            skipinitialspace=True,
            skip_blank_lines=False,
            low_memory=False,
        )
    except ValueError as error:
        raise RecordingError(f"the table cannot be read: {' '.join(str(error).split())}.") from None
    if not np.asarray(table[num_columns].isna()).all():
        raise RecordingError(
            f"some lines have more cells than the {num_columns} of the header; correct them."
        )
    return table


def numbers_of(column: Any, name: str, first_line: int) -> np.ndarray:
    """A column as numbers, NaN where it is empty.

    Raises:
        RecordingError: a cell is something else; ``name`` and the line say which.
    """
    import pandas as pd

    numbers = np.asarray(pd.to_numeric(column, errors="coerce"), np.float64)
    wrong = np.flatnonzero(np.isnan(numbers) & ~np.asarray(column.isna()))
    if len(wrong):
        cell = column.iloc[wrong[0]]
        raise RecordingError(
            f"the {name} in line {first_line + wrong[0]} is '{cell}', but a number is needed."
        )
    return numbers
