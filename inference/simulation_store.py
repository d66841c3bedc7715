"""The simulations of a round in a run folder: chunks while they come in, then one immutable store.

Simulations of draws from the prior are shared by all runs of a run store, `<root>/simulations/<hash>/`: a
later run of the same model, prior and key takes what is there, row by row, whatever its method and settings.
What has not been used for longest goes when they are more than `MOST_BYTES`: each run has a copy of its own.
"""

import hashlib
import json
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from inference.files import move_into_place, staging
from inference.methods.base import RunContext
from inference.progress import Progress
from inference.simulator_content import campaign
from inference.zarr_files import write_zarr
from simulators import Simulations, Simulator, simulate_batch
from simulators.simulate import Enough
from simulators.store import MANIFEST, RowStore

MOST_BYTES = 10 * 2**30
IN_USE = 24 * 3600.0  # seconds since the last use for which a run may still be at work with simulations


def simulate_round(
    key: Key[Array, ""],
    simulator: Simulator,
    num: int,
    context: RunContext,
    *,
    round: int,
    theta: Float[np.ndarray, "num dim"] | None = None,
    num_seconds: float | None = None,
) -> Simulations:
    """Simulate from the prior or at given parameters, or take what the folder already holds.

    Args:
        key: for parameters and simulations.
        simulator: the model.
        num: how many.
        context: its folder gets `simulations/round-NNN.zarr`; its callback hears the stage "simulate", at
            last with a sentence about what became of the simulations, and which were there before; its
            client simulates.
        round: number of the round, from 0.
        theta: None: draws from the prior.
        num_seconds: after so long no more are begun, and what there is is given, at least one.
    """
    given: dict[str, Any] = {"num": num} if theta is None else {"theta": theta}
    given["client"] = context.client
    hear = _Listener(
        context.on_progress, ends=time.monotonic() + (math.inf if num_seconds is None else num_seconds)
    )
    if context.folder is None:
        simulations = simulate_batch(simulator, key, **given, on_progress=hear)
        _tell(context, simulations)
        return simulations
    published = context.folder / "simulations" / f"round-{round:03d}.zarr"
    if published.exists():
        return read_simulations(published)
    chunks = published.with_suffix("")
    shared = _shared(context.folder, simulator, key) if theta is None else None
    simulations = simulate_batch(simulator, key, **given, folder=shared or chunks, on_progress=hear)
    if shared is None:
        _tell(context, simulations)
    else:
        _tell(context, simulations, reused=hear.first, origin=shared.note)
        with suppress(FileNotFoundError):  # another run removes the same
            remove_unused(shared.folder.parent)
    write_simulations(simulations, published)
    shutil.rmtree(chunks, ignore_errors=True)
    return simulations


def words_of(events: Iterable[Mapping[str, Any]]) -> str:
    """What the journal of a run says about its simulations, one sentence per round; may be empty."""
    told = [event["message"] for event in events if event["stage"] == "simulate" and event.get("message")]
    return " ".join(dict.fromkeys(sentence for sentence in told if " simulations" in sentence))


def _shared(folder: Path, simulator: Simulator, key: Key[Array, ""]) -> RowStore | None:
    """Where the runs of a run store share draws from the prior; None for a folder of somebody's own."""
    if not (folder / "run.json").exists():
        return None
    what = campaign(simulator, key)
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    name = re.sub(r"[^a-z0-9_]", "_", simulator.name.lower())[:48]
    shared = folder.resolve().parents[1] / "simulations" / f"{name}-{digest}"
    store = RowStore.open(shared, what, simulator.prior.dim, note=folder.name)
    os.utime(shared / MANIFEST)
    return store


def remove_unused(folder: Path, *, most_bytes: int = MOST_BYTES, in_use: float = IN_USE) -> list[str]:
    """Remove shared simulations, those unused for longest first, until the others are few enough.

    Args:
        folder: has a folder for each campaign.
        most_bytes: what may stay.
        in_use: seconds; those used more recently stay whatever their size.

    Returns:
        The names of what was removed.
    """
    campaigns = sorted(path.parent for path in folder.glob(f"[!.]*/{MANIFEST}"))
    sizes = {path: sum(file.stat().st_size for file in path.glob("chunk-*.npy")) for path in campaigns}
    total, removed = sum(sizes.values()), []
    for path in sorted(sizes, key=_last_use):
        if total <= most_bytes or time.time() - _last_use(path) < in_use:
            break
        out_of_the_way = folder / f".{uuid.uuid4().hex}"  # at once, so that nobody finds half of them
        path.rename(out_of_the_way)
        shutil.rmtree(out_of_the_way, ignore_errors=True)
        total, removed = total - sizes[path], [*removed, path.name]
    return removed


def _last_use(campaign: Path) -> float:
    """When a run took from it, or added rows."""
    return max(campaign.stat().st_mtime, (campaign / MANIFEST).stat().st_mtime)


def _tell(context: RunContext, simulations: Simulations, *, reused: int = 0, origin: str = "") -> None:
    sentence = f"{simulations.summary}."
    if reused and context.folder is not None and origin != context.folder.name:
        count = "all" if reused == len(simulations) else f"{reused:,}".replace(",", " ")
        sentence += f" Reused {count} of them from run {origin}, which has the same model, prior and seed."
    num = len(simulations)
    context.on_progress(Progress("simulate", num, num, message=sentence))


@dataclass
class _Listener:
    """Passes progress on, remembers how much was there at first, and says when the time is over.

    Attributes:
        ends: when that is, by the monotonic clock.
        first: rows that were there before anything was simulated.
    """

    on_progress: Callable[[Progress], None]
    ends: float
    first: int = -1

    def __call__(self, done: int, total: int) -> None:
        """Note one event."""
        is_first, self.first = self.first < 0, done if self.first < 0 else self.first
        self.on_progress(Progress("simulate", done, total))
        if not is_first and time.monotonic() > self.ends:
            raise Enough


def write_simulations(simulations: Simulations, store: Path) -> None:
    """Publish as Zarr: written beside, then renamed."""
    variables = {
        "theta": (("simulation", "parameter"), simulations.theta),
        "x": (("simulation", "feature"), simulations.x),
        "is_valid": (("simulation",), simulations.is_valid),
        "round": (("simulation",), simulations.round),
    }
    labels = {
        "parameter": np.array(simulations.parameter_names, object),
        "feature": np.array(simulations.feature_names, object),
    }
    dataset = xr.Dataset(variables, labels, {"proposal": simulations.proposal})
    with staging(store.parent) as beside:
        write_zarr(dataset, beside / store.name)
        move_into_place(beside / store.name, store)


def read_simulations(store: Path) -> Simulations:
    """What `write_simulations` wrote."""
    with xr.open_zarr(store, consolidated=True, chunks=None) as dataset:
        return Simulations(
            theta=dataset["theta"].values,
            x=dataset["x"].values,
            is_valid=dataset["is_valid"].values,
            round=dataset["round"].values,
            parameter_names=tuple(map(str, dataset["parameter"].values)),
            feature_names=tuple(map(str, dataset["feature"].values)),
            proposal=dataset.attrs["proposal"],
        )
