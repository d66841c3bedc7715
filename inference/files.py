"""Files that are either whole or not there: write beside, flush, rename; and the manifest that proves it."""

import fcntl
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LOCK_POLL_SECONDS = 0.02


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`: a reader, or a crash, sees the old or the new file, never half of one."""
    beside = path.with_name(f".tmp-{uuid.uuid4().hex}")
    try:
        with open(beside, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """`write_atomically` for JSON; NaN is written as null, because NaN is not JSON."""
    write_atomically(path, json.dumps(plain(value), indent=1, allow_nan=False).encode())


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it does not hold one JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is damaged: it is not valid JSON ({error}).") from error
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004  wrong content of a file, not a wrong argument
            f"'{path}' is damaged: expected a JSON object, got {type(value).__name__}."
        )
    return value


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """A scratch folder inside `folder`, removed at the end whatever happens; rename things out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".tmp-{uuid.uuid4().hex}"
    beside.mkdir()
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def move_into_place(source: Path, target: Path) -> None:
    """Flush a file or folder to the disk and rename it; an unpublished leftover at `target` is dropped."""
    for path in [source, *(source.rglob("*") if source.is_dir() else ())]:
        _flush(path)
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    os.replace(source, target)
    _flush(target.parent)


def files_size(folder: Path) -> int:
    """Bytes of all files below a folder; one that goes meanwhile does not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


def manifest_of(folder: Path, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Size and SHA-256 of each file called `names`, or below a folder called so, by relative path."""
    files = [path for name in names for path in _files(folder / name)]
    return {path.relative_to(folder).as_posix(): _fingerprint(path) for path in sorted(files)}


def first_difference(folder: Path, manifest: Mapping[str, Mapping[str, Any]]) -> str | None:
    """What is wrong with the first file that is not as in the manifest, in words; None when all are."""
    root = folder.resolve()
    for name, expected in manifest.items():
        path = folder / name
        if not path.resolve().is_relative_to(root):
            return f"'{name}' lies outside the folder"
        if not path.is_file():
            return f"'{name}' is missing"
        if (size := path.stat().st_size) != expected["size"]:
            return f"'{name}' has {size} bytes instead of {expected['size']}"
        if _fingerprint(path)["sha256"] != expected["sha256"]:
            return f"the contents of '{name}' have changed"
    return None


@contextmanager
def exclusive(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold the lock file `path`; the operating system releases it when the holder dies, so it is never stale.

    Raises:
        TimeoutError: somebody else holds it for longer than `timeout` seconds.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + timeout
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"'{path}' is held by another process.")
            time.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock file `path`."""
    if not path.exists():
        return False
    try:
        with exclusive(path, timeout=0.0):
            return False
    except TimeoutError:
        return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(path: Path) -> list[Path]:
    return [below for below in path.rglob("*") if below.is_file()] if path.is_dir() else [path]


def _fingerprint(path: Path) -> dict[str, Any]:
    with open(path, "rb") as stream:
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}


def plain(value: Any) -> Any:
    """Replace what JSON cannot hold: NaN and infinity by null, tuples by lists, NumPy scalars by numbers."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, str | int) or value is None:
        return value
    return plain(value.item())
