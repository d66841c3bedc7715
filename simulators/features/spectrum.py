"""Power spectrum of a series, averaged over segments."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SEGMENT = 65  # samples
HOP = 32  # samples from one segment to the next
NUM_BINS = SEGMENT // 2 + 1


def frequencies(sampling_rate: float) -> Float[np.ndarray, "33"]:
    """Frequencies of the bins of ``log_power``, in the unit of the sampling rate; 1.97 Hz apart at 128 Hz."""
    return np.arange(NUM_BINS) * (sampling_rate / SEGMENT)


def log_power(series: Float[Array | np.ndarray, " num_samples"]) -> Float[Array, "33"]:
    """log10 of the mean over segments of |DFT|^2, in the squared unit of the series; NaN where it is zero.

    The mean of the series is subtracted; segments of 65 samples begin every 32, are not tapered, detrended or
    scaled, and what is left at the end is not used. Made for 8 s at 128 Hz, simulated or recorded: 30
    segments (the public code of Rodrigues et al. 2021, NeurIPS).

    Raises:
        ValueError: the series is shorter than a segment.
    """
    series = jnp.asarray(series)
    if len(series) < SEGMENT:
        raise ValueError(f"A power spectrum takes at least {SEGMENT} samples; got {len(series)}.")
    first = np.arange(0, len(series) - SEGMENT + 1, HOP)
    segments = (series - series.mean())[first[:, None] + np.arange(SEGMENT)]
    amplitude = jnp.fft.rfft(segments)
    power = (amplitude.real**2 + amplitude.imag**2).mean(axis=0)
    return jnp.log10(jnp.where(power > 0, power, jnp.nan))
