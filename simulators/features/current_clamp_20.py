"""The twenty features of a current-clamp recording used in Lueckmann et al. 2017 (NeurIPS).

Spike count; autocorrelation during the stimulus at lags of 0.1, 0.2, ..., 1.0 ms (the series less its mean,
padded with zeros, over its value at lag zero); mean at rest; mean during the stimulus, and its central
moments of order 2 to 8, not standardised. They differ by fourteen orders of magnitude: scale them before use.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from simulators.features import high_moments, moments, spikes
from simulators.features.current_clamp import Timing
from simulators.features.moments import Moments
from simulators.features.spikes import SpikeCounter

LAGS = tuple(round(0.1 * i, 1) for i in range(1, 11))  # ms
ORDERS = tuple(range(2, high_moments.ORDER + 1))
UNITS = {
    "spike_count": "",
    **{f"autocorrelation_{lag}ms": "" for lag in LAGS},
    "rest_mean": "mV",
    "stim_mean": "mV",
    **{f"stim_moment_{order}": f"mV{order}" for order in ORDERS},
}
LABELS = {
    "spike_count": "spikes",
    **{f"autocorrelation_{lag}ms": f"autocorrelation, {lag} ms" for lag in LAGS},
    "rest_mean": "resting mean",
    "stim_mean": "mean",
    **{f"stim_moment_{order}": f"moment {order}" for order in ORDERS},
}


def features(voltage: Float[Array, " num_samples"], timing: Timing) -> dict[str, Float[Array, ""]]:
    """The twenty features of a whole voltage trace in mV; NaN where undefined."""
    count = spikes.count_spikes(voltage, window=timing.spikes, refractory=timing.refractory)
    rest = moments.central_moments(voltage[timing.rest.start : timing.rest.stop])
    stimulus = high_moments.of_series(voltage[timing.stimulus.start : timing.stimulus.stop], _lags(timing))
    return _named(count, rest, stimulus)


class Running(NamedTuple):
    """What is known of the features after some blocks of samples."""

    spikes: SpikeCounter
    rest: Moments
    stimulus: high_moments.Running


def start(timing: Timing, dtype: DTypeLike) -> Running:
    """Before the first block."""
    return Running(
        spikes.no_spikes(dtype, refractory=timing.refractory),
        moments.no_moments(dtype),
        high_moments.start(_lags(timing), dtype),
    )


def add_block(
    running: Running, first: Int[Array, ""], block: Float[Array, " block_length"], timing: Timing
) -> Running:
    """After one more block of the trace, whose first sample has index ``first``."""
    return Running(
        spikes.add_block(running.spikes, first, block, window=timing.spikes, refractory=timing.refractory),
        moments.add_block(running.rest, first, block, window=timing.rest),
        high_moments.add_block(running.stimulus, first, block, window=timing.stimulus, lags=_lags(timing)),
    )


def finish(running: Running) -> dict[str, Float[Array, ""]]:
    """The twenty features after the last block; as ``features`` of the whole trace, up to rounding."""
    return _named(running.spikes.count, running.rest, running.stimulus)


def _lags(timing: Timing) -> tuple[int, ...]:
    return tuple(round(lag / timing.dt) for lag in LAGS)


def _named(
    count: Int[Array, ""], rest: Moments, stimulus: high_moments.Running
) -> dict[str, Float[Array, ""]]:
    values = (
        count.astype(rest.mean.dtype),
        *stimulus.autocorrelation,
        rest.mean,
        stimulus.mean,
        *stimulus.moments[2:],
    )
    is_finite = jnp.isfinite(rest.mean + stimulus.mean)
    return {name: jnp.where(is_finite, value, jnp.inf) for name, value in zip(UNITS, values, strict=True)}
