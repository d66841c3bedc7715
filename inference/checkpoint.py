"""Checkpoints: arrays and notes in one file, whole or absent, and only for the work they came from."""

import hashlib
import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from inference.files import write_atomically

NOTES = "notes"


def fingerprint(*parts: Any) -> str:
    """SHA-256 of arrays (by their bytes) and of everything else (by its `repr`)."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
    return digest.hexdigest()


def write_checkpoint(path: Path, identity: str, arrays: list[np.ndarray], notes: dict[str, Any]) -> None:
    """Write beside and rename.

    Args:
        path: the file.
        identity: of the work, see `fingerprint`; reading demands the same.
        arrays: any number, of any shape.
        notes: what JSON can hold (infinity and NaN included).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    text = json.dumps({"identity": identity, **notes})
    named = {f"array_{i}": array for i, array in enumerate(arrays)} | {NOTES: np.array(text)}
    np.savez(stream, **named)  # pyright: ignore[reportArgumentType]
    write_atomically(path, stream.getvalue())


def read_checkpoint(path: Path, identity: str | None) -> tuple[list[np.ndarray], dict[str, Any]] | None:
    """Arrays and notes, of any work where no identity is given; None where there is no checkpoint.

    Raises:
        ValueError: it belongs to other work, or is damaged.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            notes = json.loads(str(file[NOTES]))
            arrays = [file[f"array_{i}"] for i in range(len(file.files) - 1)]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"The checkpoint '{path}' is damaged ({error}); delete it to train from the start."
        ) from error
    if notes.pop("identity") != identity and identity is not None:
        raise ValueError(
            f"The checkpoint '{path}' belongs to other data or settings; delete it or use another folder."
        )
    return arrays, notes
