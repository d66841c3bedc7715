"""One channel of an EEG file: FIF, EDF, BDF and BrainVision through MNE, CSV without it."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from simulators.recordings.eeg import MICROVOLTS
from simulators.recordings.eeg_conditions import Mark
from simulators.recordings.read import FOREIGN, HDF5, first_bytes
from simulators.recordings.units import RecordingError

FORMATS: Final = "an EEG as FIF (.fif), EDF (.edf, .bdf), BrainVision (.vhdr) or CSV (.csv) is needed"
MAGIC: Final = {
    b"\x00\x00\x00\x64\x00\x00\x00\x1f\x00\x00\x00\x14": "fif",
    b"0       ": "edf",
    b"\xffBIOSEMI": "bdf",
    b"Brain Vision Data Exchange Header": "brainvision",
    b"BrainVision Data Exchange Header": "brainvision",
}
MARKER_FILE: Final = (b"Brain Vision Data Exchange Marker", b"BrainVision Data Exchange Marker")
USUAL: Final = "oz"  # where the alpha rhythm is strong


@dataclass(frozen=True, eq=False)
class EegFile:
    """What a file has of one channel.

    Attributes:
        samples: in uV; one row where the file is continuous, else one for each of its epochs.
        rate: samples per second.
        channel: the channel's name.
        channels: names of all EEG channels.
        marks: of a continuous file, in the order of time.
        names: of the epochs, as the file calls them; None for a continuous file.
    """

    samples: Float[np.ndarray, "rows time"]
    rate: float
    channel: str
    channels: tuple[str, ...]
    marks: tuple[Mark, ...] = ()
    names: tuple[str, ...] | None = None


def eeg_kind(path: Path, *, max_bytes: int) -> str:
    """What a file is by its content: "fif", "edf", "bdf", "brainvision" or "csv".

    Raises:
        RecordingError: it is missing, empty, too large or something else.
    """
    head = first_bytes(path, max_bytes=max_bytes, formats=FORMATS)
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    if found:
        return found
    if head.startswith(MARKER_FILE) or path.suffix.lower() in (".vmrk", ".eeg"):
        raise RecordingError("this belongs to a BrainVision recording; give its header, the file .vhdr.")
    foreign = next((what for magic, what in FOREIGN.items() if head.startswith(magic)), None)
    if head.startswith(HDF5):
        foreign = "an HDF5, netCDF-4 or NWB file"
    if foreign or b"\x00" in head:
        raise RecordingError(f"the file is {foreign or 'of an unknown binary format'}, but {FORMATS}.")
    return "csv"


def parts_of(path: Path) -> tuple[Path, ...]:
    """The file itself, and the data and marker files that a BrainVision header names.

    Raises:
        RecordingError: the header names files in other folders.
    """
    if path.suffix.lower() != ".vhdr" or not path.is_file():
        return (path,)
    header = path.read_text(encoding="utf-8", errors="replace")
    named = re.findall(r"^\s*(?:DataFile|MarkerFile)\s*=\s*(.+?)\s*$", header, flags=re.MULTILINE)
    elsewhere = next((name for name in named if "/" in name or "\\" in name), None)
    if elsewhere is not None:  # a header must not make a server open any file
        raise RecordingError(f"the header names '{elsewhere}'; only names of files beside it are allowed.")
    return (path, *(path.parent / name.replace("$b", path.stem) for name in named))


def read_with_mne(path: Path, kind: str, channel: str, unit: str) -> EegFile:
    """One channel of a FIF, EDF, BDF or BrainVision file.

    Args:
        path: the file.
        kind: as ``eeg_kind`` tells it.
        channel: by name; "": the usual one.
        unit: what the file's own numbers are; "": as it says.

    Raises:
        RecordingError: MNE is not installed, or the file has no such channel.
    """
    with _quiet_mne() as mne:
        instance = _opened(mne, path, kind)
        channels = [instance.ch_names[at] for at in mne.pick_types(instance.info, meg=False, eeg=True)]
        chosen = choose_channel(channels, channel)
        volts = np.atleast_2d(np.squeeze(instance.get_data(picks=[chosen]), axis=-2))
        samples = volts * 1e6
        if unit:
            own = _unit_of(getattr(instance, "_orig_units", {}).get(chosen, "V"))
            samples = volts * (1e6 / MICROVOLTS[own]) * MICROVOLTS[unit]
        rate = float(instance.info["sfreq"])
        if isinstance(instance, mne.BaseEpochs):
            called = {code: name for name, code in instance.event_id.items()}
            names = tuple(called[code] for code in instance.events[:, 2])
            return EegFile(samples, rate, chosen, tuple(channels), names=names)
        return EegFile(samples, rate, chosen, tuple(channels), _marks(mne, instance, rate))


def choose_channel(channels: Sequence[str], wanted: str) -> str:
    """The channel of that name, whatever its case and reference; "" wants Oz, or the only one.

    Raises:
        RecordingError: there is none, or it must be said which.
    """
    if not channels:
        raise RecordingError("the file has no EEG channel, but one is needed.")
    by_electrode = {_electrode(name): name for name in reversed(channels)}
    if not wanted and len(channels) > 1 and USUAL not in by_electrode:
        raise RecordingError(f"there is no Oz among the channels {listed(channels)}; choose one of them.")
    found = wanted if wanted in channels else by_electrode.get(_electrode(wanted) if wanted else USUAL)
    if found is None and not wanted:
        return channels[0]
    if found is None:
        near = difflib.get_close_matches(wanted, channels, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise RecordingError(f"there is no channel '{wanted}'; the file has {listed(channels)}.{hint}")
    return found


def pulses(values: np.ndarray, rate: float, name: str = "") -> Iterator[Mark]:
    """The marks in a channel of triggers: where its value becomes another one than 0 or "".

    Args:
        values: numbers or words, one for each sample.
        rate: samples per second.
        name: of all marks; "": they are called by their value.
    """
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    for start, stop in zip([0, *changes], [*changes, len(values)], strict=True):
        value = values[start]
        if not value or value != value:  # NaN
            continue
        called = name or (f"{value:g}" if isinstance(value, float | np.number) else str(value))
        yield Mark(float(start / rate), float((stop - start) / rate), called)


def listed(names: Sequence[str], most: int = 24) -> str:
    """Names in a sentence, of many only the first."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@contextmanager
def _quiet_mne() -> Iterator[Any]:
    """MNE while it reads: what it warns of (how a file is called, odd headers) is of no use to people.

    Raises:
        RecordingError: MNE is not installed.
    """
    try:
        import mne
    except ImportError:
        raise RecordingError(
            "the package mne that reads this format is not installed; install it with: "
            "pip install 'posterior-lab[eeg]'"
        ) from None
    with warnings.catch_warnings(), mne.utils.use_log_level("ERROR"):
        warnings.simplefilter("ignore")
        yield mne


def _opened(mne: Any, path: Path, kind: str) -> Any:
    if kind == "brainvision":
        missing = [part.name for part in parts_of(path) if not part.is_file()]
        if missing:
            raise RecordingError(
                f"the header names {' and '.join(missing)}, which must lie beside it; put (or upload) all "
                "files of the recording together."
            )
        return mne.io.read_raw_brainvision(path)
    if kind == "edf":
        return mne.io.read_raw_edf(path)
    if kind == "bdf":
        return mne.io.read_raw_bdf(path)
    try:
        return mne.io.read_raw_fif(path, allow_maxshield=True)
    except ValueError:  # no raw data in it
        return mne.read_epochs(path)


def _marks(mne: Any, raw: Any, rate: float) -> tuple[Mark, ...]:
    """Annotations (and markers, which MNE makes annotations of) and the pulses of trigger channels."""
    annotations = raw.annotations
    marks = [
        Mark(float(onset - raw.first_time), float(duration), str(name))
        for onset, duration, name in zip(
            annotations.onset, annotations.duration, annotations.description, strict=True
        )
    ]
    for at in mne.pick_types(raw.info, meg=False, stim=True):
        marks += pulses(raw.get_data(picks=[at])[0], rate)
    return tuple(sorted(marks, key=lambda mark: mark.start))


def _electrode(name: str) -> str:
    """The place on the head: "EEG Oz-REF" and "Oz.." are Oz."""
    return re.sub(r"^eeg[ _]*|[-_ ](ref|le|re|ar|avg|a1|a2|m1|m2|a1a2|m1m2)$|\.+$", "", name.strip().lower())


def _unit_of(unit: str) -> str:
    spelled = unit.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    return spelled if spelled in MICROVOLTS else "V"
