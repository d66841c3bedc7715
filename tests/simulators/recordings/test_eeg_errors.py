"""Every EEG file that cannot be used gives one sentence that names it and says what to do."""

import sys

import numpy as np
import pytest

from simulators.recordings import EEG, EegOptions, RecordingError, find_recordings, parts_of, read_eeg
from tests.simulators.recordings import eeg_writers as writers


def message(path, **options):
    with pytest.raises(RecordingError) as raised:
        read_eeg(path, options=EegOptions(**options))
    text = str(raised.value)
    assert text.startswith(f"{path.name}: ")
    assert "\n" not in text
    return text


@pytest.fixture(scope="module")
def samples():
    return writers.alpha_waves()


# What the bytes of the file are, what it is called, and what the message must say.
NO_EEG = {
    "empty": (b"", "a.fif", "is empty"),
    "pdf": (b"%PDF-1.7", "a.edf", "a PDF document, but an EEG as FIF"),
    "matlab": (b"MATLAB 5.0 MAT-file", "a.mat", "a MATLAB file; export it as CSV"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "a.nwb", "an HDF5, netCDF-4 or NWB file"),
    "binary": (bytes(range(256)), "a.fif", "unknown binary format"),
    "cut off": (b"\x00\x00\x00\x64\x00\x00\x00\x1f\x00\x00\x00\x14" + bytes(30), "a_raw.fif", "damaged"),
    "cut off edf": (b"0       " + b" " * 100, "a.edf", "damaged"),
    "marker file": (b"Brain Vision Data Exchange Marker File", "a.vmrk", "give its header, the file .vhdr"),
    "data file": (b"\x00\x01", "a.eeg", "give its header, the file .vhdr"),
    "no header": (b"# nothing\n", "a.csv", "such as 'time [s], Oz [uV], closed, open'"),
    "no separator": (b"time\n1\n", "a.csv", "comma, semicolon or tab"),
    "no time": (b"Oz [uV], closed\n1,2\n", "a.csv", "has no time, but"),
    "no channel": (b"time [s], closed\n1,2\n", "a.csv", "has no channel, but"),
    "twice": (b"time [s],Oz [uV],Oz [uV]\n", "a.csv", "names the channel Oz twice"),
    "no unit": (b"time [s],Oz\n0,1\n1,2\n", "a.csv", "the Oz has no unit; give one of uV, mV, V"),
    "other unit": (b"time [s],Oz [pA]\n0,1\n1,2\n", "a.csv", "unit of the Oz is 'pA', but one of uV, mV, V"),
    "words": (b"time [s],Oz [uV]\n0,1\n1,high\n", "a.csv", "the Oz in line 3 is 'high'"),
    "backwards": (b"time [s],Oz [uV]\n1,1\n0,2\n", "a.csv", "numbers that increase"),
    "gap": (b"time [s],Oz [uV]\n0,1\n1,2\n2,1\n5,2\n", "a.csv", "not uniform"),
    "uneven epochs": (b"time [s],epoch,Oz [uV]\n0,0,1\n1,0,2\n0,1,1\n", "a.csv", "differ in length (1 to 2"),
    "slow": (b"time [s],Oz [uV]\n" + b"".join(b"%g,1\n" % (k / 100) for k in range(900)), "a.csv",
             "sampled at 100 Hz, but at least 128 Hz are needed"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_EEG)
def test_not_an_eeg(tmp_path, case):
    content, name, words = NO_EEG[case]
    (tmp_path / name).write_bytes(content)
    assert words in message(tmp_path / name)


def test_missing_and_large_files(tmp_path):
    assert "no such file" in message(tmp_path / "a.fif")
    (tmp_path / "a.csv").write_bytes(b"x" * 2000)
    with pytest.raises(RecordingError, match="0.002 MB, but 0.001 MB are allowed"):
        read_eeg(tmp_path / "a.csv", max_bytes=1000)


@pytest.fixture
def table(samples, tmp_path):
    """table(rate=..., samples=..., ...) -> path of a CSV file."""

    def write(rate=writers.RATE, values=samples, **settings):
        return writers.write_table(tmp_path / "a.csv", values, rate, **settings)

    return write


def test_a_wrong_unit_is_noticed_and_can_be_mended(samples, table, tmp_path):
    volts = table(header="time [s],Oz [V],Fp1 [V],closed,open")
    told = message(volts)
    assert "uV (sd within a second), but an EEG has 0.1 to 1000 uV" in told
    assert (
        "microvolts that are called volts or millivolts; say what its numbers are with the option unit"
        in told
    )
    good = read_eeg(volts, options=EegOptions(unit="uV")).epochs
    told = message(table(values=samples * 1e-6))
    assert "volts or millivolts that are called microvolts" in told
    assert np.allclose(
        read_eeg(table(values=samples * 1e-3), options=EegOptions(unit="mV")).epochs, good, atol=0.1
    )
    # A FIF file is in volts by definition, but some are made of microvolts; an EDF file tells its unit.
    fif = writers.write_fif(tmp_path / "a_raw.fif", samples * 1e6)
    assert "called volts" in message(fif)
    assert np.allclose(read_eeg(fif, options=EegOptions(unit="uV")).epochs, good, atol=0.1)
    edf = writers.write_edf(tmp_path / "a.edf", samples, unit="mV")
    assert "called volts or millivolts" in message(edf)
    assert np.allclose(read_eeg(edf, options=EegOptions(unit="uV")).epochs, good, atol=0.2)


def test_channels(table, tmp_path):
    assert "no channel 'Fpz'; the file has Oz, Fp1. Did you mean Fp1?" in message(table(), channel="Fpz")
    others = table(header="time [s],Cz [uV],Fp1 [uV],closed,open")
    assert "there is no Oz among the channels Cz, Fp1; choose one of them" in message(others)
    flat = np.zeros((2, 40 * writers.RATE))
    assert "Oz is flat; choose another channel" in message(table(values=flat))
    flat[0, 5:8] = np.nan
    assert "Oz is NaN or infinite" in message(table(values=flat))
    assert parts_of(tmp_path / "a.csv") == (tmp_path / "a.csv",)


def test_too_short(samples, table, tmp_path):
    plain = {"marks": False, "header": "time [s],Oz [uV],Fp1 [uV]"}
    assert "lasts 4 s, but 8 s are needed" in message(table(values=samples[:, : 4 * writers.RATE], **plain))
    short = tmp_path / "b.csv"
    lines = ["time [s],Oz [uV],condition"]
    lines += [f"{k / 128},{np.sin(k)},{'open' if k % 1280 < 640 else 'closed'}" for k in range(2560)]
    short.write_text("\n".join(lines))
    told = message(short)
    assert "the longest condition lasts 5 s, but 8 s in one piece are needed" in told
    assert "4 marks (open 2, closed 2)" in told
    lines = ["time [s],epoch,Oz [uV]", *(f"{k % 256 / 128},{k // 256},{np.sin(k)}" for k in range(512))]
    short.write_text("\n".join(lines))
    assert "its epochs last 2 s, but 8 s are needed; bring a longer recording or longer epochs" in message(
        short
    )


def test_wrong_options(table):
    path = table()
    assert "from 40.0 to 3.0 Hz is not usable" in message(path, low=40.0, high=3.0)
    assert "between 0 and 64 Hz" in message(path, high=80.0)
    assert "is written '1 = closed'; got 'closed'" in message(path, markers=("closed",))
    with pytest.raises(RecordingError, match=r"a\.csv: there are 4 epochs; choose one of 0 to 3"):
        EEG.read(path)
    with pytest.raises(RecordingError, match=r"a\.csv: there is no epoch 9; the file has 0 to 3"):
        EEG.read(path, sweep=9)


def test_a_brainvision_recording_has_three_files(samples, tmp_path):
    path = writers.write_brainvision(tmp_path / "a.vhdr", samples)
    assert [part.name for part in parts_of(path)] == ["a.vhdr", "a.eeg", "a.vmrk"]
    (tmp_path / "a.eeg").unlink()
    assert "the header names a.eeg, which must lie beside it" in message(path)
    path = writers.write_brainvision(tmp_path / "a.vhdr", samples, data_file="../secret.eeg")
    assert "names '../secret.eeg'; only names of files beside it" in message(path)


def test_mne_may_be_missing(samples, tmp_path, monkeypatch):
    path, table = tmp_path / "a.edf", tmp_path / "a.csv"
    writers.write_edf(path, samples)
    writers.write_table(table, samples)
    monkeypatch.setitem(sys.modules, "mne", None)
    assert "install it with: pip install 'posterior-lab[eeg]'" in message(path)
    assert len(read_eeg(table)) == 4  # which needs none


def test_only_eeg_is_offered(samples, tmp_path):
    eeg = writers.write_edf(tmp_path / "a.edf", samples)
    table = writers.write_table(tmp_path / "b.csv", samples)
    (tmp_path / "cells.csv").write_text("time [ms], AB/PD [mV], LP [mV], PY [mV]\n0,-50,-60,-55\n")
    (tmp_path / "cell.csv").write_text("time [ms], voltage [mV], current [pA]\n0,-70,0\n")
    (tmp_path / "rows.csv").write_text("x, label\n0.2, a\n")
    assert find_recordings([tmp_path], look=EEG.describe) == [eeg, table]
