"""Whether a Zarr store from elsewhere is safe to open: only what this program writes, and not too much of it.

Zarr stores can name codecs that run code, and small ones can unfold to terabytes: both are refused by what
the files say of themselves, before anything reads an array.
"""

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CODECS = ("bytes", "vlen-utf8", "zstd")
TYPES = ("bool", "string", "float16", "float32", "float64")
TYPES += tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
LARGEST_ENTRY = 8  # bytes
LARGEST_METADATA = 10 * 2**20  # bytes of a zarr.json
ZSTD = b"\x28\xb5\x2f\xfd"
_CHUNK = re.compile(r"c(/\d{1,9}){0,9}")


def check_zarr(store: Path, *, most_bytes: int) -> None:
    """Refuse a store that could run code, or take more memory than that.

    Raises:
        ValueError: which file is wrong, in one sentence.
    """
    total = 0
    for path in filter(Path.is_file, sorted(store.rglob("*"))):
        name = path.relative_to(store).as_posix()
        try:
            total += _declared(path) if path.name == "zarr.json" else _unfolded(path, store)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            words = str(error) if isinstance(error, ValueError) else f"its description is odd ({error!r})"
            raise ValueError(f"'{store.name}/{name[:200]}' cannot be used: {words}.") from error
        if total > most_bytes:
            raise ValueError(f"'{store.name}' would take more than {most_bytes / 1e6:.0f} MB.")


def _declared(path: Path) -> int:
    """Bytes of the arrays that a zarr.json describes."""
    if path.stat().st_size > LARGEST_METADATA:
        raise ValueError("it is too long")
    return sum(_array_bytes(node) for node in _arrays(json.loads(path.read_bytes())))


def _arrays(value: Any) -> Iterator[dict[str, Any]]:
    """All arrays described anywhere below, as in consolidated metadata."""
    if isinstance(value, dict):
        if "codecs" in value or value.get("node_type") == "array":
            yield value
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, list):
        for part in value:
            yield from _arrays(part)


def _array_bytes(node: dict[str, Any]) -> int:
    codecs = [codec["name"] for codec in node["codecs"]]
    if not set(codecs) <= set(CODECS) or codecs[-1:] != ["zstd"]:
        raise ValueError(f"it has the codecs {codecs}, where {', '.join(CODECS)} are known")
    if node["zarr_format"] != 3 or node["data_type"] not in TYPES or node.get("storage_transformers"):
        raise ValueError("it is not stored as this program stores arrays")
    if node["chunk_grid"]["name"] != "regular":
        raise ValueError("its chunks are not regular")
    shapes = node["shape"], node["chunk_grid"]["configuration"]["chunk_shape"]
    if any(type(size) is not int or size < 0 for shape in shapes for size in shape):
        raise ValueError("its shape is none")
    return LARGEST_ENTRY * max(map(math.prod, shapes))


def _unfolded(path: Path, store: Path) -> int:
    """Bytes that a chunk unfolds to, as its frame says."""
    inside = path.relative_to(store).as_posix()
    if not _CHUNK.fullmatch(inside[inside.find("/c/") + 1 :] if "/c/" in inside else path.name):
        raise ValueError("a store has no such file")
    with open(path, "rb") as stream:
        head = stream.read(18)
    return frame_size(head)


def frame_size(head: bytes) -> int:
    """Bytes that a Zstandard frame unfolds to (RFC 8878, section 3.1.1.1).

    Args:
        head: the first 18 bytes of the frame.

    Raises:
        ValueError: it is no frame, or does not say.
    """
    if head[:4] != ZSTD or len(head) < 6:
        raise ValueError("it is no Zstandard frame")
    kind, is_single, dictionary = head[4] >> 6, head[4] >> 5 & 1, head[4] & 3
    num = (1 if is_single else 0, 2, 4, 8)[kind]
    start = 5 + (not is_single) + (0, 1, 2, 4)[dictionary]
    if num == 0 or len(head) < start + num:
        raise ValueError("its frame does not say how long it is")
    return int.from_bytes(head[start : start + num], "little") + 256 * (num == 2)
