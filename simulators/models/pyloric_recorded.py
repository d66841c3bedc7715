"""Recorded cells of the pyloric network as an observation: their 18 features, by the rules of the model."""

from __future__ import annotations

from typing import Final

import numpy as np
from jaxtyping import Float

from simulators.base import Observed
from simulators.features import pyloric as features
from simulators.features.bursts import GAP, SHORTEST
from simulators.recordings import Cells, SpikeTrains, VoltageTraces, cells_kind

# Each neuron with what files call it: neurons, and the motor nerves on which their spikes are recorded.
CELLS: Final = {"AB/PD": ("AB/PD", "AB", "PD", "pdn"), "LP": ("LP", "lpn"), "PY": ("PY", "pyn")}
NEURONS: Final = tuple(CELLS)
RECORDINGS: Final = cells_kind(
    "Spike times or voltages of AB/PD, LP and PY, a CSV column for each (AB/PD [s], LP [s], PY [s]; voltages "
    "in mV beside time [ms]) or by these names in NWB 2; they become the 18 features.",
    CELLS,
)


def observe(cells: Cells, time: Float[np.ndarray, " num_drawn"]) -> Observed:
    """The features of recorded cells; of voltages also the excerpt that is drawn.

    Args:
        cells: AB/PD, LP and PY.
        time: of the samples that are drawn, in ms, as far as the recording lasts.

    Raises:
        ValueError: some features are undefined.
    """
    if isinstance(cells, SpikeTrains):
        x, drawn = features.features_from_spikes(cells.times), None
    else:
        x, drawn = features.features_from_voltage(cells.voltage, cells.dt), _excerpt(cells, time - time[0])
    if np.isnan(x).any():
        raise ValueError(f"{cells.label}: {_undefined(x)}")
    return Observed(x.astype(np.float32), recording=drawn, label=f"{cells.summary}, {cells.label}")


def _excerpt(cells: VoltageTraces, time: np.ndarray) -> np.ndarray:
    own = np.arange(cells.voltage.shape[1]) * cells.dt
    return np.stack([np.interp(time, own, row) for row in cells.voltage]).astype(np.float32)


def _undefined(x: np.ndarray) -> str:
    """Which features are undefined and why, in one sentence."""
    named = dict(zip(features.UNITS, x, strict=True))
    missing = [features.LABELS[name] for name, value in named.items() if np.isnan(value)]
    lengths = zip(NEURONS, features.NEURONS, strict=True)
    silent = [name for name, short in lengths if np.isnan(named[f"burst_length_{short}"])]
    if silent:
        found = f"no burst of {' or '.join(silent)}"
        needed = f"spikes less than {GAP:g} ms apart that go on for more than {SHORTEST:g} ms are needed"
    elif np.isnan(named["cycle_period"]):
        found, needed = "a single burst of AB/PD", "at least two are needed"
    else:
        found = f"no triphasic rhythm (AB/PD has a period of {named['cycle_period']:.4g} ms)"
        needed = "in nine of ten periods each neuron must begin exactly one burst"
    count = f"{len(missing)} of the {len(x)} features"
    return f"there is {found}, so {count} are undefined ({'; '.join(missing)}); {needed}."
