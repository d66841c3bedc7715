"""NWB 2 through pynwb: a CurrentClampSeries and its CurrentClampStimulusSeries, paired by sweep number."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from simulators.recordings.attributes import plain
from simulators.recordings.checks import check_size
from simulators.recordings.recording import Recording
from simulators.recordings.sweeps import Channel, choose_sweep, cut_sweep
from simulators.recordings.units import RecordingError, unit_factor


def read_nwb2(path: Path, sweep: int | None) -> Recording:
    """The current-clamp sweep of that number, cut around its current step.

    A series without a sweep number is known by the first number in its name (``data_00004_AD0`` is sweep 4).

    Raises:
        RecordingError: pynwb is not installed, there is no such sweep, several electrodes share it, or its
            rate or unit are missing or wrong.
    """
    with opened(path) as nwb:
        pairs = _pairs(nwb)
        number = choose_sweep(pairs, sweep)
        responses, stimuli = pairs[number]
        if len(responses) > 1 or len(stimuli) > 1:
            names = ", ".join(series.name for series in responses + stimuli)
            raise RecordingError(f"sweep {number} has several electrodes ({names}), but one is needed.")
        voltage, current = read_channel(responses[0], "voltage"), read_channel(stimuli[0], "current")
        attrs = {
            "sweep_number": number,
            "label": f"{path.stem}, sweep {number}",
            "stimulus": str(plain(stimuli[0].stimulus_description) or ""),
            "identifier": str(nwb.identifier),
        }
    return cut_sweep(voltage, current, attrs)


def nwb2_sweeps(path: Path) -> list[int]:
    """Numbers of the sweeps with a voltage response and a current stimulus."""
    with opened(path) as nwb:
        return sorted(_pairs(nwb))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An NWB 2 file while it is open.

    Raises:
        RecordingError: pynwb is not installed.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        raise RecordingError(
            "this is an NWB 2 file, and the package pynwb that reads them is not installed; "
            "install it with: pip install 'posterior-lab[nwb]'"
        ) from None
    # Older files make pynwb warn about their schema at every turn; their numbers are checked by us.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # pyright cannot see pynwb's generated signatures.
        with NWBHDF5IO(str(path), mode="r") as file:  # pyright: ignore[reportCallIssue]
            yield file.read()


def _pairs(nwb: Any) -> dict[int, tuple[list, list]]:
    from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries

    responses: dict[int, list] = defaultdict(list)
    stimuli: dict[int, list] = defaultdict(list)
    for series in nwb.acquisition.values():
        if isinstance(series, CurrentClampSeries):
            responses[_sweep_number(series)].append(series)
    for series in nwb.stimulus.values():
        if isinstance(series, CurrentClampStimulusSeries):
            stimuli[_sweep_number(series)].append(series)
    return {number: (responses[number], stimuli[number]) for number in responses if number in stimuli}


def _sweep_number(series: Any) -> int:
    if series.sweep_number is not None:
        return int(series.sweep_number)
    found = re.search(r"\d+", series.name)
    return int(found.group()) if found else 0


def read_channel(series: Any, name: str) -> Channel:
    """The samples of a series, as a "voltage" in mV or a "current" in uA, and their rate.

    Raises:
        RecordingError: its unit or its rate is missing or wrong.
    """
    check_size(name, int(np.prod(np.shape(series.data))))
    factor = unit_factor(name, series.unit)
    samples = np.asarray(series.data[:], np.float64) * float(series.conversion) + float(series.offset or 0.0)
    return Channel(samples * factor, _rate(series, name))


def _rate(series: Any, name: str) -> float:
    if series.rate is not None:
        return float(series.rate)
    check_size(name, len(series.timestamps))
    times = np.asarray(series.timestamps[:], np.float64)
    if len(times) < 2 or not np.allclose(np.diff(times), times[1] - times[0], rtol=1e-3):
        raise RecordingError(f"the {name} has timestamps that are not uniform; resample to equal steps.")
    return (len(times) - 1) / float(times[-1] - times[0])
