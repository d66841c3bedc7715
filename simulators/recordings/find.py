"""The recordings below some folders, and a short description of each, without reading their samples."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py

from simulators.recordings.attributes import plain, plain_attributes
from simulators.recordings.read import file_kind, naming
from simulators.recordings.recording import name_of
from simulators.recordings.table import decode, header_position, parse_header
from simulators.recordings.units import CHANNELS, RecordingError

SUFFIXES = (".nc", ".nwb", ".csv", ".fif", ".edf", ".bdf", ".vhdr")


@dataclass(frozen=True)
class RecordingInfo:
    """What a list shows of a recording: the file, its kind, a label, and whether a sweep must be chosen."""

    path: Path
    kind: str
    label: str
    num_bytes: int
    has_sweeps: bool


def find_recordings(
    folders: Iterable[str | Path],
    *,
    look: Callable[[Path], object] | None = None,
    max_depth: int = 4,
    max_files: int = 500,
) -> list[Path]:
    """Paths, sorted, of the files below ``folders`` that look like recordings (other tables do not).

    ``look`` raises RecordingError for what is none of the kind that is sought: by default ``describe``, for
    current-clamp sweeps.

    Hidden folders and links to folders are not entered; missing folders are skipped; the search is bounded by
    depth and number of files looked at.
    """
    found = []
    for looked_at, path in enumerate(_candidates(folders, max_depth)):
        if looked_at >= max_files:
            break
        try:
            (look or describe)(path)
        except RecordingError:
            continue
        found.append(path)
    return sorted(set(found))


def describe(path: str | Path) -> RecordingInfo:
    """What the file is, from its header alone.

    Raises:
        RecordingError: it is not a recording.
    """
    path = Path(path)
    kind, label = naming(path, lambda: _describe(path))
    return RecordingInfo(path, kind, label or path.stem, path.stat().st_size, kind in ("nwb1", "nwb2"))


def _describe(path: Path) -> tuple[str, str]:
    kind = file_kind(path)
    if kind == "csv":
        with path.open("rb") as file:
            lines = decode(file.read(8192)).splitlines()
        parse_header(lines[header_position(lines)])
        return kind, ""
    if kind != "netcdf":
        return kind, ""
    with h5py.File(path, "r") as file:
        if not all(name in file for name in CHANNELS):
            raise RecordingError("the file has no time, voltage and current.")
        attrs = plain_attributes(dict(file.attrs))
        amplitude = plain(attrs.get("stimulus_amplitude_pA"))
    step = f" ({amplitude:g} pA)" if isinstance(amplitude, int | float) else ""
    return kind, name_of(attrs) + step


def _candidates(folders: Iterable[str | Path], max_depth: int) -> Iterator[Path]:
    for folder in folders:
        top = Path(folder)
        for current, names, files in os.walk(top):
            depth = len(Path(current).relative_to(top).parts)
            entered = sorted(name for name in names if not name.startswith("."))
            names[:] = entered if depth < max_depth else []
            yield from (Path(current) / name for name in sorted(files) if name.lower().endswith(SUFFIXES))
