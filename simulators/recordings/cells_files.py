"""Files of several cells recorded together: CSV with a column for each cell, or NWB 2.

    AB/PD [s], LP [s], PY [s]                       spike times; columns may differ in length
    0.112, 0.651, 0.903

    time [ms], AB/PD [mV], LP [mV], PY [mV]         voltages, beside a column of times
    0.0, -52.1, -60.3, -58.8

In NWB 2 the cells are voltage series of these names, or rows of the table of units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

from simulators.recordings.attributes import plain
from simulators.recordings.cells import Cells, SpikeTrains, VoltageTraces
from simulators.recordings.checks import sampling_interval
from simulators.recordings.find import RecordingInfo
from simulators.recordings.nwb2 import opened, read_channel
from simulators.recordings.read import file_kind, naming
from simulators.recordings.table import (
    NAMES,
    comments,
    decode,
    header_position,
    numbers_of,
    split_header,
    table_of,
)
from simulators.recordings.units import UNITS, RecordingError, unit_factor

FORMATS: Final = "a CSV (.csv) or NWB 2 (.nwb) recording is needed"
Aliases = Mapping[str, Sequence[str]]  # name of a cell -> what files call it


def read_cells(
    path: str | Path, *, cells: Aliases, sweep: int | None = None, max_bytes: int = 200_000_000
) -> Cells:
    """The spikes or voltages of the cells of a model, in ms and mV; voltages where a file has both.

    Args:
        path: the file; its content decides how it is read.
        cells: the cells that are needed, in order, each with what files call it.
        sweep: None: such a file holds one recording.
        max_bytes: larger files are refused.

    Raises:
        RecordingError: one sentence that names the file, what was found and what is needed.
    """
    path = Path(path)

    def read() -> Cells:
        if sweep is not None:
            raise RecordingError(f"there are no sweeps to choose from; leave out the sweep ({sweep}).")
        if _kind(path, cells, max_bytes=max_bytes) == "nwb2":
            return _from_nwb2(path, cells)
        return _from_table(path, cells)

    return naming(path, read)


def describe_cells(path: str | Path, *, cells: Aliases) -> RecordingInfo:
    """What the file is, from its header or the names in it alone.

    Raises:
        RecordingError: it is no recording of these cells.
    """
    path = Path(path)

    def look() -> str:
        kind = _kind(path, cells, max_bytes=200_000_000)
        if kind == "csv":
            with path.open("rb") as file:
                lines = decode(file.read(8192)).splitlines()
            _columns(lines[header_position(lines)], cells)
        elif not _has_cells(path, cells):
            raise _missing("the file", [], cells)
        return kind

    return RecordingInfo(path, naming(path, look), path.stem, path.stat().st_size, has_sweeps=False)


def one_recording(path: str | Path) -> list[int]:
    """The sweeps of a file that holds a single recording: none to choose from."""
    return []


def _kind(path: Path, cells: Aliases, *, max_bytes: int) -> str:
    kind = file_kind(path, max_bytes=max_bytes, formats=FORMATS)
    if kind in ("netcdf", "nwb1"):
        found = {"netcdf": "a netCDF recording of one cell", "nwb1": "an NWB 1 file of one cell"}[kind]
        raise RecordingError(f"this is {found}, but {_needed(cells)}.")
    return kind


def _from_table(path: Path, cells: Aliases) -> Cells:
    lines = decode(path.read_bytes()).splitlines()
    at = header_position(lines)
    label = str(comments(lines[:at]).get("label") or path.name)
    separator, time, columns = _columns(lines[at], cells)
    table = table_of(lines[at + 1 :], separator, lines[at].count(separator) + 1)
    channel = "time" if time is None else "voltage"

    def samples(name: str, channel: str, position: int, unit: str | None) -> np.ndarray:
        return numbers_of(table[position], name, at + 2) * unit_factor(channel, unit, of=name)

    words = "column" if time is None else "voltage"
    rows = [samples(f"{words} of {name}", channel, *column) for name, column in columns.items()]
    if time is None:
        return SpikeTrains(tuple(columns), tuple(row[~np.isnan(row)] for row in rows), label)
    dt = sampling_interval(samples("time", "time", *time))
    return VoltageTraces(tuple(columns), np.stack(rows), dt, label)


Column = tuple[int, str | None]  # position and unit


def _columns(header: str, cells: Aliases) -> tuple[str, Column | None, dict[str, Column]]:
    """The separator, the column of times where there is one, and that of each cell."""
    separator, titles = split_header(header, ", ".join(f"{name} [s]" for name in cells))
    time = next(((at, unit) for at, (name, unit) in enumerate(titles) if name.lower() in NAMES["time"]), None)
    found = _places([name for name, _ in titles], cells)
    if len(found) < len(cells):
        raise _missing(f"the header '{header.strip()[:80]}'", found, cells)
    columns = {name: (at, titles[at][1]) for name, at in found.items()}
    is_voltage = [unit in UNITS["voltage"] for _, unit in columns.values()]
    if time is None and all(is_voltage):
        raise RecordingError(f"there are voltages without a column time, but {_needed(cells)}.")
    return separator, time, columns


def _places(titles: Sequence[str], cells: Aliases) -> dict[str, int]:
    """Which title is which cell: one that is an alias of it, or holds one as a word ("voltage_PD")."""
    found: dict[str, int] = {}
    for name, aliases in cells.items():
        known = {_word(alias) for alias in aliases}
        places = [
            place
            for place, title in enumerate(titles)
            if known & {_word(title), *re.findall("[a-z0-9]+", title.lower())}
        ]
        if len(places) > 1:
            twice = ", ".join(f"'{titles[place]}'" for place in places)
            raise RecordingError(f"{name} is there {len(places)} times ({twice}); keep one of them.")
        if places:
            found[name] = places[0]
    return found


def _word(title: str) -> str:
    return "".join(re.findall("[a-z0-9]+", title.lower()))


def _missing(where: str, found: Sequence[str] | Mapping[str, int], cells: Aliases) -> RecordingError:
    missing = " or ".join(name for name in cells if name not in found)
    return RecordingError(f"{where} has no {missing}, but {_needed(cells)}.")


def _needed(cells: Aliases) -> str:
    spikes = ", ".join(f"{name} [s]" for name in cells)
    voltages = ", ".join(["time [ms]", *(f"{name} [mV]" for name in cells)])
    return (
        f"spike times or voltages of {', '.join(cells)} are needed, as CSV ('{spikes}' or '{voltages}') or "
        "by these names in NWB 2"
    )


def _from_nwb2(path: Path, cells: Aliases) -> Cells:
    with opened(path) as nwb:
        series = list(nwb.acquisition.values())
        found = _places([one.name for one in series], cells)
        if len(found) == len(cells):
            return _traces([series[place] for place in found.values()], tuple(found), path.name)
        units = _named_units(nwb.units, cells)
        if len(units) == len(cells):
            times = nwb.units["spike_times"]
            trains = tuple(np.asarray(times[row], np.float64) * 1e3 for row in units.values())
            return SpikeTrains(tuple(units), trains, path.name)
    raise _missing("the file", max(found, units, key=len), cells)


def _traces(series: list[Any], names: tuple[str, ...], label: str) -> VoltageTraces:
    channels = [read_channel(one, "voltage") for one in series]
    kinds = {(len(channel.samples), round(channel.rate, 6)) for channel in channels}
    if len(kinds) > 1:
        shown = ", ".join(f"{length} samples at {rate:g} Hz" for length, rate in sorted(kinds))
        raise RecordingError(f"the voltages differ in length or rate ({shown}), but they must agree.")
    time = np.arange(len(channels[0].samples)) * 1e3 / channels[0].rate
    return VoltageTraces(names, np.stack([one.samples for one in channels]), sampling_interval(time), label)


def _named_units(units: Any, cells: Aliases) -> dict[str, int]:
    """Rows of the table of units, from the column of words that names most of the cells."""
    if units is None or "spike_times" not in units.colnames:
        return {}
    columns = [list(units[name][:]) for name in units.colnames if name != "spike_times"]
    words = [column for column in columns if column and all(isinstance(value, str) for value in column)]
    return max((_places(column, cells) for column in words), key=len, default={})


def _has_cells(path: Path, cells: Aliases) -> bool:
    with h5py.File(path, "r") as file:
        series: Any = file.get("acquisition", {})
        names = [[str(name) for name in series]]
        units: Any = file.get("units", {})
        for column in units:
            if getattr(units[column], "ndim", 0) == 1 and h5py.check_string_dtype(units[column].dtype):
                names.append([str(plain(value)) for value in units[column][()]])
        return any(len(_places(some, cells)) == len(cells) for some in names)
