"""What kind of recording a model takes, and how its files are found and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from simulators.recordings.cells_files import Aliases, describe_cells, one_recording, read_cells
from simulators.recordings.find import RecordingInfo, describe
from simulators.recordings.read import list_sweeps, read_recording

if TYPE_CHECKING:
    from simulators.base import Simulator


@dataclass(frozen=True)
class RecordingKind:
    """A kind of recording.

    Attributes:
        words: what to bring, for people: one sentence.
        read: ``(path, sweep=None) -> recording``, what ``Simulator.drive`` takes.
        sweeps: ``path -> numbers`` of the sweeps to choose from; empty where a file holds one recording.
        describe: ``path -> RecordingInfo`` from the header alone.

    All three raise RecordingError for a file of another kind.
    """

    words: str
    read: Callable[..., Any]
    sweeps: Callable[[Path], list[int]]
    describe: Callable[[Path], RecordingInfo]


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


def kind_of(simulator: Simulator) -> RecordingKind:
    """The kind of recording that a model's ``drive`` takes: a current-clamp sweep unless it says else."""
    return simulator.recordings or CURRENT_CLAMP
