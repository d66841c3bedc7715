"""Omnimodel: one gate that stands for many non-inactivating potassium channels, under voltage clamp.

    dm/dt = (m_inf(V) - m) T_adj / tau(V),   I = m (V - E_K)
    m_inf(V) = 1 / (1 + exp(-theta1 V + theta2))
    tau(V) = theta4 / (exp(-(theta5 u + theta6 u^2)) + exp(theta7 u + theta8 u^2)),   u = V - theta3

Time in ms, voltages in mV. Exponential Euler with V of the sample before; at first the gate is steady.
White noise on every sample of the command acts on the gate and on the driving force. The model is that of
Podlaski et al. 2017 (eLife 6:e22152) as Goncalves et al. 2020 (eLife 9:e56261, figure 3) used it.

All sweeps of all protocols advance together, many simulations side by side: arrays are (sweeps, simulations),
simulations last, so that one step is a few loops over contiguous memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from simulators.counter_noise import random_word, standard_normal
from simulators.devices import unrolled
from simulators.models.voltage_clamp import Protocol

E_K = -86.7  # mV
T_ADJ = 2.3 ** ((37 - 23) / 10)  # kinetics at 37 C; fitted at 23 C
BIN = 20  # samples of which a feature sees the sum: 0.5 ms
_LARGEST_EXPONENT = {np.dtype(np.float32): 80.0, np.dtype(np.float64): 700.0}


@dataclass(frozen=True, eq=False)
class VoltageClamp:
    """Protocols that are run in one experiment; each is cut to whole bins.

    Attributes:
        protocols: in the order of the features.
        noise_sd: of the command, mV; 0 for none.
    """

    protocols: tuple[Protocol, ...]
    noise_sd: float = 0.5

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(sweeps, samples) of each protocol."""
        return tuple((len(p.command), p.command.shape[1] // BIN * BIN) for p in self.protocols)


class Sweeps(NamedTuple):
    """State of sweeps that advance together, each of shape (sweeps, simulations)."""

    gate: Float[Array, "S B"]
    voltage: Float[Array, "S B"]
    peak: Float[Array, "S B"]


class Stage(NamedTuple):
    """Bins in which the same sweeps go on.

    Attributes:
        first_bin: where it begins.
        following: command one sample later, mV, (bins, BIN, sweeps).
        ids: number of each sweep in the order of the protocols: its place in the noise.
        dt: ms, (sweeps, 1).
        slices: for each protocol that goes on, its number and the slice of its sweeps.
    """

    first_bin: int
    following: Float[np.ndarray, "bins K S"]
    ids: Int[np.ndarray, " S"]
    dt: Float[np.ndarray, "S 1"]
    slices: tuple[tuple[int, slice], ...]


def gating(voltage: Float[Array, "*shape"], theta: tuple[Array, ...]) -> tuple[Array, Array]:
    """Steady state, and rate (1/ms) at which it is approached.

    Exponents are limited to what the precision holds: beyond, the gate is shut, or follows at once.
    """
    limit = _LARGEST_EXPONENT[np.dtype(voltage.dtype)]

    def power(exponent: Array) -> Array:
        return jnp.exp(jnp.clip(exponent, -limit, limit))

    u = voltage - theta[2]
    steady_state = 1 / (1 + power(theta[1] - theta[0] * voltage))
    speed = power(-u * (theta[4] + theta[5] * u)) + power(u * (theta[6] + theta[7] * u))
    return steady_state, speed * (T_ADJ / theta[3])


def currents(
    words: UInt32[Array, "B 2"], rows: Float[Array, "B 8"], clamp: VoltageClamp
) -> Float[Array, "B total"]:
    """Current of every sample over the largest of its protocol; protocols, sweeps and samples flattened."""
    peaks, _, kept = _run(words, rows, clamp, weights=None)
    pieces: list[list[Array]] = [[] for _ in clamp.protocols]
    for stage, current in zip(_stages(clamp), kept, strict=True):
        for protocol, sweeps in stage.slices:
            pieces[protocol].append(current[:, :, sweeps].reshape(-1, *current[0, 0, sweeps].shape))
    flat = [
        (jnp.concatenate(parts) / peak).transpose(2, 1, 0).reshape(len(rows), -1)
        for parts, peak in zip(pieces, peaks, strict=True)
    ]
    return jnp.concatenate(flat, axis=1)


def projections(
    words: UInt32[Array, "B 2"],
    rows: Float[Array, "B 8"],
    clamp: VoltageClamp,
    weights: tuple[Float[np.ndarray, "_ _ C"], ...],
) -> Float[Array, "B P C"]:
    """Weighted sums of ``currents``, without storing them.

    Args:
        words: key of each simulation.
        rows: parameters.
        clamp: the experiment.
        weights: of the current summed over each bin, one array per protocol.
    """
    peaks, sums, _ = _run(words, rows, clamp, weights=weights)
    return jnp.stack([total / peak for total, peak in zip(sums, peaks, strict=True)]).transpose(2, 0, 1)


def _run(words: Array, rows: Array, clamp: VoltageClamp, *, weights: tuple[np.ndarray, ...] | None):
    """Largest current and weighted sums of each protocol; without weights the currents of each stage."""
    theta = tuple(rows[:, column][None] for column in range(rows.shape[1]))
    key = words[:, 0][None], words[:, 1][None]
    sums = [jnp.zeros((0 if weights is None else weights[0].shape[-1], len(rows)), rows.dtype)] * len(
        clamp.protocols
    )
    peaks: list[Array] = [jnp.zeros(())] * len(clamp.protocols)
    state, kept = None, []
    for stage in _stages(clamp):
        num_sweeps = len(stage.ids)
        noisy = _noisy_command(key, stage, clamp.noise_sd, rows)
        if state is None:
            voltage = noisy(0, jnp.asarray(_first_command(clamp), rows.dtype))
            state = Sweeps(gating(voltage, theta)[0], voltage, jnp.full_like(voltage, -jnp.inf))
        state = jax.tree.map(lambda part, n=num_sweeps: part[-n:], state)
        part = None if weights is None else _stage_weights(stage, weights)
        state, sums, current = _run_stage(state, sums, stage, (theta, noisy, part))
        kept.append(current)
        for protocol, sweeps in stage.slices:
            peaks[protocol] = state.peak[sweeps].max(axis=0)
    return peaks, sums, kept


def _run_stage(state: Sweeps, sums: list[Array], stage: Stage, how):
    theta, noisy, weights = how
    dt = jnp.asarray(stage.dt, state.gate.dtype)

    def step(carry, inputs):
        (gate, voltage, peak), total = carry
        current = gate * (voltage - E_K)
        steady_state, rate = gating(voltage, theta)
        # The noise is in one output only: every output of a step is a loop of its own.
        new = Sweeps(
            gate + (steady_state - gate) * _share_gone(dt * rate), noisy(*inputs), jnp.maximum(peak, current)
        )
        return (new, total + current), (current if weights is None else None)

    def one_bin(carry, inputs):
        state, sums = carry
        index, following, part = inputs
        samples = index * BIN + 1 + jnp.arange(BIN)
        start = state, jnp.zeros_like(state.gate)
        (state, total), kept = jax.lax.scan(step, start, (samples, following), unroll=unrolled())
        if part is not None:
            sums = list(sums)
            for protocol, sweeps in stage.slices:
                product = jnp.matmul(part[sweeps].T, total[sweeps], precision=jax.lax.Precision.HIGHEST)
                sums[protocol] = sums[protocol] + product
        return (state, sums), kept

    bins = stage.first_bin + jnp.arange(len(stage.following))
    inputs = bins, jnp.asarray(stage.following, state.gate.dtype), weights
    (state, sums), kept = jax.lax.scan(one_bin, (state, sums), inputs)
    return state, sums, kept


def _share_gone(exponent: Array) -> Array:
    """1 - exp(-exponent) to full relative precision: slow gates move by less than a rounding error of 1."""
    small = exponent * (1 - exponent * (1 / 2 - exponent * (1 / 6 - exponent * (1 / 24 - exponent / 120))))
    if exponent.dtype == jnp.float64:
        return -jnp.expm1(-jnp.minimum(exponent, 500.0))
    return jnp.where(exponent < 0.1, small, 1 - jnp.exp(-exponent))


def _noisy_command(key: tuple[Array, Array], stage: Stage, noise_sd: float, rows: Array):
    shape = (len(stage.ids), len(rows))
    sweep = jnp.broadcast_to(jnp.asarray(stage.ids, jnp.uint32)[:, None], shape)

    def noisy(sample, command: Float[Array, " S"]) -> Float[Array, "S B"]:
        column = jnp.broadcast_to(command[:, None], shape)
        if not noise_sd:
            return column
        place = jnp.broadcast_to(jnp.asarray(sample).astype(jnp.uint32), shape)
        return column + noise_sd * standard_normal(random_word(key, place, sweep)).astype(column.dtype)

    return noisy


def _order(clamp: VoltageClamp) -> list[int]:
    """Numbers of the protocols, the shortest first: what has ended is cut off at the front."""
    return sorted(range(len(clamp.shapes)), key=lambda index: clamp.shapes[index][1])


def _first_command(clamp: VoltageClamp) -> Float[np.ndarray, " S"]:
    return np.concatenate([clamp.protocols[index].command[:, 0] for index in _order(clamp)])


@lru_cache(maxsize=8)
def _stages(clamp: VoltageClamp) -> tuple[Stage, ...]:
    order, shapes, stages, start = _order(clamp), clamp.shapes, [], 0
    first_id = np.cumsum([0, *(sweeps for sweeps, _ in shapes)])
    for stop in sorted({samples for _, samples in shapes}):
        going = [index for index in order if shapes[index][1] >= stop]
        pieces, ids, slices, dt, place = [], [], [], [], 0
        for index in going:
            sweeps, samples = shapes[index]
            command = clamp.protocols[index].command[:, :samples]
            later = np.concatenate([command[:, 1:], command[:, -1:]], axis=1)
            pieces.append(later[:, start:stop].T)
            ids.append(first_id[index] + np.arange(sweeps))
            dt.append(np.full((sweeps, 1), clamp.protocols[index].dt))
            slices.append((index, slice(place, place + sweeps)))
            place += sweeps
        following = np.concatenate(pieces, axis=1).reshape(-1, BIN, place)
        stages.append(Stage(start // BIN, following, np.concatenate(ids), np.concatenate(dt), tuple(slices)))
        start = stop
    return tuple(stages)


def _stage_weights(stage: Stage, weights: tuple[np.ndarray, ...]) -> Array:
    """(bins, sweeps, C) of the sweeps that go on."""
    bins = slice(stage.first_bin, stage.first_bin + len(stage.following))
    parts = [weights[protocol][:, bins] for protocol, _ in stage.slices]
    return jnp.asarray(np.concatenate(parts).transpose(1, 0, 2))
