"""The store of runs: `<root>/runs/<id>/`, one folder per run."""

import difflib
import os
import re
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from inference.files import staging, write_json
from inference.observations import files_of, with_files
from inference.requests import Request
from inference.runfolder import ACTIVE as ACTIVE
from inference.runfolder import STATES as STATES
from inference.runfolder import Run as Run
from inference.runfolder import RunBusy as RunBusy
from inference.runfolder import is_lost, new_record, read_record

MOST_PLACES = 2000  # folders for recordings of the same name, of which a request has at most half as many
_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9_]{1,48}-[0-9a-f]{4}")


@dataclass(frozen=True)
class RunStore:
    """All runs below a root folder, which is made when the first run is."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).expanduser().resolve())

    @property
    def folder(self) -> Path:
        """Where the run folders are."""
        return self.root / "runs"

    def create(self, request: Request, owner: str = "local") -> Run:
        """A new queued run. The recordings that the request names are copied into the run folder.

        Raises:
            ValueError: a recording does not exist.
        """
        with staging(self.folder) as beside:
            request = _with_own_recordings(request, beside)
            write_json(beside / "run.json", new_record(request, owner))
            return Run(rename_to_new_id(beside, self.folder, request.simulator))

    def get(self, run_id: str) -> Run:
        """The run of that id.

        Raises:
            ValueError: it is no run id, or there is no such run.
        """
        if not self._is_id(run_id):
            raise ValueError(
                f"'{run_id}' is not the id of a run; ids look like 20261120-125301-hodgkin_huxley-3f9a."
                + self._nearest(run_id)
            )
        folder = self.folder / run_id
        if not folder.is_dir():
            raise ValueError(self._unknown(run_id))
        return Run(folder)

    def _is_id(self, run_id: str) -> bool:
        return bool(_ID.fullmatch(run_id))

    def _unknown(self, run_id: str) -> str:
        return f"There is no run {run_id} in '{self.root}'.{self._nearest(run_id)}"

    def _nearest(self, run_id: str) -> str:
        """A question that names the run whose id is nearly this one; empty where there is none."""
        near = difflib.get_close_matches(run_id, [path.name for path in self._folders()], n=1, cutoff=0.9)
        return f" Did you mean {near[0]}?" if near else ""

    def scan(self) -> tuple[list[Run], list[str]]:
        """All readable runs, newest first, and one sentence for each folder that cannot be read."""
        runs, notes = [], []
        for folder in sorted(self._folders(), key=_when_made, reverse=True):
            try:
                read_record(folder)
            except (ValueError, OSError) as error:
                notes.append(f"Run {folder.name} cannot be read: {error}")
            else:
                runs.append(Run(folder))
        return runs, notes

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as entries:
                return [Path(entry) for entry in entries if _ID.fullmatch(entry.name) and entry.is_dir()]
        except FileNotFoundError:
            return []

    def list(self) -> list[Run]:
        """All readable runs, newest first."""
        return self.scan()[0]


def mark_lost(store: RunStore, *, now: float) -> list[Run]:
    """Mark every lost run so, and return them; one that had been asked to stop has stopped."""
    lost = "The process that performed it ended unexpectedly; the run can be resumed."
    return [
        run
        for run in store.list()
        if is_lost(run, now=now)
        and (
            mark(run, "stopped", "Stopped; it can be resumed.", only=("stopping",))
            or mark(run, "lost", lost, only=("running",))
        )
    ]


def mark(run: Run, state: str, message: str, *, only: tuple[str, ...]) -> bool:
    """Set the state of a run, provided that it has one of the states `only` and nobody performs it."""
    try:
        with run.claim():
            if run.state not in only:
                return False  # somebody resumed, or ended it, since we looked
            run.set_state(state, message)
            return True
    except RunBusy:
        return False


def _with_own_recordings(request: Request, folder: Path) -> Request:
    """The request with its recordings copied into `folder`."""
    files = [Path(file) for file in files_of(request.observation)]
    if not files:
        return request
    moved = {str(file): _copied(file, folder) for file in files}
    observation = with_files({"label": files[0].name, **request.observation}, moved)
    return replace(request, observation=observation)


def _copied(source: Path, folder: Path) -> str:
    """Where below `folder` the copy of a recording is, with the files that belong to it beside it."""
    from simulators.recordings import parts_of  # here: only runs on recordings need the readers

    if not source.is_file():
        raise ValueError(f"The recording '{source}' does not exist.")
    parts = parts_of(source)
    if len(parts) == 1:
        names = [re.sub(r"[^A-Za-z0-9._-]", "_", source.name).lstrip(".") or "recording"]
    else:
        names = [part.name for part in parts]  # by which they know each other
    places = ("observation", *(f"observation/{number}" for number in range(2, MOST_PLACES)))
    place = next(place for place in places if not any((folder / place / name).exists() for name in names))
    (folder / place).mkdir(parents=True, exist_ok=True)
    for part, name in zip(parts, names, strict=True):
        shutil.copyfile(part, folder / place / name)
    return f"{place}/{names[0]}"


def _when_made(folder: Path) -> tuple[str, str]:
    """The parts of an id that tell when, for sorting."""
    return folder.name[:15], folder.name[-4:]


def rename_to_new_id(beside: Path, runs: Path, simulator: str) -> Path:
    """Rename to an id that is free; a rename never replaces a folder that has content.

    The id ends in the fraction of the second, so that the runs of one second are in order too.
    """
    name = re.sub(r"[^a-z0-9_]", "_", simulator.lower())[:48] or "model"
    for _ in range(100):
        now = datetime.now(UTC)
        folder = runs / f"{now:%Y%m%d-%H%M%S}-{name}-{now.microsecond * 65_536 // 1_000_000:04x}"
        if not folder.exists():
            beside.rename(folder)
            return folder
    raise OSError(f"No free run id in '{runs}'.")
