"""NWB 1.0 as the Allen Cell Types Database distributes it.

pynwb reads only NWB 2, so this reads the HDF5 groups:

    /acquisition/timeseries/Sweep_N      response: data [V], starting_time (attribute rate, Hz)
    /stimulus/presentation/Sweep_N       stimulus: data [A], starting_time, aibs_stimulus_name, ...
    /epochs/Experiment_N/stimulus        idx_start, count: without test pulse and without what follows a cut
    /general/generated_by                words, among them "version" followed by that of the pipeline
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from simulators.recordings.attributes import plain
from simulators.recordings.checks import check_size
from simulators.recordings.recording import Recording
from simulators.recordings.sweeps import TEST_PULSE, Channel, choose_sweep, cut_sweep
from simulators.recordings.units import UNITS, RecordingError, unit_factor

RESPONSES = "acquisition/timeseries"
STIMULI = "stimulus/presentation"
# Stated with the database, not in its files.
ALLEN_JUNCTION_POTENTIAL = -14.0  # mV


def read_nwb1(path: Path, sweep: int | None) -> Recording:
    """The current-clamp sweep of that number, cut around its current step.

    Raises:
        RecordingError: no such sweep, or data, rate or unit are missing or wrong.
    """
    with h5py.File(path, "r") as file:
        number = choose_sweep(current_clamp_sweeps(file), sweep)
        response, stimulus = file[f"{RESPONSES}/Sweep_{number}"], file[f"{STIMULI}/Sweep_{number}"]
        convert = _pipeline_version(file) > (1, 0)
        voltage = _channel(response, "voltage", convert=convert)
        current = _channel(stimulus, "current", convert=convert)
        skip, stop = _experiment(file, number, current)
        attrs = _attributes(stimulus) | {"sweep_number": number, "label": f"{path.stem}, sweep {number}"}
    voltage, current = (Channel(channel.samples[:stop], channel.rate) for channel in (voltage, current))
    return cut_sweep(voltage, current, attrs, skip=skip)


def current_clamp_sweeps(file: Any) -> list[int]:
    """Numbers of the sweeps with a response and a stimulus that is a current."""
    responses: Any = file.get(RESPONSES)
    stimuli: Any = file.get(STIMULI)
    if not isinstance(responses, h5py.Group) or not isinstance(stimuli, h5py.Group):
        return []
    matches = [re.fullmatch(r"Sweep_(\d+)", str(name)) for name in responses if name in stimuli]
    numbers = [int(match.group(1)) for match in matches if match]
    return sorted(number for number in numbers if _unit(stimuli[f"Sweep_{number}"], "A") in UNITS["current"])


def _channel(series: Any, name: str, *, convert: bool) -> Channel:
    data, start = series.get("data"), series.get("starting_time")
    rate = None if start is None else plain(start.attrs.get("rate"))
    if data is None or not isinstance(rate, int | float):
        raise RecordingError(f"the {name} of the sweep has no data or no sampling rate, but both are needed.")
    check_size(name, data.size)
    # Files of pipeline 1.0 and earlier hold volts and amperes although their conversion attribute says else.
    conversion = plain(data.attrs.get("conversion", 1.0)) if convert else 1.0
    # The standard prescribes volts and amperes, so a missing unit is no doubt.
    factor = unit_factor(name, _unit(series, {"voltage": "V", "current": "A"}[name]))
    return Channel(np.asarray(data[()], np.float64) * float(conversion) * factor, float(rate))


def _unit(series: Any, otherwise: str) -> str:
    data = series.get("data")
    unit = None if data is None else plain(data.attrs.get("unit"))
    return str(unit) if unit else otherwise


def _pipeline_version(file: Any) -> tuple[int, int]:
    entry: Any = file.get("general/generated_by")
    if not isinstance(entry, h5py.Dataset):
        return (0, 0)
    words = " ".join(str(plain(word)) for word in np.asarray(entry).ravel())
    found = re.search(r"\bversion\W+(\d+)\.(\d+)", words)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _experiment(file: Any, number: int, current: Channel) -> tuple[float, int]:
    """When the test pulse is over, in ms, and how many samples are valid."""
    epoch: Any = file.get(f"epochs/Experiment_{number}/stimulus")
    if not isinstance(epoch, h5py.Group) or "idx_start" not in epoch or "count" not in epoch:
        return TEST_PULSE, len(current.samples)
    start, count = (int(plain(np.asarray(epoch[name]))) for name in ("idx_start", "count"))
    return 1e3 * start / current.rate, start + count


def _attributes(stimulus: Any) -> dict[str, Any]:
    named = {name: plain(item[()]) for name, item in stimulus.items() if name.startswith("aibs_stimulus")}
    return named | ({"junction_potential_mV": ALLEN_JUNCTION_POTENTIAL} if named else {})
