"""Voltage-clamp protocols: families of sweeps of a command, in mV.

The four in closed form are those with which the ICG database fingerprints ion channels (Podlaski et al. 2017,
eLife 6:e22152), as Goncalves et al. 2020 used them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

DT = 0.025  # ms
HOLDING = -80.0  # mV
TOP = 70.0  # mV
TEST = 30.0  # mV
# Triangles of the ramp: start and turning point, ms; back at the holding potential as long after.
TRIANGLES = ((100.0, 500.0), (1300.0, 1500.0), (2100.0, 2200.0), (2700.0, 2750.0))


@dataclass(frozen=True, eq=False)
class Protocol:
    """A family of sweeps of one length.

    Attributes:
        name: of the protocol.
        command: mV, float32, shape (sweeps, samples); it holds until the next sample.
        dt: interval of the samples, ms.
    """

    name: str
    command: Float[np.ndarray, "sweeps samples"]
    dt: float = DT

    @property
    def time(self) -> Float[np.ndarray, " samples"]:
        """Time since the first sample, ms."""
        return np.arange(self.command.shape[1]) * self.dt


def activation() -> Protocol:
    """Steps from -80 mV to -80, -70, ..., +70 mV: 16 sweeps of 700 ms."""
    return Protocol("activation", _sweeps(700.0, [((100.0, v), (600.0, HOLDING)) for v in _levels(-80, 70)]))


def inactivation() -> Protocol:
    """Conditioning at -40, -30, ..., +70 mV, then a test step to +30 mV: 12 sweeps of 1750 ms."""
    steps = [((100.0, v), (1600.0, TEST), (1650.0, HOLDING)) for v in _levels(-40, 70)]
    return Protocol("inactivation", _sweeps(1750.0, steps))


def deactivation() -> Protocol:
    """From +70 mV to -100, -90, ..., +40 mV: 15 sweeps of 700 ms."""
    steps = [((100.0, TOP), (400.0, v), (600.0, HOLDING)) for v in _levels(-100, 40)]
    return Protocol("deactivation", _sweeps(700.0, steps))


def ramp() -> Protocol:
    """Four triangles between -80 and +70 mV of rising steepness: one sweep of 2900 ms."""
    corners = [(0.0, HOLDING)]
    for start, turn in TRIANGLES:
        corners += [(start, HOLDING), (turn, TOP), (2 * turn - start, HOLDING)]
    time = np.arange(round(2900.0 / DT)) * DT
    return Protocol("ramp", np.interp(time, *np.transpose(corners))[None].astype(np.float32))


def action_potential(command: Float[np.ndarray, "*any samples"], *, dt: float = DT) -> Protocol:
    """A recorded command in mV, one sweep; shape (samples,) or (1, samples).

    Raises:
        ValueError: it is not one sweep of finite numbers.
    """
    row = np.atleast_2d(np.asarray(command, np.float32))
    if row.ndim != 2 or len(row) != 1 or row.shape[1] < 2 or not np.isfinite(row).all():
        raise ValueError(f"A command is one row of finite voltages in mV; got shape {np.shape(command)}.")
    return Protocol("action_potential", row, dt)


def read_command(path: str | Path, *, name: str = "command_mV_v_ap") -> Float[np.ndarray, "*any samples"]:
    """A command in mV from a file: .npy, .npz (the array of that name, or the only one), or text.

    Raises:
        ValueError: there is no such file, or no such array in it.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no command file '{path}'.")
    if path.suffix not in (".npy", ".npz"):
        return np.loadtxt(path, delimiter="," if path.suffix == ".csv" else None)
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        if name not in found.files and len(found.files) != 1:
            raise ValueError(f"'{path}' has no array '{name}'; it has {', '.join(found.files)}.")
        return found[name if name in found.files else found.files[0]]


def _levels(first: int, last: int) -> list[float]:
    return [float(level) for level in range(first, last + 1, 10)]


def _sweeps(
    duration: float, sweeps: list[tuple[tuple[float, float], ...]]
) -> Float[np.ndarray, "sweeps samples"]:
    """Commands that begin at the holding potential and jump at given times (ms) to given levels (mV)."""
    command = np.full((len(sweeps), round(duration / DT)), HOLDING, np.float32)
    for row, jumps in zip(command, sweeps, strict=True):
        for time, level in jumps:
            row[round(time / DT) :] = level
    return command
