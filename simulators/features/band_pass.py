"""Zero-phase band-pass of a series, the same for a recording and for what a model makes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Band = tuple[float | None, float | None]  # lowest and highest frequency that pass, Hz; None: no limit
WIDTH = 3.3  # of a Hamming window's transition, in units of sampling rate / taps
NARROWEST = 2.0  # Hz: a transition


def taps(band: Band, sampling_rate: float) -> Float[np.ndarray, " taps"]:
    """Symmetric impulse response of an odd number of samples: a difference of windowed sincs.

    It passes the band as it is. The transition outside of it is a quarter of the limit wide, but at least
    2 Hz and at most what there is: for 3 to 40 Hz from 1 to 3 and from 40 to 50 Hz.

    Args:
        band: in Hz.
        sampling_rate: in Hz.

    Raises:
        ValueError: the limits are not in order, or not between 0 and half the sampling rate.
    """
    check_band(band, sampling_rate)
    (low, high), nyquist = band, sampling_rate / 2
    rise = nyquist if low is None else min(max(low / 4, NARROWEST), low)
    fall = nyquist if high is None else min(max(high / 4, NARROWEST), nyquist - high)
    half = int(np.ceil(WIDTH * sampling_rate / min(rise, fall) / 2))
    passed = _low_pass(1.0 if high is None else (high + fall / 2) / nyquist, half)
    return passed if low is None else passed - _low_pass((low - rise / 2) / nyquist, half)


def check_band(band: Band, sampling_rate: float) -> None:
    """Raise ValueError, in one sentence, unless the limits of a band are usable."""
    low, high = band
    given = [0.0, *(limit for limit in band if limit is not None), sampling_rate / 2]
    if any(one >= other for one, other in zip(given, given[1:], strict=False)):
        raise ValueError(
            f"the band-pass from {low} to {high} Hz is not usable; the limits must be in order and lie "
            f"between 0 and {sampling_rate / 2:g} Hz."
        )


def band_pass(
    series: Float[Array | np.ndarray, " num_samples"], band: Band, sampling_rate: float
) -> Float[Array, " num_samples"]:
    """The series within a band of frequencies, without a shift in time.

    Beyond its ends the series is thought to go on as its own mirror image through its end points.

    Args:
        series: longer than half the filter, which has 211 samples for 3 to 40 Hz at 128 Hz.
        band: in Hz; (None, None) changes nothing.
        sampling_rate: in Hz.

    Raises:
        ValueError: the band is not usable, or the series is too short.
    """
    series = jnp.asarray(series)
    if band == (None, None):
        return series
    response = taps(band, sampling_rate)
    half, num = len(response) // 2, len(series)
    if num <= half:
        raise ValueError(f"A band-pass of {band} Hz takes more than {half} samples; got {num}.")
    longer = jnp.pad(series, half, mode="reflect", reflect_type="odd")
    size = -(-(num + 4 * half) // 256) * 256  # quick to transform, and no wrapping around
    product = jnp.fft.rfft(longer, size) * np.fft.rfft(response, size).astype(np.complex64)
    return jnp.fft.irfft(product, size)[2 * half : 2 * half + num].astype(series.dtype)


def _low_pass(edge: float, half: int) -> Float[np.ndarray, " taps"]:
    """Taps that pass what lies below an edge, given as a share of half the sampling rate."""
    at = np.arange(-half, half + 1)
    response = np.sinc(edge * at) * np.hamming(2 * half + 1)
    return response / response.sum()
