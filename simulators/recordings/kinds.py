"""What kind of recording a model takes, and how its files are found and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulators.recordings.cells_files import Aliases, describe_cells, one_recording, read_cells
from simulators.recordings.eeg import EegEpochs, EegOptions
from simulators.recordings.eeg_epochs import describe_eeg, read_eeg
from simulators.recordings.find import RecordingInfo, describe
from simulators.recordings.read import list_sweeps, naming, read_recording
from simulators.recordings.rows import Rows, describe_rows, read_rows

if TYPE_CHECKING:
    from simulators.base import Simulator


@dataclass(frozen=True)
class Contents:
    """What a file holds where it holds several observations, of which some can be used together.

    Attributes:
        labels: condition of each, by which it is coloured; "" where none is known.
        names: what to call each.
        told: one sentence on what was found; may be empty.
        channels: among which one can be chosen, and which one is; empty where there is no choice.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    told: str = ""
    channels: tuple[str, ...] = ()
    channel: str = ""


Several = EegEpochs | Rows  # what is read from such a file


@dataclass(frozen=True)
class RecordingKind:
    """A kind of recording.

    Attributes:
        words: what to bring, for people: one sentence.
        read: ``(path, sweep=None) -> recording``, what ``Simulator.drive`` takes.
        sweeps: ``path -> numbers`` of the sweeps to choose from; empty where a file holds one recording.
        describe: ``path -> RecordingInfo`` from the header alone.
        options: a frozen dataclass of how to read, where there is a choice; ``read``, ``sweeps`` and
            ``contents`` then take an instance of it as ``options``.
        contents: ``path -> Contents`` of a file whose sweeps (epochs, rows) can be used together.

    All functions raise RecordingError for a file of another kind.
    """

    words: str
    read: Callable[..., Any]
    sweeps: Callable[..., list[int]]
    describe: Callable[[Path], RecordingInfo]
    options: type | None = None
    contents: Callable[..., Contents] | None = None


CURRENT_CLAMP: Final = RecordingKind(
    "One current-clamp sweep as netCDF, NWB or CSV; the model gets the cell's own current.",
    read_recording,
    list_sweeps,
    describe,
)


def cells_kind(words: str, cells: Aliases) -> RecordingKind:
    """Spikes or voltages of several cells.

    Args:
        words: as in ``RecordingKind``.
        cells: as in ``read_cells``.
    """
    read, look = partial(read_cells, cells=cells), partial(describe_cells, cells=cells)
    return RecordingKind(words, read, one_recording, look)


def kind_of_several(
    words: str,
    read: Callable[..., Several],
    look: Callable[[Path], RecordingInfo],
    options: type | None = None,
) -> RecordingKind:
    """Files that hold several observations, numbered from 0, of which some can be used together.

    Args:
        words: as in ``RecordingKind``.
        read: ``path -> Several``, with ``options`` where there are some.
        look: ``describe`` of the kind.
        options: as in ``RecordingKind``.
    """
    return RecordingKind(
        words, partial(_one, read), partial(_numbers, read), look, options, partial(_contents, read)
    )


def rows_kind(*features: str) -> RecordingKind:
    """Rows of a table, for a model whose observations are a few numbers.

    Args:
        features: the model's, as the columns are called.
    """
    read, look = partial(read_rows, features=features), partial(describe_rows, features=features)
    words = (
        f"A CSV file with an observation in each row: a column {' and a column '.join(features)}, and one "
        "called label where there are conditions."
    )
    return kind_of_several(words, read, look)


def _one(read: Callable[..., Several], path: Path, *, sweep: int | None = None, **options: Any) -> Any:
    several = read(path, **options)
    return naming(Path(path), lambda: several.only(sweep))


def _numbers(read: Callable[..., Several], path: Path, **options: Any) -> list[int]:
    return list(range(len(read(path, **options).labels)))


def _contents(read: Callable[..., Several], path: Path, **options: Any) -> Contents:
    several = read(path, **options)
    return Contents(several.labels, several.names, several.told, several.channels, several.channel)


EEG: Final = kind_of_several(
    "EEG as FIF, EDF, BrainVision (header, markers and data together) or CSV; it is cut into epochs of 8 s "
    "by its markers, for instance of closed and open eyes.",
    read_eeg,
    describe_eeg,
    EegOptions,
)


def kind_of(simulator: Simulator) -> RecordingKind:
    """The kind of recording that a model's ``drive`` takes: a current-clamp sweep unless it says else."""
    return simulator.recordings or CURRENT_CLAMP
