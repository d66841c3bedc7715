"""simulate_batch: many simulations at once; the numbers do not depend on how they were run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from loky import cpu_count

from simulators.base import RecordingAxes, Simulator
from simulators.devices import GPU_BYTES, GPU_ROWS, on_gpu
from simulators.engine import Chunk, Job, run_chunks
from simulators.store import RowStore

CHUNK_BYTES = 256 * 2**20  # recordings held at once by one core, where features need the whole recording
CHUNK_STEPS = 24_000_000  # rows x time steps of a chunk: what fits a core's cache, half a second
MAX_CHUNK = 8192
DRAWN_TOGETHER = 4096  # parameter rows, so that rounding in row i does not depend on how many there are


class Enough(Exception):
    """Raised by a listener of `simulate_batch` that wants no more simulations than there are."""


@dataclass(frozen=True, eq=False)
class Simulations:
    """Simulated pairs of parameters and features.

    Attributes:
        theta: parameter rows. x: features, NaN where undefined, infinite where the simulation's state was
            not finite. is_valid: computed on the raw output.
        round: the round of a sequential method that each row belongs to.
        proposal: where theta came from, in words.
    """

    theta: Float[np.ndarray, "n dim"]
    x: Float[np.ndarray, "n num_features"]
    is_valid: Bool[np.ndarray, " n"]
    round: Int[np.ndarray, " n"]
    parameter_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    proposal: str = "prior"

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def is_finite(self) -> Bool[np.ndarray, " n"]:
        """Which did not blow up; a finite simulation may still lack features."""
        return np.asarray(~np.isinf(self.x).any(axis=1))

    @property
    def summary(self) -> str:
        """How many there are, and what is wrong with the others: one phrase for people."""
        valid, blown_up = int(self.is_valid.sum()), int((~self.is_finite).sum())
        undefined = int((~self.is_valid & self.is_finite & np.isnan(self.x).any(axis=1)).sum())
        counts = {
            "simulations": len(self),
            "valid": valid,
            "with undefined features": undefined,
            "not valid by the model's own rule": len(self) - valid - blown_up - undefined,
            "not finite": blown_up,
        }
        kept = [(count, what) for what, count in counts.items() if count or what == "valid"]
        return ", ".join(f"{count:,} {what}".replace(",", " ") for count, what in kept)

    def select(self, rows: Bool[np.ndarray, " n"] | Int[np.ndarray, " m"] | slice) -> Simulations:
        """The given rows."""
        parts = (self.theta[rows], self.x[rows], self.is_valid[rows], self.round[rows])
        return Simulations(*parts, self.parameter_names, self.feature_names, self.proposal)

    def only(self, simulator: Simulator) -> Simulations:
        """The same simulations as ``simulator``, made by ``Simulator.only``, would have given them."""
        columns = [self.feature_names.index(name) for name in simulator.feature_names]
        x = self.x[:, columns]
        return replace(self, x=x, is_valid=_validity(simulator, x), feature_names=simulator.feature_names)


def joined(parts: Sequence[Simulations]) -> Simulations:
    """All rows, in order; where they are of several rounds, that is their proposal in words."""
    num_rounds = len(np.unique(np.concatenate([part.round for part in parts])))
    return replace(
        parts[0],
        theta=np.concatenate([part.theta for part in parts]),
        x=np.concatenate([part.x for part in parts]),
        is_valid=np.concatenate([part.is_valid for part in parts]),
        round=np.concatenate([part.round for part in parts]),
        proposal=parts[-1].proposal if num_rounds == 1 else f"{num_rounds} rounds",
    )


def simulate_batch(
    simulator: Simulator,
    key: Key[Array, ""],
    *,
    theta: Any = None,
    num: int | None = None,
    chunk_size: int | None = None,
    client: Any = None,
    folder: Path | RowStore | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Simulations:
    """Simulate at given parameters, or at draws from the prior.

    Row i uses ``fold_in(key, i)``: the numbers do not depend on ``chunk_size``, threads or devices.

    Args:
        simulator: what to run.
        key: one key for parameters and simulations.
        theta: parameter rows (n, dim); None: ``num`` draws from the prior.
        num: number of simulations when ``theta`` is None.
        chunk_size: rows per chunk; None: by memory and time, and many for a GPU.
        client: a ``distributed.Client``, or the address of its scheduler; None: all cores of this machine.
        folder: finished chunks are kept there, and skipped when the same call is repeated; the workers of a
            cluster write them themselves. A ``RowStore`` may hold rows of other calls with this key as well.
        on_progress: called with (rows done, rows in all), first with what the folder holds, then at least
            five times a second; it may raise to stop. If it raises `Enough`, the rows up to the first that
            is missing are given, never those alone that were quick; the first chunk is waited for.

    Raises:
        ValueError: neither or both of theta and num; theta of the wrong shape; a folder of another campaign.
    """
    theta_key, simulate_key = jax.random.split(key)
    theta = _parameters(simulator, theta_key, theta, num)
    store = _as_store(folder, simulator, simulate_key, theta)
    x, is_done = _kept(simulator, store, theta)
    hear = on_progress or _ignore
    hear(int(is_done.sum()), len(theta))
    chunks = _missing(theta, is_done, chunk_size or default_chunk_size(simulator, len(theta)))
    for finished in run_chunks(Job(simulator, simulate_key, store), chunks, client=client):
        if finished is not None:
            chunk, rows = finished
            place = slice(chunk.first, chunk.first + len(rows))
            x[place], is_done[place] = rows, True
        try:
            hear(int(is_done.sum()), len(theta))
        except Enough:
            if is_done[0]:
                break
    num = len(theta) if is_done.all() else int(np.argmin(is_done))
    theta, x = theta[:num], x[:num]
    return Simulations(
        theta,
        x,
        _validity(simulator, x),
        np.zeros(num, int),
        simulator.prior.names,
        simulator.feature_names,
    )


def _ignore(done: int, total: int) -> None:
    del done, total


def _as_store(
    folder: Path | RowStore | None, simulator: Simulator, key: Array, theta: np.ndarray
) -> RowStore | None:
    """The store in a folder that belongs to this very call; a store that is given is taken as it is."""
    if folder is None or isinstance(folder, RowStore):
        return folder
    digest = hashlib.sha256(theta.tobytes() + np.asarray(jax.random.key_data(key)).tobytes()).hexdigest()
    names = {"simulator": simulator.name, "features": list(simulator.feature_names)}
    return RowStore.open(folder, {**names, "sha256": digest}, simulator.prior.dim)


def _kept(simulator: Simulator, store: RowStore | None, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The features of rows that the store has, NaN elsewhere, and which rows they are."""
    if store is None:
        return np.full((len(theta), simulator.num_features), np.nan, np.float32), np.zeros(len(theta), bool)
    return store.read(theta, simulator.num_features)


def _missing(theta: np.ndarray, is_done: np.ndarray, size: int) -> list[Chunk]:
    """The rows that are not done, in pieces of at most ``size`` neighbours."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_done, [True]]).astype(int)))
    gaps = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [
        Chunk(first, theta[first : min(first + size, stop)], size)
        for start, stop in gaps
        for first in range(start, stop, size)
    ]


def default_chunk_size(simulator: Simulator, num: int) -> int:
    """Rows per chunk: enough to fill the vector units, few enough for memory; a power of two."""
    if simulator.function is not None:
        return int(np.clip(num // (4 * cpu_count()), 1, 64))
    steps = len(simulator.axes.time) if isinstance(simulator.axes, RecordingAxes) else 1
    stored = 4 * steps if simulator.simulate_features is None else 0
    if on_gpu():
        return _power_of_two(min(GPU_ROWS, num, GPU_BYTES / max(1, stored)))
    if simulator.chunk_size is not None:
        return simulator.chunk_size
    limit = min(CHUNK_STEPS / steps, CHUNK_BYTES / max(1, stored))
    return _power_of_two(min(limit, MAX_CHUNK, -(-num // cpu_count())))


def _power_of_two(rows: int | float) -> int:
    """The next one from ``rows`` up."""
    return 2 ** int(np.ceil(np.log2(max(1, int(rows)))))


def _parameters(simulator: Simulator, key: Array, theta: Any, num: int | None) -> np.ndarray:
    if (theta is None) == (num is None):
        raise ValueError(
            "simulate_batch needs either theta (parameter rows) or num (draws from the prior), and not both."
        )
    if theta is None:
        if not isinstance(num, int | np.integer) or num < 1:
            raise ValueError(f"The number of simulations must be a positive integer; got {num!r}.")
        rows = -(-int(num) // DRAWN_TOGETHER) * DRAWN_TOGETHER
        return np.asarray(simulator.prior.sample(key, rows))[:num]
    theta = np.atleast_2d(np.asarray(theta, np.float32))
    if theta.ndim != 2 or theta.shape[1] != simulator.prior.dim or not len(theta):
        raise ValueError(
            f"theta must have shape (n, {simulator.prior.dim}), one column per parameter of "
            f"'{simulator.name}' ({', '.join(simulator.prior.names)}); got {theta.shape}."
        )
    return theta


def _validity(simulator: Simulator, x: np.ndarray) -> np.ndarray:
    if simulator.is_valid is None:
        return np.asarray(np.isfinite(x).all(axis=1))
    return np.asarray(jax.vmap(simulator.is_valid)(jnp.asarray(x)), bool) & ~np.isinf(x).any(axis=1)
