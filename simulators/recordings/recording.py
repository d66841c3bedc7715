"""Recording: one current-clamp sweep with its units, its stimulus and what is known of the cell."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from simulators.recordings.checks import check_cell, check_channels, check_stimulus, sampling_interval
from simulators.recordings.stimulus import find_step
from simulators.recordings.units import RecordingError


@dataclass(frozen=True, eq=False)
class Recording:
    """One current-clamp sweep, checked when it is made.

    Attributes:
        time: shape (T,), in ms, uniform, usually from 0.
        voltage: shape (T,), in mV, as recorded: not corrected for the liquid junction potential.
        current: shape (T,), in uA, the total injected current (not a density).
        dt: sampling interval in ms.
        stimulus_on, stimulus_off: times in ms of the first and last sample of the current step.
        area: membrane area in cm2; None when unknown.
        junction_potential: in mV, to be added to the voltage.
        label: what to call the recording in titles.
        attrs: whatever else the file says: numbers, strings and lists of them.

    Raises:
        RecordingError: NaN, uneven sampling, fewer than 100 samples, channels of different length, or values
            that no patch-clamp recording has (most often a wrong unit).
    """

    time: Float[np.ndarray, " time"]
    voltage: Float[np.ndarray, " time"]
    current: Float[np.ndarray, " time"]
    dt: float
    stimulus_on: float
    stimulus_off: float
    area: float | None = None
    junction_potential: float = 0.0
    label: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        for name in ("time", "voltage", "current"):
            samples = np.array(getattr(self, name), dtype=np.float64)
            samples.setflags(write=False)
            object.__setattr__(self, name, samples)
        check_channels(self.time, self.voltage, self.current)
        dt = sampling_interval(self.time)
        if abs(dt - self.dt) > 1e-3 * dt:
            raise RecordingError(f"dt is given as {self.dt:g} ms, but the times are {dt:g} ms apart.")
        check_stimulus(self.time, self.stimulus_on, self.stimulus_off)
        check_cell(self.area, self.junction_potential)

    @property
    def corrected_voltage(self) -> Float[np.ndarray, " time"]:
        """The voltage with the junction potential added, in mV: what a model is compared with."""
        return self.voltage + self.junction_potential

    @property
    def duration(self) -> float:
        """Length in ms."""
        return self.dt * len(self.time)

    @property
    def amplitude(self) -> float:
        """Median current of the step minus the current at the beginning, in uA."""
        during = (self.time >= self.stimulus_on) & (self.time <= self.stimulus_off)
        return float(np.median(self.current[during]) - self.current[0])

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the numbers a fit depends on; label and attrs do not enter."""
        digest = hashlib.sha256()
        for samples in (self.time, self.voltage, self.current):
            digest.update(np.ascontiguousarray(samples, dtype="<f8").tobytes())
        numbers = (self.stimulus_on, self.stimulus_off, self.area, self.junction_potential)
        digest.update(repr(numbers).encode())
        return digest.hexdigest()


def recording_from(
    time: np.ndarray, voltage: np.ndarray, current: np.ndarray, attrs: Mapping[str, Any], *, skip: float = 0.0
) -> Recording:
    """A Recording from channels in ms, mV, uA and attributes named as in our netCDF files.

    Used attributes: stimulus_onset_ms and stimulus_offset_ms (else the step is found in the current, after
    the first ``skip`` ms), cell_area_cm2 (else membrane_time_constant_s / input_resistance_MOhm, which is the
    area in cm2 at 1 uF/cm2), junction_potential_mV, label, cell_id and sweep_number. ``attrs`` keeps all.

    Raises:
        RecordingError: see Recording; or an attribute is not a number, or no step is found.
    """
    check_channels(time, voltage, current)
    dt = sampling_interval(time)
    onset, offset = _number(attrs, "stimulus_onset_ms"), _number(attrs, "stimulus_offset_ms")
    if (onset is None) != (offset is None):
        raise RecordingError(
            "only one of stimulus_onset_ms and stimulus_offset_ms is given; give both or none."
        )
    if onset is None or offset is None:
        first, last = find_step(current, skip=round(skip / dt))
        onset, offset = round(float(time[first]), 9), round(float(time[last]), 9)
    cell = (_area(attrs), _number(attrs, "junction_potential_mV") or 0.0)
    return Recording(time, voltage, current, dt, onset, offset, *cell, name_of(attrs), dict(attrs))


def _area(attrs: Mapping[str, Any]) -> float | None:
    area = _number(attrs, "cell_area_cm2")
    time_constant = _number(attrs, "membrane_time_constant_s")
    resistance = _number(attrs, "input_resistance_MOhm")
    if area is not None or time_constant is None or resistance is None:
        return area
    if resistance <= 0:
        raise RecordingError(f"the input resistance is {resistance:g} MOhm, but it must be positive.")
    return time_constant / resistance


def name_of(attrs: Mapping[str, Any]) -> str:
    """The attribute label, or "cell N, sweep M" from what is known of them; empty when nothing is."""
    if attrs.get("label"):
        return str(attrs["label"])
    parts = (("cell", attrs.get("cell_id")), ("sweep", attrs.get("sweep_number")))
    return ", ".join(f"{word} {value}" for word, value in parts if value is not None)


def _number(attrs: Mapping[str, Any], name: str) -> float | None:
    value = attrs.get(name)
    if value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise RecordingError(f"{name} is '{value}', but a number is needed.") from None
