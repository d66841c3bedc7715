"""Observations to choose from: what lies on the server, what is uploaded, and what the model sees of it."""

from __future__ import annotations

import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from dashboard import live
from dashboard import settings as places
from dashboard.isolation import in_own_process
from simulators import Simulator
from simulators.recordings import CURRENT_CLAMP, RecordingError, RecordingKind, find_recordings, kind_of

LINKED = (".vhdr", ".vmrk", ".eeg")  # of one BrainVision recording, which name each other
LONGEST_STEM, LONGEST_SUFFIX = 150, 20  # bytes of a file name; file systems allow 255 in all
UPLOADS = "posterior-lab-upload-"  # what the temporary folders of uploads are called


@dataclass(frozen=True, eq=False)
class Seen:
    """An observation as the model sees it.

    Attributes:
        simulator: the model, driven by the recording if there is one.
        label: what to call the observation.
        recording: the series that its axes belong to, or None.
        x: features, shape (num_features,).
        told: what the model took from a recording beside its samples: a sentence, or nothing.
    """

    simulator: Simulator
    label: str
    recording: np.ndarray | None
    x: np.ndarray
    told: str = ""


def built_in(simulator: Simulator) -> Seen:
    """The observation that comes with a model.

    Raises:
        ValueError: it has none.
    """
    if simulator.observed is None and simulator.true_theta is not None:
        simulated = live.single(simulator)(0, live.home_theta(simulator))  # compiled for the pictures anyway
        return Seen(simulator, "Built-in synthetic observation", simulated.recording, np.asarray(simulated.x))
    observed = simulator.default_observation()
    return Seen(simulator, observed.label, observed.recording, observed.x)


def recorded(simulator: Simulator, file: Path, *, sweep: int | None = None) -> Seen:
    """A recording as the observation of a model that can be driven by it.

    Raises:
        ValueError: the file is no usable recording, or the model takes none; one sentence.
    """
    if simulator.drive is None:
        raise ValueError(f"{simulator.title or simulator.name} cannot be driven by a recording.")
    return _recorded(simulator, file, file.stat().st_mtime_ns, sweep)


@lru_cache(maxsize=8)
def _recorded(simulator: Simulator, file: Path, modified: int, sweep: int | None) -> Seen:
    """Kept per state of the file, because driving compiles the model anew."""
    recording = guarded(file, kind_of(simulator).read, sweep=sweep)
    if simulator.drive is None:
        raise ValueError(f"{simulator.title or simulator.name} cannot be driven by a recording.")
    driven = simulator.drive(recording)
    observed = driven.default_observation()
    return Seen(driven, observed.label or recording.label, observed.recording, observed.x, observed.told)


def sweeps_of(simulator: Simulator, file: Path) -> list[int]:
    """The sweeps that a model can choose from; empty where the file holds a single one.

    Raises:
        ValueError: the file cannot be read.
    """
    return guarded(file, kind_of(simulator).sweeps)


def guarded(file: Path, read: Callable[..., Any], **settings: Any) -> Any:
    """What ``read`` makes of a file; of one that users have brought, in a process where it can hang alone."""
    is_in_a_run = file.is_relative_to(places.root().resolve())
    if is_in_a_run or any(part.startswith(UPLOADS) for part in file.parts):
        return in_own_process(partial(read, file, **settings))
    return read(file, **settings)


def kinds_of(simulators: Iterable[Simulator]) -> set[RecordingKind]:
    """The kinds of recordings that some models take."""
    return {kind_of(simulator) for simulator in simulators if simulator.drive is not None}


def offered(folders: Iterable[Path], kinds: Collection[RecordingKind] = (CURRENT_CLAMP,)) -> dict[str, Path]:
    """The recordings found on the server: the name used in addresses (the file's) -> path."""
    found = {}
    for path in [path for kind in kinds for path in find_recordings(folders, look=kind.describe)]:
        found.setdefault(path.name, path)
    return dict(sorted(found.items()))


def labels(offered: Mapping[str, Path], kind: RecordingKind) -> dict[str, str]:
    """What to call those of the recordings that are of a kind, in a list: label -> name."""
    named = {_label_of(path, kind): name for name, path in offered.items()}
    return {label: name for label, name in named.items() if label}


def _label_of(path: Path, kind: RecordingKind) -> str:
    """The label and the file name; empty for a recording of another kind."""
    try:
        label = kind.describe(path).label
    except RecordingError:
        return ""
    return path.name if label in (path.stem, path.name) else f"{label} · {path.name}"


class Uploads:
    """A temporary folder for what is uploaded, which goes when its owner does.

    Args:
        owner: for instance a page.
        limit: largest file in bytes.
    """

    def __init__(self, owner: object, *, limit: int) -> None:
        self.limit = limit
        self._owner = weakref.ref(owner)
        self.folder: Path | None = None

    def keep(self, files: Mapping[str, bytes | str]) -> list[Path]:
        """Write files beside each other, in a new place: another file of the same name is another file.

        Raises:
            ValueError: one is empty or too large.
        """
        place = Path(tempfile.mkdtemp(dir=self._made()))
        return [keep_upload(place, name, content, limit=self.limit) for name, content in files.items()]

    def _made(self) -> Path:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix=UPLOADS))
            owner = self._owner()
            if owner is not None:
                weakref.finalize(owner, shutil.rmtree, self.folder, ignore_errors=True)
        return self.folder


def keep_upload(folder: Path, name: str, content: bytes | str, *, limit: int) -> Path:
    """Write what was uploaded into ``folder``, under a safe name.

    Raises:
        ValueError: it is empty, or larger than ``limit`` bytes.
    """
    data = content.encode() if isinstance(content, str) else content
    if not data:
        raise ValueError(f"'{name}' is empty; a recording is needed.")
    if len(data) > limit:
        raise ValueError(
            f"'{name}' has {len(data) / 1e6:.0f} MB; at most {limit / 1e6:.0f} MB can be uploaded. "
            "Put it into a data folder of the server instead."
        )
    unsafe = r"[^\w .-]" if Path(name).suffix.lower() in LINKED else r"[^A-Za-z0-9._-]"
    safe = Path(re.sub(unsafe, "_", Path(name).name).lstrip(".") or "recording")
    file = folder / f"{_cut(safe.stem, LONGEST_STEM)}{_cut(safe.suffix, LONGEST_SUFFIX)}"
    file.write_bytes(data)
    return file


def _cut(text: str, num_bytes: int) -> str:
    return text.encode()[:num_bytes].decode(errors="ignore")
