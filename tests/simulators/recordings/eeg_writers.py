"""Writers of EEG files: FIF by MNE, the small binary formats by hand, which needs no further package."""

import numpy as np

RATE = 256  # Hz
BLOCK = 10  # s
CONDITIONS = ("closed", "open", "closed", "open")


def alpha_waves(rate=RATE, *, blocks=CONDITIONS, seconds=BLOCK):
    """uV, shape (2, T): Oz with 10 Hz waves, 40 uV high while eyes are closed and 4 uV while open; and Fp1.

    Both lie on an offset of 5000 uV, as without a filter.
    """
    time = np.arange(rate * seconds * len(blocks)) / rate
    height = np.repeat([40.0 if block == "closed" else 4.0 for block in blocks], rate * seconds)
    noise = np.random.default_rng(0).normal(0.0, 5.0, (2, len(time)))
    return noise + 5000.0 + np.stack([height * np.sin(2 * np.pi * 10 * time), np.zeros(len(time))])


def starts(blocks=CONDITIONS, seconds=BLOCK):
    """When each condition begins, s."""
    return [seconds * k for k in range(len(blocks))]


def make_raw(samples, rate=RATE, *, annotate=True, stim=False, bad=(), names=("Oz", "Fp1")):
    """An MNE recording of samples (uV) that begins 2 s after its clock does."""
    import mne

    types = ["eeg"] * len(names) + ["stim"] * stim
    rows = [*(samples * 1e-6)]
    if stim:
        pulses = np.zeros(samples.shape[1])
        for start, condition in zip(starts(), CONDITIONS, strict=True):
            pulses[round(start * rate) : round(start * rate) + 4] = 1 + (condition == "open")
        rows.append(pulses)
    info = mne.create_info([*names, *(["STI 001"] * stim)], rate, types)
    raw = mne.io.RawArray(np.stack(rows), info, first_samp=2 * rate, verbose="ERROR")
    if annotate:
        what = [f"eyes {condition}" for condition in CONDITIONS] + ["BAD jump"] * len(bad)
        lasts = [BLOCK] * len(CONDITIONS) + [1] * len(bad)
        raw.set_annotations(mne.Annotations([*starts(), *bad], lasts, what))
    return raw


def write_fif(path, samples, rate=RATE, **settings):
    """A continuous FIF file."""
    make_raw(samples, rate, **settings).save(path, overwrite=True, verbose="ERROR")
    return path


def write_epochs_fif(path, samples, rate=RATE):
    """The blocks as epochs of a FIF file."""
    import mne

    epochs = samples.reshape(2, len(CONDITIONS), -1).swapaxes(0, 1) * 1e-6
    codes = [1 + (condition == "open") for condition in CONDITIONS]
    events = np.stack([np.arange(len(codes)), np.zeros(len(codes), int), codes], axis=1)
    info = mne.create_info(["Oz", "Fp1"], rate, "eeg")
    made = mne.EpochsArray(epochs, info, events, event_id={"closed": 1, "open": 2}, verbose="ERROR")
    made.save(path, overwrite=True, verbose="ERROR")
    return path


def write_edf(path, samples, rate=RATE, *, unit="uV", names=("EEG Oz-REF", "EEG Fp1-REF")):
    """An EDF+ file with annotations: header, then records of a second of 16-bit numbers."""
    low, high = float(samples.min()) - 1, float(samples.max()) + 1
    digital = np.round((samples - low) / (high - low) * 65535 - 32768).astype("<i2")
    num_records, room = samples.shape[1] // rate, 64  # 2-byte numbers for annotations in each record
    signals = [(name, unit, f"{low:.6g}"[:8], f"{high:.6g}"[:8], rate) for name in names]
    signals.append(("EDF Annotations", "", "-1", "1", room))
    columns = (
        (16, [one[0] for one in signals]), (80, [""] * len(signals)), (8, [one[1] for one in signals]),
        (8, [one[2] for one in signals]), (8, [one[3] for one in signals]), (8, ["-32768"] * len(signals)),
        (8, ["32767"] * len(signals)), (80, [""] * len(signals)), (8, [one[4] for one in signals]),
        (32, [""] * len(signals)),
    )  # fmt: skip
    head = [(8, "0"), (80, "X X X X"), (80, "Startdate 01-JAN-2026 X X X"), (8, "01.01.26"), (8, "00.00.00"),
            (8, 256 * (len(signals) + 1)), (44, "EDF+C"), (8, num_records), (8, 1),
            (4, len(signals))]  # fmt: skip
    text = "".join(f"{value!s:<{width}}" for width, value in head)
    text += "".join(f"{value!s:<{width}}" for width, values in columns for value in values)
    with path.open("wb") as file:
        file.write(text.encode("ascii"))
        for record in range(num_records):
            file.write(digital[:, record * rate : (record + 1) * rate].tobytes())
            file.write(_annotations(record).ljust(2 * room, b"\0"))
    return path


def _annotations(record):
    """The time of a record, and what begins within it."""
    told = f"+{record}\x14\x14\0"
    for start, condition in zip(starts(), CONDITIONS, strict=True):
        if start == record:
            told += f"+{start}\x15{BLOCK}\x14eyes {condition}\x14\0"
    return told.encode()


def write_brainvision(path, samples, rate=RATE, *, names=("Oz", "Fp1"), data_file=None):
    """A BrainVision recording: header, markers S 1 (closed) and S 2 (open), and 32-bit numbers in uV."""
    data, marks = path.with_suffix(".eeg"), path.with_suffix(".vmrk")
    data.write_bytes(samples.T.astype("<f4").tobytes())
    lines = ["Brain Vision Data Exchange Marker File, Version 1.0", "[Common Infos]", f"DataFile={data.name}",
             "[Marker Infos]", "Mk1=New Segment,,1,1,0,20260101000000000000"]  # fmt: skip
    for k, (start, condition) in enumerate(zip(starts(), CONDITIONS, strict=True), 2):
        code = 1 + (condition == "open")
        lines.append(f"Mk{k}=Stimulus,S{code:>3},{round(start * rate) + 1},1,0")
    marks.write_text("\n".join(lines) + "\n")
    channels = [f"Ch{k}={name},,1,µV" for k, name in enumerate(names, 1)]
    path.write_text(
        "\n".join(
            ["Brain Vision Data Exchange Header File Version 1.0", "[Common Infos]", "Codepage=UTF-8",
             f"DataFile={data_file or data.name}", f"MarkerFile={marks.name}", "DataFormat=BINARY",
             "DataOrientation=MULTIPLEXED", f"NumberOfChannels={len(names)}",
             f"SamplingInterval={1e6 / rate:g}", "[Binary Infos]", "BinaryFormat=IEEE_FLOAT_32",
             "[Channel Infos]", *channels, ""]
        ), encoding="utf-8",
    )  # fmt: skip
    return path


def write_table(path, samples, rate=RATE, *, header="time [s],Oz [uV],Fp1 [uV],closed,open", marks=True):
    """A CSV file; with 1 in the column of a condition where it begins."""
    time = np.arange(samples.shape[1]) / rate
    columns = [time, *samples]
    if marks:
        for name in ("closed", "open"):
            column = np.zeros(len(time))
            column[
                [round(at * rate) for at, one in zip(starts(), CONDITIONS, strict=True) if one == name]
            ] = 1
            columns.append(column)
    rows = np.stack(columns, axis=1)
    np.savetxt(path, rows, fmt="%.6g", delimiter=",", header=header, comments="")
    return path
