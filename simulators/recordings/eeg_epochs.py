"""read_eeg: an EEG file as epochs of 8 s at 128 Hz, cut by its conditions."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Float

from simulators.features.band_pass import band_pass, check_band
from simulators.recordings.eeg import (
    NUM_SAMPLES,
    SAMPLING_RATE,
    SECONDS,
    EegEpochs,
    EegOptions,
    check_amplitude,
)
from simulators.recordings.eeg_conditions import Stretch, condition_of, counted, is_bad, stretches
from simulators.recordings.eeg_files import EegFile, eeg_kind, read_with_mne
from simulators.recordings.eeg_table import EXAMPLE, parse_eeg_header, read_eeg_table
from simulators.recordings.find import RecordingInfo
from simulators.recordings.read import naming
from simulators.recordings.table import decode, header_position
from simulators.recordings.units import RecordingError

UNIT_HINT: Final = "; say what its numbers are with the option unit"
MAX_BYTES: Final = 500_000_000
ELECTRODE: Final = re.compile(r"(fp|af|ft|fc|cp|tp|po|[fctpoam])(z|\d{1,2})", re.IGNORECASE)  # 10-20 names


def read_eeg(path: str | Path, *, options: EegOptions | None = None, max_bytes: int = MAX_BYTES) -> EegEpochs:
    """All epochs of an EEG file, in microvolts.

    Args:
        path: FIF, EDF, BDF, BrainVision (its header .vhdr) or CSV; its content decides how it is read.
        options: channel, band-pass, and what markers mean.
        max_bytes: larger files are refused.

    Raises:
        RecordingError: one sentence that names the file, what was found and what is needed.
    """
    path, options = Path(path), options or EegOptions()

    def read() -> EegEpochs:
        kind = eeg_kind(path, max_bytes=max_bytes)
        return _read(path, kind, path.stat().st_mtime_ns, options)

    return naming(path, read)


def describe_eeg(path: str | Path) -> RecordingInfo:
    """What the file is, from its beginning alone; of tables only those with an electrode among their columns.

    Raises:
        RecordingError: it is no EEG.
    """
    path = Path(path)

    def look() -> str:
        kind = eeg_kind(path, max_bytes=MAX_BYTES)
        if kind == "csv":
            with path.open("rb") as file:
                lines = decode(file.read(8192)).splitlines()
            header = parse_eeg_header(lines[header_position(lines, EXAMPLE)])
            if not any(ELECTRODE.fullmatch(name) for name in header.channels):
                raise RecordingError("the table has no column that is called like an electrode.")
        return kind

    return RecordingInfo(path, naming(path, look), path.stem, path.stat().st_size, has_sweeps=True)


@lru_cache(maxsize=8)
def _read(path: Path, kind: str, modified: int, options: EegOptions) -> EegEpochs:
    """Kept per state of the file: its epochs are asked for one by one."""
    channel, unit = options.channel or "", "" if options.unit == "as told" else options.unit
    if kind == "csv":
        return cut(read_eeg_table(path, channel, unit), options, path.name)
    return cut(read_with_mne(path, kind, channel, unit), options, path.name)


def cut(file: EegFile, options: EegOptions, name: str = "") -> EegEpochs:
    """The epochs of what was read.

    Args:
        file: one channel.
        options: band-pass and the meaning of markers.
        name: of the file.

    Raises:
        RecordingError: a sampling rate below 128 Hz, nothing that lasts 8 s, or a wrong unit or option.
    """
    if file.rate < SAMPLING_RATE:
        raise RecordingError(
            f"it was sampled at {file.rate:.4g} Hz, but at least {SAMPLING_RATE:g} Hz are needed."
        )
    try:
        check_band(options.band, SAMPLING_RATE)
    except ValueError as error:
        raise RecordingError(str(error)) from None
    seconds = file.samples.shape[1] / file.rate
    if seconds < SECONDS:
        what = "it lasts" if file.names is None else "its epochs last"
        raise RecordingError(
            f"{what} {seconds:.3g} s, but {SECONDS} s are needed; bring a longer recording or longer epochs."
        )
    series = resampled(file.samples, file.rate)
    check_amplitude(series, file.channel, UNIT_HINT)
    series = np.stack([np.asarray(band_pass(row, options.band, SAMPLING_RATE)) for row in series])
    found = _back_to_back(file, series[0], options) if file.names is None else _centred(file, series, options)
    low, high = options.band
    passed = "no filter" if options.band == (None, None) else f"{low or 0:g} to {high or 64:g} Hz"
    told = (
        f"{file.channel}, one of {len(file.channels)} channels, {file.rate:.4g} Hz, {found.told}: "
        f"{len(found.labels)} epochs of {SECONDS} s ({counted(found.labels)}), {passed}."
    )
    attrs = {
        "file": name,
        "number": tuple(range(len(found.labels))),
        "start": found.starts,
        "band": options.band,
        "channels": file.channels,
        "found": told,
    }
    return EegEpochs(found.epochs, found.labels, file.channel, "uV", attrs)


class _Cut(NamedTuple):
    """Epochs, their conditions, where they begin (s; None where the file has cut them), and words."""

    epochs: np.ndarray
    labels: tuple[str, ...]
    starts: tuple[float | None, ...]
    told: str


def resampled(samples: Float[np.ndarray, "rows time"], rate: float) -> Float[np.ndarray, "rows fewer"]:
    """The same at 128 samples per second, in single precision and without its mean; nothing is aliased."""
    from scipy.signal import resample_poly  # here: it takes long to import

    ratio = Fraction(SAMPLING_RATE / rate).limit_denominator(1000)
    centred = samples - np.nan_to_num(samples).mean(axis=1, keepdims=True)
    if ratio != 1:
        centred = resample_poly(centred, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    return centred.astype(np.float32)


def _centred(file: EegFile, series: np.ndarray, options: EegOptions) -> _Cut:
    """Of epochs that the file has cut the middle 8 s."""
    first = (series.shape[1] - NUM_SAMPLES) // 2
    meanings = options.meanings()
    labels = tuple(condition_of(called, meanings) or called for called in file.names or ())
    told = f"{len(labels)} epochs of the file"
    return _Cut(series[:, first : first + NUM_SAMPLES], labels, (None,) * len(labels), told)


def _back_to_back(file: EegFile, series: np.ndarray, options: EegOptions) -> _Cut:
    """As many epochs as fit into each condition, in its middle."""
    lasts = len(series) / SAMPLING_RATE
    found = stretches(file.marks, lasts, options.meanings(), options.condition_seconds)
    places = [(start, one.condition) for one in found for start in _starts(one)]
    good = [place for place in places if not is_bad(file.marks, place[0], place[0] + SECONDS)]
    told = f"{len(file.marks)} marks ({counted([mark.name for mark in file.marks])})"
    if not good:
        why = f"the longest condition lasts {max(one.stop - one.start for one in found):.3g} s"
        if places:
            why = "all of it is marked as bad"
        raise RecordingError(f"{why}, but {SECONDS} s in one piece are needed; it has {told}.")
    at = [min(round(start * SAMPLING_RATE), len(series) - NUM_SAMPLES) for start, _ in good]
    epochs = np.stack([series[first : first + NUM_SAMPLES] for first in at])
    told = f"{lasts:.4g} s with {told if file.marks else 'no marks'}"
    if len(good) < len(places):
        told += f", {len(places) - len(good)} epochs marked as bad left out"
    return _Cut(epochs, tuple(one for _, one in good), tuple(round(start, 3) for start, _ in good), told)


def _starts(stretch: Stretch) -> list[float]:
    """Where the epochs of a stretch begin, s."""
    length = stretch.stop - stretch.start
    number = math.floor(length / SECONDS + 1e-6)
    first = stretch.start + (length - number * SECONDS) / 2
    return [max(first, 0.0) + SECONDS * k for k in range(number)]
