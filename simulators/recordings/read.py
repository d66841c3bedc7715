"""read_recording: look at what a file is, not at what it is called, and read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import h5py

from simulators.recordings.netcdf import read_netcdf
from simulators.recordings.nwb1 import current_clamp_sweeps, read_nwb1
from simulators.recordings.nwb2 import nwb2_sweeps, read_nwb2
from simulators.recordings.recording import Recording
from simulators.recordings.table import read_table
from simulators.recordings.units import RecordingError

FORMATS: Final = "a netCDF-4 (.nc), NWB (.nwb) or CSV (.csv) recording is needed"
HDF5: Final = b"\x89HDF\r\n\x1a\n"
# First bytes of what people send instead.
FOREIGN: Final = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"CDF": "a netCDF-3 file; save it as netCDF-4",
    b"ABF": "an Axon (.abf) file; export it as NWB or CSV",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"\x80\x02": "a Python pickle, which is never opened",
    b"\x80\x03": "a Python pickle, which is never opened",
    b"\x80\x04": "a Python pickle, which is never opened",
    b"\x80\x05": "a Python pickle, which is never opened",
    b"\x93NUMPY": "a NumPy array",
    b"MATLAB": "a MATLAB file; export it as CSV",
    b"\x89PNG": "a picture",
}
Found = TypeVar("Found")


def read_recording(path: str | Path, *, sweep: int | None = None, max_bytes: int = 200_000_000) -> Recording:
    """The recording in a netCDF-4 (our layout), NWB 1.0 (Allen), NWB 2 or CSV file, in ms, mV and uA.

    Whole sweeps (NWB) are cut from 205 ms before their current step to 245 ms after it; the other formats are
    taken as they are. Nothing in a file is executed: no pickle is opened.

    Args:
        path: the file; its content decides how it is read.
        sweep: which sweep of an NWB file; None where there is only one.
        max_bytes: larger files are refused.

    Raises:
        RecordingError: one sentence that names the file, what was found and what is needed.
    """
    path = Path(path)

    def read() -> Recording:
        kind = file_kind(path, max_bytes=max_bytes)
        if kind != "csv":
            return {"netcdf": read_netcdf, "nwb1": read_nwb1, "nwb2": read_nwb2}[kind](path, sweep)
        if sweep is not None:
            raise RecordingError(f"a CSV file holds one sweep; leave out the sweep ({sweep} was asked for).")
        return read_table(path)

    return naming(path, read)


def list_sweeps(path: str | Path) -> list[int]:
    """Numbers of the current-clamp sweeps of an NWB file; empty for the formats that hold a single sweep.

    Raises:
        RecordingError: the file cannot be read.
    """
    path = Path(path)

    def sweeps() -> list[int]:
        kind = file_kind(path)
        if kind == "nwb2":
            return nwb2_sweeps(path)
        if kind != "nwb1":
            return []
        with h5py.File(path, "r") as file:
            return current_clamp_sweeps(file)

    return naming(path, sweeps)


def naming(path: Path, read: Callable[[], Found]) -> Found:
    """What ``read()`` gives; every error becomes a RecordingError of one sentence that names the file."""
    try:
        return read()
    except RecordingError as error:
        raise RecordingError(f"{path.name}: {error}") from None
    # A damaged HDF5 file makes h5py, h5netcdf and pynwb raise almost any exception; to the user they are one.
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise RecordingError(
            f"{path.name}: the file is damaged or incomplete ({reason}); copy or export it again."
        ) from error


def file_kind(path: Path, *, max_bytes: int = 200_000_000, formats: str = FORMATS) -> str:
    """What a file is by its content: "netcdf", "nwb1", "nwb2" or "csv".

    Raises:
        RecordingError: the file is missing, empty, too large or something else.
    """
    head = first_bytes(path, max_bytes=max_bytes, formats=formats)
    if head.startswith(HDF5) or h5py.is_hdf5(path):
        return _hdf5_kind(path)
    foreign = next((what for magic, what in FOREIGN.items() if head.startswith(magic)), None)
    if foreign or not _is_text(head):
        raise RecordingError(f"the file is {foreign or 'of an unknown binary format'}, but {formats}.")
    if path.suffix.lower() in (".nc", ".nwb", ".h5", ".hdf5"):
        raise RecordingError(
            f"the file is plain text although it is called '{path.suffix}', but {formats}; "
            "give it its own name (.csv) or the right content."
        )
    return "csv"


def first_bytes(path: Path, *, max_bytes: int, formats: str) -> bytes:
    """The beginning of a file, of any kind.

    Args:
        path: the file.
        max_bytes: larger files are refused.
        formats: what is needed instead of what is no file.

    Raises:
        RecordingError: it is missing, a folder, empty or too large.
    """
    if not path.exists():
        raise RecordingError("there is no such file; check the path.")
    if not path.is_file():
        raise RecordingError(f"this is a folder, but {formats}.")
    size = path.stat().st_size
    if size == 0:
        raise RecordingError(f"the file is empty, but {formats}.")
    if size > max_bytes:
        raise RecordingError(
            f"the file has {size / 1e6:.3g} MB, but {max_bytes / 1e6:.3g} MB are allowed; cut it."
        )
    with path.open("rb") as file:
        return file.read(65_536)


def _hdf5_kind(path: Path) -> str:
    with h5py.File(path, "r") as file:
        if "nwb_version" in file.attrs:
            return "nwb2"
        if "nwb_version" in file or "acquisition/timeseries" in file:
            return "nwb1"
        return "netcdf"


def _is_text(head: bytes) -> bool:
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head)
