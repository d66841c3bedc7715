"""Spike counting: on a whole trace, or on a trace that arrives in blocks. Both give the same count."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int

from simulators.features.window import Window

THRESHOLD = -10.0  # mV


def peaks(voltage: Float[Array, " num_samples"]) -> Bool[Array, " num_samples-2"]:
    """Whether sample i, itself above threshold, comes just before a local maximum at i + 1.

    The published rule clips the trace at the threshold, sets its falling samples to the threshold too, and
    lists where the result falls; written out, that is V_i > threshold, V_i <= V_{i+1} > V_{i+2}.

    Args:
        voltage: mV.
    """
    return _is_peak(voltage[:-2], voltage[1:-1], voltage[2:])


def count_spikes(voltage: Float[Array, " num_samples"], *, window: Window, refractory: int) -> Int[Array, ""]:
    """Number of peaks listed in the window, without those that follow the one before too closely.

    A peak that is not counted stays listed: it still hides the next one.

    Args:
        voltage: mV.
        window: samples in which peaks are listed.
        refractory: a peak at most this many samples after the listed one before is not counted.
    """
    index = jnp.arange(len(voltage) - 2)
    is_listed = peaks(voltage) & window.contains(index)
    latest = jax.lax.cummax(jnp.where(is_listed, index, -refractory - 1))
    previous = jnp.concatenate([jnp.full(1, -refractory - 1, latest.dtype), latest[:-1]])
    return (is_listed & (index - previous > refractory)).sum()


class SpikeCounter(NamedTuple):
    """What must be remembered from one sample to the next.

    Attributes:
        before, top: the last two samples, mV.
        last_listed: index of the last listed peak.
        count: spikes so far.
    """

    before: Float[Array, ""]
    top: Float[Array, ""]
    last_listed: Int[Array, ""]
    count: Int[Array, ""]


def no_spikes(dtype: DTypeLike, *, refractory: int) -> SpikeCounter:
    """The counter before the first sample."""
    quiet = jnp.array(THRESHOLD, dtype)
    return SpikeCounter(quiet, quiet, jnp.array(-refractory - 1), jnp.array(0))


def add_block(
    counter: SpikeCounter,
    first: Int[Array, ""],
    block: Float[Array, " block_length"],
    *,
    window: Window,
    refractory: int,
) -> SpikeCounter:
    """The counter after one more block, as ``count_spikes`` would count.

    Args:
        counter: so far.
        first: index of the block's first sample.
        block: mV.
        window: as in ``count_spikes``; it must end two samples before the series does.
        refractory: as in ``count_spikes``.
    """

    def add_sample(c: SpikeCounter, sample: tuple[Array, Array]) -> tuple[SpikeCounter, None]:
        voltage, index = sample
        is_listed = _is_peak(c.before, c.top, voltage) & window.contains(index)
        is_spike = is_listed & (index - c.last_listed > refractory)
        listed = jnp.where(is_listed, index, c.last_listed)
        return SpikeCounter(c.top, voltage, listed, c.count + is_spike), None

    return jax.lax.scan(add_sample, counter, (block, first - 2 + jnp.arange(len(block))))[0]


def _is_peak(before: Array, top: Array, after: Array) -> Array:
    return (before > THRESHOLD) & (top >= before) & (after < top)
