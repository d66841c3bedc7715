"""Power spectrum of a series, averaged over segments or segment by segment."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

SEGMENT = 65  # samples
HOP = 32  # samples from one segment to the next
NUM_BINS = SEGMENT // 2 + 1


def frequencies(sampling_rate: float) -> Float[np.ndarray, " 33"]:
    """Frequencies of the bins of ``log_power``, in the unit of the sampling rate; 1.97 Hz apart at 128 Hz."""
    return np.arange(NUM_BINS) * (sampling_rate / SEGMENT)


def log_power(series: Float[Array | np.ndarray, " num_samples"]) -> Float[Array, " 33"]:
    """log10 of the mean over segments of |DFT|^2, in the squared unit of the series; NaN where it is zero.

    The mean of the series is subtracted; segments of 65 samples begin every 32, are not tapered, detrended or
    scaled, and what is left at the end is not used. Made for 8 s at 128 Hz, simulated or recorded: 30
    segments (the public code of Rodrigues et al. 2021, NeurIPS).

    Raises:
        ValueError: the series is shorter than a segment.
    """
    return _log10(_power(series).mean(axis=0))


def spectrogram(series: Float[Array | np.ndarray, " num_samples"]) -> Float[Array, "num_segments 33"]:
    """log10 of |DFT|^2 of each segment of ``log_power``, in time; NaN where it is zero.

    Raises:
        ValueError: the series is shorter than a segment.
    """
    return _log10(_power(series))


def _power(series: Array | np.ndarray) -> Array:
    """|DFT|^2, one row per segment."""
    series = jnp.asarray(series)
    if len(series) < SEGMENT:
        raise ValueError(f"A power spectrum takes at least {SEGMENT} samples; got {len(series)}.")
    first = np.arange(0, len(series) - SEGMENT + 1, HOP)
    segments = (series - series.mean())[first[:, None] + np.arange(SEGMENT)]
    amplitude = jnp.fft.rfft(segments)
    return amplitude.real**2 + amplitude.imag**2


def _log10(power: Array) -> Array:
    return jnp.log10(jnp.where(power > 0, power, jnp.nan))
