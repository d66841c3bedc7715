"""A finished run as one .zip file: packed to be taken elsewhere; unpacked without trust in what it holds.

Neither simulations nor checkpoints travel. What comes in is checked as a whole before it becomes a run:
names, links, sizes, what would unfold, checksums, and that everything can be read; nothing in it is code.
"""

import io
import json
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inference.diagnostics import verdict
from inference.estimators import EstimatorSpec, read_header
from inference.files import plain, staging, write_json
from inference.observations import within
from inference.requests import Request
from inference.result import MANIFEST, TREE, WEIGHTS, checked_manifest, load_result
from inference.runfolder import Run, new_record, read_record
from inference.runs import rename_to_new_id
from inference.settings import make_config
from inference.zarr_checks import check_zarr

OBSERVATION = "observation"
PARTS = (
    "run.json",
    "settings.json",
    MANIFEST,
    WEIGHTS,
    TREE,
    OBSERVATION,
)  # what comes in; a journal does not
JOURNAL = "progress.jsonl"
PRIVATE = ("performer", "queue", "heartbeat")  # names of machines and processes
MOST_MEMBERS, LONGEST_NAME = 20_000, 400
MOST_RATIO, FREE_BYTES = 50, 2**20  # unfolded to packed bytes of all members, beyond the first of them
LONGEST_HEADER, MOST_WEIGHTS = 2**16, 10**9  # bytes of the header of weights, and of the weights
LONGEST_DIRECTORY = 300 * MOST_MEMBERS  # bytes of the list of members
FARTHEST_END = 65_557  # bytes from the end of a file to the end mark, before the longest comment
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, struct.error, RuntimeError, OSError)
_ODD = (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError, json.JSONDecodeError)
END, END_64 = b"PK\x05\x06", b"PK\x06\x07"  # of that list; of that of a ZIP64 file


def pack(run: Run) -> io.BytesIO:
    """The file of a finished run, without names of people, processes, machines or folders.

    Raises:
        ValueError: it is not done.
    """
    if (state := run.state) != "done":
        raise ValueError(f"Run {run.id} is {state}; only a finished run can be taken along.")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{run.id}/run.json", _plain_record(run))
        for part in (*PARTS[1:], JOURNAL):
            for path in _files(run.folder / part):
                packed.write(path, f"{run.id}/{path.relative_to(run.folder).as_posix()}")
    content.seek(0)
    return content


def unpack(
    file: io.BufferedIOBase, runs: Path, *, owner: str, most_bytes: int, check_room: Callable[[int], Any]
) -> Run:
    """A new run with what the file holds.

    Args:
        file: as `pack` makes it, or the .zip of a run folder.
        runs: where run folders are.
        owner: of the new run.
        most_bytes: that it may unfold to.
        check_room: called with the bytes that it takes; may refuse.

    Raises:
        ValueError: it is no such file, or damaged, or something in it is not allowed; one sentence.
    """
    try:
        _check_directory(file)
        with zipfile.ZipFile(file) as packed, staging(runs) as beside:
            members = _members(packed, most_bytes)
            check_room(sum(one.file_size for one in members.values()))
            for place, member in members.items():
                _extract(packed, member, beside / place)
            record = _checked(beside, owner, most_bytes)
            write_json(beside / "run.json", record)
            return Run(rename_to_new_id(beside, runs, record["request"]["simulator"]))
    except _BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"This is no .zip of a run folder that can be read ({reason}).") from error


def _plain_record(run: Run) -> str:
    """`run.json`, to be read elsewhere."""
    request, dropped = run.request, (*PRIVATE, "sharing", "deleted")
    names = [Path(file).name for file in request.simulator_files]
    kept = {name: value for name, value in run.record.items() if name not in dropped}
    told = kept | {"owner": "local", "request": request.to_json() | {"simulator_files": names}}
    return json.dumps(plain(told), indent=1)


def _first_line(error: Exception) -> str:
    """Of the words of an error."""
    return next(iter(str(error).splitlines()), "")


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(below for below in path.rglob("*") if below.is_file() and not below.is_symlink())
    return [path] if path.is_file() else []


def _check_directory(file: io.BufferedIOBase) -> None:
    """Refuse a list of members that would take too much memory to read."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - FARTHEST_END))
    tail = file.read()
    at = tail.find(END)
    if at < 0 or len(tail) < at + 22:
        raise ValueError("This is no .zip file.")
    length = struct.unpack("<I", tail[at + 12 : at + 16])[0]
    if tail.count(END) > 1 or END_64 in tail or length > LONGEST_DIRECTORY:
        raise ValueError(f"This .zip file has more than {MOST_MEMBERS} members, or its end is odd.")


def _members(packed: zipfile.ZipFile, most_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """The members that belong to the run, by their place in its folder."""
    found = [member for member in packed.infolist() if not member.is_dir()]
    if len(found) > MOST_MEMBERS:
        raise ValueError(f"This .zip file has {len(found)} members; a run folder has at most {MOST_MEMBERS}.")
    for member in found:
        _check_member(member)
    tops = [name.removesuffix("run.json") for name in map(_name, found) if _is_record(name)]
    if len(tops) != 1:
        raise ValueError(f"A run folder has one run.json; this .zip file has {len(tops)}.")
    inside = [one for one in found if _name(one).startswith(tops[0])]
    places = {_name(one).removeprefix(tops[0]): one for one in inside}
    if len(places) < len(inside):
        raise ValueError("This .zip file holds two members of the same name.")
    kept = {place: one for place, one in places.items() if place.split("/")[0] in PARTS}
    _check_sizes(list(kept.values()), most_bytes)
    return kept


def _is_record(name: str) -> bool:
    return name.split("/")[-1] == "run.json" and name.count("/") <= 1


def _name(member: zipfile.ZipInfo) -> str:
    return member.orig_filename


def _check_member(member: zipfile.ZipInfo) -> None:
    """Refuse what is no plain file below the folder."""
    name, kind = _name(member), stat.S_IFMT(member.external_attr >> 16)
    shown = ascii(name[:100])
    is_odd = "\\" in name or "\0" in name or ":" in name or len(name) > LONGEST_NAME or not name.isprintable()
    if is_odd or any(part in ("", ".", "..") for part in name.split("/")):
        raise ValueError(f"This .zip file holds {shown}, which is no name below its folder.")
    if kind not in (0, stat.S_IFREG):
        raise ValueError(f"This .zip file holds {shown}, which is a link or no file at all.")
    if member.flag_bits & 1:
        raise ValueError(f"This .zip file holds {shown}, which needs a password.")


def _check_sizes(members: list[zipfile.ZipInfo], most_bytes: int) -> None:
    """Refuse what unfolds to too much; a member never gives more than it says here."""
    total, packed = sum(one.file_size for one in members), sum(one.compress_size for one in members)
    if total > most_bytes:
        raise ValueError(
            f"This run unfolds to {total / 1e6:.0f} MB; at most {most_bytes / 1e6:.0f} MB are taken."
        )
    if total > FREE_BYTES + MOST_RATIO * packed:
        raise ValueError(f"This .zip file unfolds {total / max(packed, 1):.0f}-fold, as no run folder does.")


def _extract(packed: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with packed.open(member) as source, open(place, "xb") as target:
        shutil.copyfileobj(source, target)


def _checked(folder: Path, owner: str, most_bytes: int) -> dict[str, Any]:
    """The new `run.json`, once everything is as it should be.

    Raises:
        ValueError: it is not.
    """
    try:
        record = read_record(folder)
        if record["state"] != "done":
            raise ValueError(f"The run is {record['state']}; only a finished run can be brought in.")
        request = Request.from_json(record["request"])
        make_config(request.method, request.config)
        within(request.observation, folder)
        _check_result(folder, most_bytes)
    except _ODD as error:
        raise ValueError(f"The run is damaged ({type(error).__name__}: {_first_line(error)}).") from error
    except ValueError as error:
        words = _first_line(error).replace(f"{folder}/", "").replace(str(folder), "the .zip file")
        raise ValueError(words) from error
    kept = {name: record[name] for name in ("note", "tags") if name in record}
    return new_record(request, owner) | {"state": "done"} | kept


def _check_result(folder: Path, most_bytes: int) -> None:
    """Whether the result is whole, and nothing but data."""
    named = checked_manifest(folder)["files"]
    for path in (*_files(folder / TREE), *_files(folder / WEIGHTS)):
        if path.relative_to(folder).as_posix() not in named:
            raise ValueError(f"'{path.relative_to(folder)}' is not in {MANIFEST}.")
    # Each array is described twice and unfolds once, and half of them have half as many bytes as is assumed.
    check_zarr(folder / TREE, most_bytes=4 * most_bytes)
    _check_weights(folder / WEIGHTS)
    verdict(load_result(folder).tree.load())  # which every list of runs shows


def _check_weights(file: Path) -> None:
    """Refuse an estimator that would take too much memory to build, whatever else its header says."""
    if not file.exists():
        return
    with open(file, "rb") as stream:
        spec = EstimatorSpec.from_dict(read_header(file, stream.readline(LONGEST_HEADER))["spec"])
    outputs = spec.dim * (4 * spec.num_bins + spec.dim * spec.num_components)
    numbers = spec.width * (spec.num_inputs + spec.depth * spec.width + outputs) * spec.num_layers
    if (embedding := spec.embedding) is not None:
        inside = spec.num_features + embedding.depth * embedding.width + embedding.num_outputs
        numbers += max(embedding.width, embedding.num_outputs) * inside
    if 4 * numbers * spec.num_members > MOST_WEIGHTS:
        raise ValueError(f"Its estimator would take more than {MOST_WEIGHTS / 1e6:.0f} MB.")
