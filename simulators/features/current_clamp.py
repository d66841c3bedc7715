"""The seven features of a current-clamp recording used in Goncalves et al. 2020 (eLife 9:e56261, figure 4).

Spike count; mean and sd at rest; mean, *variance* (called standard deviation in the paper), skewness and
*non-excess* kurtosis during the stimulus. All moments have 1/n.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor
from typing import NamedTuple

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from simulators.features import moments, spikes
from simulators.features.moments import Moments
from simulators.features.spikes import SpikeCounter
from simulators.features.window import Window

UNITS = {
    "spike_count": "",
    "rest_mean": "mV",
    "rest_sd": "mV",
    "stim_mean": "mV",
    "stim_variance": "mV2",
    "stim_skewness": "",
    "stim_kurtosis": "",
}
LABELS = {
    "spike_count": "spikes",
    "rest_mean": "resting mean",
    "rest_sd": "resting sd",
    "stim_mean": "mean",
    "stim_variance": "variance",
    "stim_skewness": "skewness",
    "stim_kurtosis": "kurtosis",
}
REFRACTORY = 0.5  # ms
ROUNDING = 1e-6  # of a sample: a time that is a whole number of steps must not slip by rounding


@dataclass(frozen=True)
class Timing:
    """When the stimulus was on, as sample indices; sample i is at time i dt.

    Args:
        num_samples: length of the recording.
        dt: ms per sample.
        stimulus_on, stimulus_off: ms.

    Raises:
        ValueError: fewer than ten samples before, or fewer than three during the stimulus.
    """

    num_samples: int
    dt: float
    stimulus_on: float
    stimulus_off: float

    def __post_init__(self) -> None:
        if len(self.rest) < 10 or len(self.stimulus) < 3:
            raise ValueError(
                f"The features need at least 10 samples before the stimulus and 3 during it; got a stimulus "
                f"from {self.stimulus_on:g} to {self.stimulus_off:g} ms in {self.num_samples} samples of "
                f"{self.dt:g} ms."
            )

    @cached_property
    def rest(self) -> Window:
        """Where t < stimulus_on."""
        return Window(0, ceil(self.stimulus_on / self.dt - ROUNDING))

    @cached_property
    def late_rest(self) -> Window:
        """The last tenth before the stimulus."""
        return Window(
            floor(0.9 * self.stimulus_on / self.dt + ROUNDING), floor(self.stimulus_on / self.dt + ROUNDING)
        )

    @cached_property
    def stimulus(self) -> Window:
        """Where stimulus_on < t < stimulus_off."""
        stop = ceil(self.stimulus_off / self.dt - ROUNDING)
        return Window(floor(self.stimulus_on / self.dt + ROUNDING) + 1, min(stop, self.num_samples))

    @cached_property
    def spikes(self) -> Window:
        """Where peaks are listed: in the stimulus, and with two more samples to see the maximum by."""
        return Window(self.stimulus.start, min(self.stimulus.stop, self.num_samples - 2))

    @cached_property
    def refractory(self) -> int:
        """Half a millisecond, in samples."""
        return floor(REFRACTORY / self.dt + ROUNDING)


def features(voltage: Float[Array, " num_samples"], timing: Timing) -> dict[str, Float[Array, ""]]:
    """The seven features of a whole voltage trace in mV; NaN where undefined."""
    rest, late_rest, stimulus = (
        moments.central_moments(voltage[window.start : window.stop])
        for window in (timing.rest, timing.late_rest, timing.stimulus)
    )
    count = spikes.count_spikes(voltage, window=timing.spikes, refractory=timing.refractory)
    return _named(count, rest, late_rest, stimulus)


class Running(NamedTuple):
    """What is known of the features after some blocks of samples."""

    spikes: SpikeCounter
    rest: Moments
    late_rest: Moments
    stimulus: Moments


def start(timing: Timing, dtype: DTypeLike) -> Running:
    """Before the first block."""
    nothing = moments.no_moments(dtype)
    counter = spikes.no_spikes(dtype, refractory=timing.refractory)
    return Running(counter, nothing, nothing, nothing)


def add_block(
    running: Running, first: Int[Array, ""], block: Float[Array, " block_length"], timing: Timing
) -> Running:
    """After one more block of the trace, whose first sample has index ``first``."""
    counter = spikes.add_block(
        running.spikes, first, block, window=timing.spikes, refractory=timing.refractory
    )
    return Running(
        counter,
        moments.add_block(running.rest, first, block, window=timing.rest),
        moments.add_block(running.late_rest, first, block, window=timing.late_rest),
        moments.add_block(running.stimulus, first, block, window=timing.stimulus),
    )


def finish(running: Running) -> dict[str, Float[Array, ""]]:
    """The seven features after the last block; as ``features`` of the whole trace, up to rounding."""
    return _named(running.spikes.count, running.rest, running.late_rest, running.stimulus)


def _named(
    count: Int[Array, ""], rest: Moments, late_rest: Moments, stimulus: Moments
) -> dict[str, Float[Array, ""]]:
    values = (
        count.astype(rest.mean.dtype),
        rest.mean,
        late_rest.sd,
        stimulus.mean,
        stimulus.variance,
        stimulus.skewness,
        stimulus.kurtosis,
    )
    is_finite = jnp.isfinite(rest.mean + stimulus.mean)  # else the membrane potential itself was not
    return {name: jnp.where(is_finite, value, jnp.inf) for name, value in zip(UNITS, values, strict=True)}
