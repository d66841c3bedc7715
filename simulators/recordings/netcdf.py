"""Our netCDF-4 layout: dimension ``time``; variables time, voltage, current with units; attributes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from simulators.recordings.attributes import plain, plain_attributes
from simulators.recordings.checks import check_size
from simulators.recordings.recording import Recording, recording_from
from simulators.recordings.units import CHANNELS, RecordingError, unit_factor


def read_netcdf(path: Path, sweep: int | None) -> Recording:
    """The recording in a netCDF-4 file of our layout; ``sweep`` only says which one is expected.

    Raises:
        RecordingError: a variable or its unit is missing or wrong, or the file holds another sweep.
    """
    import xarray as xr

    # Without indexes, nothing is unpacked before its size is known.
    as_stored: Any = {"decode_times": False, "decode_timedelta": False, "create_default_indexes": False}
    with xr.open_dataset(path, engine="h5netcdf", **as_stored) as dataset:
        missing = [name for name in CHANNELS if name not in dataset.variables]
        if missing:
            found = ", ".join(sorted(map(str, dataset.variables))[:8]) or "none"
            raise RecordingError(
                f"the file has no variable {' or '.join(missing)} (found: {found}), "
                "but time, voltage and current are needed."
            )
        channels = {name: _samples(dataset.variables[name], name) for name in CHANNELS}
        attrs = plain_attributes({str(name): value for name, value in dataset.attrs.items()})
    held = attrs.get("sweep_number")
    if sweep is not None and held is not None and sweep != held:
        raise RecordingError(
            f"the file holds sweep {held} only, not sweep {sweep}; ask for {held} or for none."
        )
    return recording_from(channels["time"], channels["voltage"], channels["current"], attrs)


def _samples(variable, name: str) -> np.ndarray:
    if variable.ndim != 1:
        raise RecordingError(f"the {name} has {variable.ndim} dimensions, but it must have one (time).")
    check_size(name, variable.size)
    unit = plain(variable.attrs.get("units"))
    factor = unit_factor(name, str(unit) if unit is not None else None)
    return np.asarray(variable.values, dtype=np.float64) * factor


def write_recording(recording: Recording, path: str | Path) -> Path:
    """Write a recording in our netCDF-4 layout (beside the target, then renamed) and return the path."""
    import xarray as xr

    path = Path(path)
    attrs = dict(recording.attrs) | {
        "label": recording.label,
        "dt_ms": recording.dt,
        "stimulus_onset_ms": recording.stimulus_on,
        "stimulus_offset_ms": recording.stimulus_off,
        "junction_potential_mV": recording.junction_potential,
    }
    if recording.area is not None:
        attrs["cell_area_cm2"] = recording.area
    units = {"voltage": "mV", "current": "uA", "time": "ms"}
    channels = {name: ("time", getattr(recording, name), {"units": unit}) for name, unit in units.items()}
    dataset = xr.Dataset(channels, attrs=attrs)
    partial = path.with_name(f".{path.name}.partial")
    # With a checksum (fletcher32), damaged samples are noticed when they are read.
    stored = {"zlib": True, "complevel": 4, "shuffle": True, "fletcher32": True}
    dataset.to_netcdf(partial, engine="h5netcdf", encoding=dict.fromkeys(units, stored))
    os.replace(partial, path)
    return path
