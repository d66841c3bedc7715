"""EEG in a CSV file: a column of times, one for each channel, and columns that tell what happened.

time [s], Oz [uV], O2 [uV], closed, open          1 where a condition begins, or while it lasts
time [s], Oz [uV], marker                         words or numbers; also condition, event, trigger, stim
time [s], epoch, condition, Oz [uV]               already cut: rows of one number are one epoch
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from simulators.recordings.checks import check_uniform
from simulators.recordings.eeg_conditions import Mark, condition_of
from simulators.recordings.eeg_files import EegFile, choose_channel, pulses
from simulators.recordings.table import NAMES, decode, header_position, numbers_of, split_header, table_of
from simulators.recordings.units import RecordingError, unit_factor

EXAMPLE: Final = "time [s], Oz [uV], closed, open"
MARKERS: Final = ("marker", "markers", "condition", "label", "event", "trigger", "stim", "status")
EPOCH: Final = "epoch"


class Header(NamedTuple):
    """Where what is: positions, with units where there are some."""

    separator: str
    time: tuple[int, str | None]
    channels: dict[str, tuple[int, str | None]]
    marks: dict[str, int]  # name of all marks of a column ("" where its cells name them) -> position
    epoch: int | None


def read_eeg_table(path: Path, channel: str, unit: str) -> EegFile:
    """One channel of a CSV file.

    Args:
        path: the file.
        channel: by name; "": the usual one.
        unit: of the channel where its header tells none or a wrong one; "": as the header says.

    Raises:
        RecordingError: the header, a unit or a cell is missing or wrong, or the sampling is not uniform.
    """
    lines = decode(path.read_bytes()).splitlines()
    at = header_position(lines, EXAMPLE)
    header = parse_eeg_header(lines[at])
    table = table_of(lines[at + 1 :], header.separator, lines[at].count(header.separator) + 1)
    chosen = choose_channel(tuple(header.channels), channel)
    place, own_unit = header.channels[chosen]
    factor = 1e3 * unit_factor("voltage", unit or own_unit, of=chosen)
    samples = numbers_of(table[place], chosen, at + 2) * factor
    time = numbers_of(table[header.time[0]], "time", at + 2) * unit_factor("time", header.time[1])
    channels = tuple(header.channels)
    if header.epoch is not None:
        return _epochs(table, header, EegFile(samples[None], 0.0, chosen, channels), time)
    rate = _rate(time)
    marks = [
        mark for name, column in header.marks.items() for mark in pulses(_cells(table[column]), rate, name)
    ]
    ordered: Sequence[Mark] = sorted(marks, key=lambda mark: mark.start)
    return EegFile(samples[None], rate, chosen, channels, tuple(ordered))


def parse_eeg_header(line: str) -> Header:
    """What the columns are.

    Raises:
        RecordingError: there is no time or no channel, or a name comes twice.
    """
    separator, titles = split_header(line, EXAMPLE)
    time, epoch, marks, channels = None, None, {}, {}
    for place, (name, unit) in enumerate(titles):
        word = name.strip().lower()
        if word in NAMES["time"]:
            time = (place, unit)
        elif word == EPOCH:
            epoch = place
        elif unit is None and (word in MARKERS or condition_of(name)):
            marks["" if word in MARKERS else name] = place
        elif name and name in channels:
            raise RecordingError(f"the header names the channel {name} twice; keep one of them.")
        elif name:
            channels[name] = (place, unit)
    missing = [what for what, found in (("time", time), ("channel", channels)) if not found]
    if time is None or missing:
        raise RecordingError(
            f"the header '{line.strip()[:80]}' has no {' and no '.join(missing)}, but one like "
            f"'{EXAMPLE}' is needed."
        )
    return Header(separator, time, channels, marks, epoch)


def _epochs(table: Any, header: Header, file: EegFile, time: np.ndarray) -> EegFile:
    """The rows of each epoch beside each other."""
    numbers = np.asarray(table[header.epoch])
    starts = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1]])
    lengths = {int(length) for length in np.diff(np.r_[starts, len(numbers)])}
    if len(lengths) > 1:
        raise RecordingError(
            f"the epochs differ in length ({min(lengths)} to {max(lengths)} samples), but they must agree."
        )
    length = lengths.pop()
    rate = _rate(time[:length])
    names = [""] * len(starts)
    for name, column in header.marks.items():
        cells = _cells(table[column])[starts]
        names = [(name or str(cell)) if cell else known for cell, known in zip(cells, names, strict=True)]
    rows = file.samples.reshape(len(starts), length)
    return EegFile(rows, rate, file.channel, file.channels, names=tuple(names))


def _rate(time: np.ndarray) -> float:
    """Samples per second of times in ms."""
    if len(time) < 2 or not np.isfinite(time).all() or not time[-1] > time[0]:
        raise RecordingError("the times must be numbers that increase; correct the column time.")
    step = float(time[-1] - time[0]) / (len(time) - 1)
    check_uniform(time, step)
    return 1e3 / step


def _cells(column: Any) -> np.ndarray:
    """A column as numbers where all that is there are numbers, else as words; "" or NaN where it is empty."""
    import pandas as pd

    is_empty = np.asarray(column.isna())
    numbers = np.asarray(pd.to_numeric(column, errors="coerce"), np.float64)
    if not (np.isnan(numbers) & ~is_empty).any():
        return np.nan_to_num(numbers)
    return np.asarray(column.fillna("").astype(str).str.strip(), object)
