"""The same synthetic sweep read back from every format."""

from pathlib import Path

import numpy as np
import pytest

from simulators.recordings import Recording, find_recordings, list_sweeps, read_recording, write_recording

ALLEN = Path(__file__).parents[4] / "shared" / "data" / "allen"


def assert_same(recording, expected, *, onset=205.0, atol=1e-9):
    np.testing.assert_allclose(recording.time, expected.time, atol=1e-9)
    np.testing.assert_allclose(recording.voltage, expected.voltage, atol=atol)
    np.testing.assert_allclose(recording.current, expected.current, rtol=1e-6, atol=1e-15)
    assert recording.dt == 0.05
    # 1000 ms of step: the last sample of the step is one interval before its end.
    assert (recording.stimulus_on, recording.stimulus_off) == (onset, onset + 999.95)


def test_netcdf(write_netcdf, window):
    path = write_netcdf(
        window.time, window.voltage, window.current, cell_id=5, sweep_number=57, cell_area_cm2=1e-4,
        junction_potential_mV=-14.0,
    )  # fmt: skip
    recording = read_recording(path)
    assert_same(recording, window)
    assert (recording.area, recording.junction_potential, recording.label) == (
        1e-4,
        -14.0,
        "cell 5, sweep 57",
    )
    np.testing.assert_allclose(recording.corrected_voltage, window.voltage - 14.0)


def test_netcdf_in_other_units(write_netcdf, window):
    path = write_netcdf(window.time / 1e3, window.voltage / 1e3, window.current * 1e3, units=("s", "V", "nA"))
    assert_same(read_recording(path), window)


def test_stimulus_times_of_the_file_count(write_netcdf, window):
    path = write_netcdf(
        window.time, window.voltage, window.current, stimulus_onset_ms=200.0, stimulus_offset_ms=1300.0
    )
    recording = read_recording(path)
    assert (recording.stimulus_on, recording.stimulus_off) == (200.0, 1300.0)


def test_written_recording_reads_back_identically(write_netcdf, window, tmp_path):
    recording = read_recording(write_netcdf(window.time, window.voltage, window.current, cell_area_cm2=1e-4))
    copy = read_recording(write_recording(recording, tmp_path / "copy.nc"))
    assert copy.checksum == recording.checksum
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_nwb1(write_nwb1, sweep, window, version):
    recording = read_recording(write_nwb1(sweep, version=version), sweep=7)
    assert_same(recording, window)
    assert recording.attrs["window_start_in_sweep_ms"] == 815.0
    assert recording.attrs["aibs_stimulus_name"] == "Long Square"
    # The Allen Cell Types Database states it for all its cells.
    assert recording.junction_potential == -14.0


def test_nwb1_without_experiment_epoch_skips_the_test_pulse(write_nwb1, sweep, window):
    assert_same(read_recording(write_nwb1(sweep, experiment=False)), window)


def test_nwb1_lists_current_clamp_sweeps_only(write_nwb1, sweep):
    assert list_sweeps(write_nwb1(sweep, numbers=(7, 12))) == [7, 12]


@pytest.mark.parametrize(("with_numbers", "rate"), [(True, 2e4), (False, 2e4), (True, None)])
def test_nwb2(write_nwb2, sweep, window, with_numbers, rate):
    pytest.importorskip("pynwb")
    path = write_nwb2(sweep, numbers=(4, 5), with_numbers=with_numbers, rate=rate)
    assert list_sweeps(path) == [4, 5]
    assert_same(read_recording(path, sweep=5), window)


@pytest.mark.parametrize(
    ("header", "separator", "decimal"),
    [
        ("time [ms], voltage [mV], current [pA]", ",", "."),
        ("time (ms);voltage (mV);current (pA)", ";", ","),
        ("t [ms]\tVm [mV]\tI [pA]", "\t", "."),
    ],
)
def test_csv(write_csv, window, header, separator, decimal):
    columns = (window.time, window.voltage, window.current * 1e6)
    assert_same(
        read_recording(write_csv(columns, header, separator=separator, decimal=decimal)), window, atol=1e-6
    )


def test_csv_in_seconds_with_comments_and_other_columns(write_csv, window):
    columns = (window.current * 1e3, np.arange(len(window.time)), window.voltage, window.time / 1e3)
    path = write_csv(
        columns,
        "current [nA], index, voltage [mV], time [s]",
        comments=[
            "# membrane_time_constant_s: 0.02",
            "# input_resistance_MOhm: 200",
            "# junction_potential_mV: -10",
        ],
    )
    recording = read_recording(path)
    assert_same(recording, window, atol=1e-6)
    assert recording.area == pytest.approx(1e-4)
    assert recording.junction_potential == -10.0


def test_micro_sign_and_byte_order_mark(write_csv, window):
    path = write_csv((window.time, window.voltage, window.current), "time [ms],voltage [mV],current [µA]")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert_same(read_recording(path), window, atol=1e-6)


def test_content_decides_not_the_name(write_netcdf, window):
    path = write_netcdf(window.time, window.voltage, window.current, name="cell.dat")
    assert_same(read_recording(path), window)


def test_step_is_found_in_a_noisy_current_above_a_holding_current(window):
    from simulators.recordings.stimulus import find_step

    noise = np.random.default_rng(1).normal(0.0, 2e-6, len(window.current))
    assert find_step(window.current + noise - 3e-5) == (4100, 24_099)


def test_short_sweep_keeps_what_there_is(write_nwb1, sweep):
    short = slice(round(900 / 0.05), round(2100 / 0.05))
    sweep = type(sweep)(**{name: samples[short] for name, samples in vars(sweep).items()})
    recording = read_recording(write_nwb1(sweep, experiment=False))
    assert recording.stimulus_on == 120.0
    assert len(recording.time) == len(sweep.time)


def test_recording_is_read_only(window):
    recording = Recording(window.time, window.voltage, window.current, 0.05, 205.0, 1204.95)
    assert recording.amplitude == pytest.approx(1.5e-4)
    with pytest.raises(ValueError, match="read-only"):
        recording.voltage[0] = 0.0


@pytest.mark.skipif(not ALLEN.exists(), reason="the Allen recordings are not here")
def test_allen_recordings():
    found = {path.name: read_recording(path) for path in find_recordings([ALLEN])}
    recording = found["cell_518290966_sweep_57.nc"]
    assert len(found) == 3
    for each in found.values():
        assert (len(each.time), each.dt, each.stimulus_on, each.junction_potential) == (
            72_500,
            0.02,
            205.0,
            -14.0,
        )
        assert each.stimulus_off == pytest.approx(1204.98, abs=0.02)
        # Our own rule finds the step where the file says it is.
        detected = np.flatnonzero(each.current > 0)[[0, -1]] * each.dt
        np.testing.assert_allclose(detected, (each.stimulus_on, each.stimulus_off), atol=0.02)
    assert recording.area == pytest.approx(0.0234 / 126)
    assert recording.amplitude == pytest.approx(1.7e-4)
    assert recording.label == "cell 518290966, sweep 57"
