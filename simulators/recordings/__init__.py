"""Real recordings: one Recording type, read from netCDF-4, NWB or CSV; all else is a clear error."""

from simulators.recordings.find import RecordingInfo as RecordingInfo
from simulators.recordings.find import describe as describe
from simulators.recordings.find import find_recordings as find_recordings
from simulators.recordings.netcdf import write_recording as write_recording
from simulators.recordings.read import list_sweeps as list_sweeps
from simulators.recordings.read import read_recording as read_recording
from simulators.recordings.recording import Recording as Recording
from simulators.recordings.units import RecordingError as RecordingError

__all__ = [
    "Recording",
    "RecordingError",
    "RecordingInfo",
    "describe",
    "find_recordings",
    "list_sweeps",
    "read_recording",
    "write_recording",
]
