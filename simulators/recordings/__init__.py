"""Real recordings: one Recording type, read from netCDF-4, NWB or CSV; all else is a clear error."""

from simulators.recordings.cells import Cells as Cells
from simulators.recordings.cells import SpikeTrains as SpikeTrains
from simulators.recordings.cells import VoltageTraces as VoltageTraces
from simulators.recordings.cells_files import read_cells as read_cells
from simulators.recordings.eeg import EegEpochs as EegEpochs
from simulators.recordings.eeg import EegOptions as EegOptions
from simulators.recordings.eeg_epochs import read_eeg as read_eeg
from simulators.recordings.eeg_files import parts_of as parts_of
from simulators.recordings.find import RecordingInfo as RecordingInfo
from simulators.recordings.find import describe as describe
from simulators.recordings.find import find_recordings as find_recordings
from simulators.recordings.kinds import CURRENT_CLAMP as CURRENT_CLAMP
from simulators.recordings.kinds import EEG as EEG
from simulators.recordings.kinds import Contents as Contents
from simulators.recordings.kinds import RecordingKind as RecordingKind
from simulators.recordings.kinds import cells_kind as cells_kind
from simulators.recordings.kinds import kind_of as kind_of
from simulators.recordings.kinds import rows_kind as rows_kind
from simulators.recordings.netcdf import write_recording as write_recording
from simulators.recordings.read import list_sweeps as list_sweeps
from simulators.recordings.read import read_recording as read_recording
from simulators.recordings.recording import Recording as Recording
from simulators.recordings.rows import Rows as Rows
from simulators.recordings.units import RecordingError as RecordingError

__all__ = [
    "CURRENT_CLAMP",
    "EEG",
    "Cells",
    "Contents",
    "EegEpochs",
    "EegOptions",
    "Recording",
    "RecordingError",
    "RecordingInfo",
    "RecordingKind",
    "Rows",
    "SpikeTrains",
    "VoltageTraces",
    "cells_kind",
    "describe",
    "find_recordings",
    "kind_of",
    "list_sweeps",
    "parts_of",
    "read_cells",
    "read_eeg",
    "read_recording",
    "rows_kind",
    "write_recording",
]
