"""Small pictures as PNG, for markup."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from jaxtyping import UInt8


def data_url(pixels: UInt8[np.ndarray, "H W 4"]) -> str:
    """Red, green, blue and opacity of each pixel, rows from the top, as an address for ``<image href>``."""
    height, width, _ = pixels.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)  # no filter
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = (("IHDR", header), ("IDAT", zlib.compress(rows.tobytes())), ("IEND", b""))
    content = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name.encode(), data) for name, data in parts)
    return "data:image/png;base64," + base64.b64encode(content).decode()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
