"""Simulated rows in a folder: written once, by whoever made them, and found again by their index.

    <folder>/  campaign.json (what was simulated), chunk-<first>-<stop>.npy (theta and x side by side)

Every file is written beside and renamed, so it is whole or not there; the same rows written twice are the
same bytes. Rows are found in whatever chunks they were made, but only with the parameters asked for.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

MANIFEST = "campaign.json"


@dataclass(frozen=True)
class RowStore:
    """The rows of one campaign.

    Attributes:
        folder: where they lie; on a cluster all workers must see it.
        dim: number of parameters.
    """

    folder: Path
    dim: int

    @classmethod
    def open(cls, folder: Path, campaign: Mapping[str, Any], dim: int, *, note: str = "") -> RowStore:
        """The store of a campaign, made if there is none.

        Args:
            folder: where.
            campaign: what decides the numbers, plain JSON values.
            dim: number of parameters.
            note: who made it, kept for `note` when it is made here.

        Raises:
            ValueError: the folder holds another campaign.
        """
        folder, manifest = Path(folder), Path(folder) / MANIFEST
        if manifest.exists():
            kept = json.loads(manifest.read_text())
            if kept.get("campaign") != dict(campaign):
                raise ValueError(f"'{folder}' holds simulations of another campaign; choose an empty folder.")
            return cls(folder, dim)
        folder.mkdir(parents=True, exist_ok=True)
        content = json.dumps({"campaign": dict(campaign), "note": note}, indent=1)
        _write(manifest, lambda stream: stream.write(content.encode()))
        return cls(folder, dim)

    @property
    def note(self) -> str:
        """Who made the store."""
        return json.loads((self.folder / MANIFEST).read_text())["note"]

    def read(
        self, theta: Float[np.ndarray, "n dim"], num_features: int
    ) -> tuple[Float[np.ndarray, "n num_features"], Bool[np.ndarray, " n"]]:
        """Features of the rows 0 to n - 1, NaN where missing, and which are there with these parameters."""
        x = np.full((len(theta), num_features), np.nan, np.float32)
        is_there = np.zeros(len(theta), bool)
        for first, path in self._files():
            if first < len(theta):
                rows = np.load(path, allow_pickle=False)[: len(theta) - first]
                place = slice(first, first + len(rows))
                same = (rows[:, : self.dim] == theta[place]).all(axis=1)
                x[place][same] = rows[same, self.dim :]
                is_there[place] |= same
        return x, is_there

    def read_chunk(self, first: int, num: int) -> Float[np.ndarray, "num num_features"]:
        """Features of a chunk that has been written.

        Raises:
            FileNotFoundError: it is not there.
        """
        return np.load(self._path(first, num), allow_pickle=False)[:, self.dim :]

    def has_chunk(self, first: int, theta: Float[np.ndarray, "num dim"]) -> bool:
        """Whether this very chunk is there."""
        path = self._path(first, len(theta))
        return path.exists() and np.array_equal(np.load(path, allow_pickle=False)[:, : self.dim], theta)

    def write(
        self, first: int, theta: Float[np.ndarray, "num dim"], x: Float[np.ndarray, "num num_features"]
    ) -> None:
        """Keep the rows from ``first`` on."""
        rows = np.concatenate([theta, x], axis=1).astype(np.float32)
        _write(self._path(first, len(x)), lambda stream: np.save(stream, rows, allow_pickle=False))

    def _files(self) -> Iterator[tuple[int, Path]]:
        for path in sorted(self.folder.glob("chunk-*.npy")):
            yield int(path.name.split("-")[1]), path

    def _path(self, first: int, num: int) -> Path:
        return self.folder / f"chunk-{first:012d}-{first + num:012d}.npy"


def _write(path: Path, write: Any) -> None:
    beside = path.with_name(f".{uuid.uuid4().hex}")
    try:
        with open(beside, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
