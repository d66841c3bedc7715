"""Several cells in one file: CSV of spikes or of voltages, NWB 2; and what is said about wrong files."""

from datetime import UTC, datetime

import numpy as np
import pytest

from simulators.recordings import RecordingError, SpikeTrains, VoltageTraces, cells_kind, find_recordings

KIND = cells_kind("Bring cells.", {"AB/PD": ("AB/PD", "PD", "pdn"), "LP": ("LP", "lpn"), "PY": ("PY",)})
DT = 0.1  # ms


def write_voltage(path, rows, *, header="time [s];PD [V];LP [V];PY [V]", factor=1e-3):
    time = np.arange(rows.shape[1]) * DT
    np.savetxt(path, factor * np.vstack([time, rows]).T, "%.7f", ";", header=header, comments="")
    return path


def write_nwb2(path, *, series=None, spikes=None, names=("PD", "LP", "PY"), word="cell"):
    """Voltages in mV with their conversion, and a table of units, both in another order than ours."""
    import pynwb

    nwb = pynwb.NWBFile(
        session_description="synthetic", identifier="1", session_start_time=datetime(2026, 1, 1, tzinfo=UTC)
    )
    for name, row in reversed(list(zip(names, series if series is not None else (), strict=False))):
        one = pynwb.TimeSeries(name=f"v_{name}", data=row, unit="volts", conversion=1e-3, rate=1e3 / DT)
        nwb.add_acquisition(one)
    if spikes is not None:
        nwb.add_unit_column(name=word, description="which cell")
        for name, train in reversed(list(zip(names, spikes, strict=False))):
            nwb.add_unit(spike_times=train * 1e-3, **{word: name})
    with pynwb.NWBHDF5IO(path, "w") as file:
        file.write(nwb)
    return path


def assert_trains(cells, trains):
    assert isinstance(cells, SpikeTrains)
    assert cells.names == ("AB/PD", "LP", "PY")
    for found, expected in zip(cells.times, trains, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("AB/PD [s], LP [s], PY [s]", 1e-3),
        ("pdn (ms)\tlpn (ms)\tpy (ms)", 1.0),
        ("trial, PD [us], spikes of LP [us], PY_1 [us]", 1e3),
    ],
)
def test_columns_of_spike_times_are_read(rhythm, write_spikes, header, factor):
    trains = [np.ones(5), *rhythm] if header.startswith("trial") else rhythm
    path = write_spikes(trains, header=header, factor=factor)
    if "\t" in header:
        path.write_text(path.read_text().replace(",", "\t"))
    cells = KIND.read(path)
    assert_trains(cells, rhythm)
    assert cells.label == "cells.csv"
    assert cells.summary == "spikes of 11.9 s"


def test_columns_may_come_in_any_order_and_with_a_label(rhythm, write_spikes):
    path = write_spikes(rhythm[::-1], header="# label: crab 7\nPY [s], LP [s], PD [s]")
    assert_trains(KIND.read(path), rhythm)
    assert KIND.read(path).label == "crab 7"


def test_voltages_are_read(voltage, tmp_path):
    cells = KIND.read(write_voltage(tmp_path / "v.csv", voltage))
    assert isinstance(cells, VoltageTraces)
    assert cells.dt == pytest.approx(DT)
    np.testing.assert_allclose(cells.voltage, voltage, atol=1e-3)
    assert cells.summary == "voltages of 12 s"


def test_nwb_gives_voltages_or_the_table_of_units(voltage, rhythm, tmp_path):
    traces = KIND.read(write_nwb2(tmp_path / "v.nwb", series=voltage, spikes=rhythm))
    np.testing.assert_allclose(traces.voltage, voltage, atol=1e-6)
    assert traces.dt == pytest.approx(DT)
    assert_trains(KIND.read(write_nwb2(tmp_path / "s.nwb", spikes=rhythm)), rhythm)


def test_files_are_found_by_their_header_and_have_no_sweeps(voltage, rhythm, write_spikes, tmp_path):
    paths = {
        write_spikes(rhythm),
        write_voltage(tmp_path / "v.csv", voltage[:, :9]),
        write_nwb2(tmp_path / "s.nwb", spikes=rhythm),
        write_nwb2(tmp_path / "v.nwb", series=voltage),
    }
    write_spikes(rhythm[:2], header="PD [s], LP [s]", name="two.csv")
    write_nwb2(tmp_path / "two.nwb", spikes=rhythm[:2])
    assert set(find_recordings([tmp_path], look=KIND.describe)) == paths
    assert [KIND.sweeps(path) for path in paths] == [[]] * 4
    assert find_recordings([tmp_path / "none"], look=KIND.describe) == []


SPIKES = "AB/PD [s], LP [s], PY [s]"
WRONG = {
    "seconds called ms": (lambda t: t, "PD [ms], LP [ms], PY [ms]", 1e-3, "0.0286 ms apart (median)"),
    "ms called seconds": (lambda t: t, SPIKES, 1.0, "milliseconds that are called s"),
    "a missing cell": (lambda t: t[:2], "PD [s], LP [s]", 1e-3, "has no PY, but spike times or voltages"),
    "a cell twice": (lambda t: t, "PD [s], LP [s], lpn [s]", 1e-3, "LP is there 2 times ('LP', 'lpn')"),
    "not in order": (lambda t: (t[0], t[1][::-1], t[2]), SPIKES, 1e-3, "spikes of LP are not in order"),
    "no spikes": (lambda t: (t[0], (), t[2]), SPIKES, 1e-3, "LP has 0 spikes"),
    "too many": (lambda t: (t[0], np.arange(1e5 + 1), t[2]), SPIKES, 1e-3, "more than 100000"),
    "no unit": (lambda t: t, "PD [s], LP [s], PY", 1e-3, "the column of PY has no unit; give one"),
    "a wrong unit": (lambda t: t, "PD [s], LP [s], PY [h]", 1e-3, "the column of PY is 'h'"),
    "no time": (lambda t: t, "PD [mV], LP [mV], PY [mV]", 1e-3, "voltages without a column time"),
    "one cell": (lambda t: t, "time [ms], voltage [mV], current [pA]", 1, "has no AB/PD or LP or PY"),
    "a long table": (lambda t: t[:2], "neuron, time [ms]", 1, "AB/PD [s], LP [s], PY [s]"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_gives_one_sentence(rhythm, write_spikes, case):
    change, header, factor, words = WRONG[case]
    path = write_spikes(change(rhythm), header=header, factor=factor)
    with pytest.raises(RecordingError) as raised:
        KIND.read(path)
    text = str(raised.value)
    assert text.startswith("cells.csv: ")
    assert words in text
    assert "\n" not in text


def test_what_is_no_table_gives_one_sentence(voltage, rhythm, tmp_path, write_netcdf, write_nwb1, sweep):
    cases = {
        write_netcdf(
            sweep.time, sweep.voltage, sweep.current
        ): "a netCDF recording of one cell, but spike times",
        write_nwb1(sweep): "an NWB 1 file of one cell",
        write_nwb2(tmp_path / "two.nwb", spikes=rhythm[:2]): "the file has no PY",
        write_nwb2(tmp_path / "none.nwb"): "the file has no AB/PD or LP or PY",
        write_voltage(tmp_path / "short.csv", voltage[:, :20_000]): "last 2 s, but 3 to 300 s are needed",
        write_voltage(tmp_path / "volts.csv", voltage, factor=1e-6): "looks like",
        tmp_path / "nothing.csv": "no such file",
    }
    for path, words in cases.items():
        with pytest.raises(RecordingError) as raised:
            KIND.read(path)
        assert str(raised.value).startswith(f"{path.name}: ")
        assert words in str(raised.value)


def test_voltages_must_fit_together(voltage, tmp_path):
    path = write_nwb2(tmp_path / "v.nwb", series=[voltage[0], voltage[1], voltage[2, :-5]])
    with pytest.raises(RecordingError, match="119995 samples at 10000 Hz, 120000 samples"):
        KIND.read(path)


def test_there_are_no_sweeps(rhythm, write_spikes):
    with pytest.raises(RecordingError, match="no sweeps to choose from"):
        KIND.read(write_spikes(rhythm), sweep=3)
