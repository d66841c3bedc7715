"""Every bad file gives one sentence that names the file and says what to do."""

import pickle
import sys

import h5py
import numpy as np
import pytest

from simulators.recordings import (
    Recording,
    RecordingError,
    describe,
    find_recordings,
    list_sweeps,
    read_recording,
    write_recording,
)
from simulators.recordings.checks import check_channels

HEADER = "time [ms],voltage [mV],current [pA]"
SHORT = HEADER.encode() + b"\n"


def message(path, **options):
    with pytest.raises(RecordingError) as raised:
        read_recording(path, **options)
    text = str(raised.value)
    assert text.startswith(f"{path.name}: ")
    assert "\n" not in text
    assert "Traceback" not in text
    return text


# What the bytes of the file are, what it is called, and what the message must say.
NO_RECORDING = {
    "empty": (b"", "a.nc", "is empty"),
    "text as nc": (b"just some words\n", "a.nc", "plain text although it is called '.nc'"),
    "text as nwb": (b"time [ms], voltage [mV], current [pA]\n", "a.nwb", "plain text"),
    "pdf": (b"%PDF-1.7 ...", "a.nc", "a PDF document"),
    "pickle": (pickle.dumps([1.0] * 50), "a.csv", "pickle, which is never opened"),
    "zip": (b"PK\x03\x04" + bytes(50), "a.csv", "zip archive or an Excel"),
    "gzip": (b"\x1f\x8b" + bytes(50), "a.nc", "gzip"),
    "netcdf 3": (b"CDF\x01" + bytes(50), "a.nc", "netCDF-3"),
    "utf-16": ("time [ms]".encode("utf-16"), "a.csv", "UTF-16"),
    "binary": (bytes(range(256)), "a.csv", "unknown binary format"),
    "hdf5 signature only": (b"\x89HDF\r\n\x1a\n" + bytes(200), "a.nc", "damaged or incomplete"),
    "no header": (b"0,-70,0\n0.1,-70,0\n", "a.csv", "no column time or voltage or current"),
    "no separator": (b"time\n1\n", "a.csv", "comma, semicolon or tab"),
    "only comments": (b"# label: x\n", "a.csv", "there is no header"),
    "no unit": (b"time [ms],voltage,current [pA]\n", "a.csv", "voltage has no unit; give one of uV, mV, V"),
    "density": (b"time [ms],voltage [mV],current [uA/cm2]\n", "a.csv", "'uA/cm2', but one of pA"),
    "missing channel": (b"time [ms], voltage [mV]\n0,1\n", "a.csv", "no column current"),
    "twice": (b"time [ms],V [mV],current [pA],Vm [mV]\n", "a.csv", "the voltage twice"),
    "words": (SHORT + b"0,-70,0\n1,low,0\n", "a.csv", "voltage in line 3 is 'low'"),
    "long line": (SHORT + b"0,-70,0,9\n", "a.csv", "more cells than the 3"),
    "longer line": (SHORT + b"0,-70,0\n0,-70,0,9,9,9\n", "a.csv", "cannot be read"),
    "few": (SHORT + b"0,-70,0\n1,-70,0\n", "a.csv", "2 samples, but at least 100"),
    "comment": (b"# aera_cm2: 1\n" + SHORT, "a.csv", "'area_cm2' is probably meant"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_RECORDING)
def test_not_a_recording(tmp_path, case):
    content, name, words = NO_RECORDING[case]
    (tmp_path / name).write_bytes(content)
    assert words in message(tmp_path / name)


def test_missing_file_and_folder(tmp_path):
    assert "no such file" in message(tmp_path / "none.nc")
    assert "this is a folder" in message(tmp_path)


def test_size_limit(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"x" * 2000)
    assert "0.002 MB, but 0.001 MB are allowed" in message(tmp_path / "a.csv", max_bytes=1000)


# What is done to the channels of a good recording, and what the message must say.
def _set(name, index, value):
    def change(channels):
        channels[name][index] = value

    return change


def _scale(name, factor):
    def change(channels):
        channels[name] *= factor

    return change


def _gap(milliseconds):
    def change(channels):
        channels["time"][channels["time"] > 500] += milliseconds

    return change


BAD_CHANNELS = {
    "nan": (_set("voltage", slice(7, 10), np.nan), "NaN or infinite in 3 of 29000 samples (first at index 7"),
    "inf": (_set("current", 5, np.inf), "the current is NaN"),
    "gap": (_gap(3.0), "a step of 3.05 ms at index 10000"),
    "lost sample": (_gap(0.05), "not uniform"),
    "backwards": (_scale("time", -1.0), "must increase"),
    "seconds called ms": (_scale("time", 1e-3), "in steps of 5e-05 ms, which looks like seconds"),
    "ms called seconds": (_scale("time", 1e3), "steps of at most 1 ms"),
    "volts called mV": (_scale("voltage", 1e-3), "looks like volts"),
    "uV called mV": (_scale("voltage", 1e3), "more than 500 mV; its unit is probably wrong"),
    "pA called uA": (_scale("current", 1e6), "current reaches 150 uA"),
    "nA called pA": (_scale("current", 1e-3), "less than 1 pA"),
    "no step": (_scale("current", 0.0), "there is no current step"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CHANNELS)
def test_bad_channels(write_netcdf, window, case):
    change, words = BAD_CHANNELS[case]
    channels = {name: samples.copy() for name, samples in vars(window).items()}
    change(channels)
    assert words in message(write_netcdf(**channels))


BAD_ATTRIBUTES = {
    "one stimulus time": ({"stimulus_onset_ms": 10.0}, "only one of"),
    "stimulus outside": ({"stimulus_onset_ms": 10.0, "stimulus_offset_ms": 9999.0}, "10 and 9999 ms"),
    "area in um2": ({"cell_area_cm2": 18571.0}, "membrane area is 18571 cm2"),
    "area in words": ({"cell_area_cm2": "large"}, "cell_area_cm2 is 'large'"),
    "junction in V": ({"junction_potential_mV": -140.0}, "junction potential is -140 mV"),
    "resistance": ({"membrane_time_constant_s": 0.02, "input_resistance_MOhm": 0.0}, "must be positive"),
}


@pytest.mark.parametrize("case", BAD_ATTRIBUTES)
def test_bad_attributes(write_netcdf, window, case):
    attrs, words = BAD_ATTRIBUTES[case]
    assert words in message(write_netcdf(window.time, window.voltage, window.current, **attrs))


def test_bad_netcdf(write_netcdf, window, tmp_path):
    time, voltage, current = window.time, window.voltage, window.current
    assert "no variable current (found: time, voltage)" in message(write_netcdf(time, voltage, None))
    assert "the voltage has no unit" in message(write_netcdf(time, voltage, current, units=("ms", "", "uA")))
    assert "'furlong'" in message(write_netcdf(time, voltage, current, units=("furlong", "mV", "uA")))
    assert "differ in length" in message(write_netcdf(time, voltage[:-1], current))
    assert "holds sweep 57 only" in message(write_netcdf(time, voltage, current, sweep_number=57), sweep=3)
    with h5py.File(tmp_path / "flat.nc", "w") as file:
        for name, unit in zip(("time", "voltage", "current"), ("ms", "mV", "uA"), strict=True):
            file.create_dataset(name, data=np.zeros((200, 2))).attrs["units"] = unit
    message(tmp_path / "flat.nc")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_files(write_netcdf, write_nwb1, window, sweep, share):
    for path in (write_netcdf(window.time, window.voltage, window.current), write_nwb1(sweep)):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        assert "damaged or incomplete" in message(path, sweep=7 if path.suffix == ".nwb" else None)
        with pytest.raises(RecordingError, match="damaged"):
            list_sweeps(path)


def test_bad_sweeps_of_nwb1(write_nwb1, sweep):
    path = write_nwb1(sweep, numbers=(7, 12))
    assert "no current-clamp sweep 99; it has 7, 12." in message(path, sweep=99)
    assert "no current-clamp sweep 8" in message(path, sweep=8)
    assert "several sweeps (7, 12); choose one" in message(path)
    assert "... (30 in all)" in message(write_nwb1(sweep, numbers=range(20, 50)), sweep=1)
    assert "no current-clamp sweep with both" in message(write_nwb1(sweep, numbers=()))


BROKEN_NWB1 = {
    "no rate": ("del {r}/starting_time", "no data or no sampling rate"),
    "no data": ("del {r}/data", "no data or no sampling rate"),
    "unit": ("unit {r}/data pigs", "the unit of the voltage is 'pigs'"),
    "rates": ("rate {r}/starting_time 1000", "the voltage is sampled at 1000 Hz and the current at 20000 Hz"),
}


@pytest.mark.parametrize("case", BROKEN_NWB1)
def test_broken_nwb1(write_nwb1, sweep, case):
    instruction, words = BROKEN_NWB1[case]
    what, where, *value = instruction.format(r="acquisition/timeseries/Sweep_7").split()

    def change(file):
        if what == "del":
            del file[where]
        else:
            file[where].attrs[what] = float(value[0]) if what == "rate" else value[0]

    assert words in message(write_nwb1(sweep, changes=change), sweep=7)


def test_bad_nwb2(write_nwb2, sweep):
    pytest.importorskip("pynwb")
    path = write_nwb2(sweep, numbers=(4, 5))
    assert "no current-clamp sweep 9; it has 4, 5." in message(path, sweep=9)
    assert "choose one by its number" in message(path)
    assert "several electrodes" in message(write_nwb2(sweep, electrodes=2), sweep=4)
    assert "looks like volts" in message(write_nwb2(sweep, scale=1e-3), sweep=4)


def test_nwb2_without_pynwb(write_nwb2, sweep, monkeypatch):
    pytest.importorskip("pynwb")
    path = write_nwb2(sweep)
    monkeypatch.setitem(sys.modules, "pynwb", None)
    assert "posterior-lab[nwb]" in message(path, sweep=4)


def test_csv_has_no_sweeps(write_csv, window):
    path = write_csv((window.time, window.voltage, window.current * 1e6), HEADER)
    assert "holds one sweep" in message(path, sweep=3)
    assert list_sweeps(path) == []


def test_recording_made_by_hand_is_checked(window):
    with pytest.raises(RecordingError, match="dt is given as 0.1 ms"):
        Recording(window.time, window.voltage, window.current, 0.1, 205.0, 1204.95)
    with pytest.raises(RecordingError, match="one row is needed"):
        check_channels(window.time, window.voltage[:, None], window.current)


def test_find_recordings_leaves_out_other_files(write_csv, write_netcdf, write_nwb1, window, sweep, tmp_path):
    good = [
        write_csv((window.time, window.voltage, window.current * 1e6), HEADER),
        write_netcdf(window.time, window.voltage, window.current, cell_id=3, stimulus_amplitude_pA=150.0),
        write_nwb1(sweep),
    ]
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "other.nc").write_text("no")
    hidden, deep = tmp_path / ".hidden", tmp_path.joinpath(*"abcdef")
    for folder in (hidden, deep):
        folder.mkdir(parents=True)
        (folder / "cell.csv").write_bytes(good[0].read_bytes())
    assert find_recordings([tmp_path, tmp_path / "missing"]) == sorted(good)
    assert find_recordings([tmp_path], max_files=0) == []
    assert [describe(path).has_sweeps for path in good] == [False, False, True]
    assert describe(good[1]).label == "cell 3 (150 pA)"


@pytest.mark.parametrize("start", [b"", b"\x89HDF\r\n\x1a\n", SHORT, b"# a: b\n", b"\x80\x04"])
def test_any_bytes_are_an_error_of_one_sentence(tmp_path, start):
    random = np.random.default_rng(0)
    letters = np.frombuffer(b"0123456789.,-;\n\"'eEnaif ", np.uint8)
    for suffix in (".nc", ".nwb", ".csv", ""):
        for _ in range(20):
            length = int(random.integers(0, 400))
            rest = (
                random.choice(letters, length) if random.random() < 0.5 else random.integers(0, 256, length)
            )
            path = tmp_path / f"fuzz{suffix}"
            path.write_bytes(start + bytes(rest.astype(np.uint8)))
            message(path)


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_damaged_samples(write_netcdf, window, tmp_path, share):
    """Only samples are damaged: libhdf5 itself may loop for ever on a damaged directory."""
    recording = read_recording(write_netcdf(window.time, window.voltage, window.current))
    path = write_recording(recording, tmp_path / "damaged.nc")
    content = bytearray(path.read_bytes())
    start = int(share * len(content))
    content[start : start + 64] = bytes(64)
    path.write_bytes(bytes(content))
    assert "damaged or incomplete" in message(path)
