"""A synthetic sweep in the shape of an Allen long square, and writers of every format that we read."""

from datetime import UTC, datetime
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

DT = 0.05  # ms
STEP = (1020.0, 2020.0)  # ms
AMPLITUDE = 1.5e-4  # uA


@pytest.fixture(scope="session")
def sweep():
    """time [ms], voltage [mV], current [uA] of a whole sweep, with a test pulse at 20 ms."""
    time = np.round(np.arange(48_000) * DT, 6)
    on = (time >= STEP[0]) & (time < STEP[1])
    test_pulse = (time >= 20) & (time < 30)
    noise = np.random.default_rng(0).normal(0.0, 0.1, len(time))
    voltage = -70.0 + 20.0 * on + 40.0 * on * (np.sin(time / 20) > 0.99) + noise
    current = AMPLITUDE * on - 0.5 * AMPLITUDE * test_pulse
    return SimpleNamespace(time=time, voltage=voltage, current=current)


@pytest.fixture(scope="session")
def window(sweep):
    """What must remain of the whole sweep: 815 to 2265 ms, from time 0."""
    kept = slice(round(815 / DT), round(2265 / DT))
    time = sweep.time[: kept.stop - kept.start]
    return SimpleNamespace(time=time, voltage=sweep.voltage[kept], current=sweep.current[kept])


@pytest.fixture
def write_netcdf(tmp_path):
    """write(**channels or replaced units/attrs) -> path of a netCDF file in our layout, made by h5netcdf."""

    def write(time, voltage, current, *, units=("ms", "mV", "uA"), name="cell.nc", **attrs):
        import xarray as xr

        named = {"time": time, "voltage": voltage, "current": current}
        variables = {
            key: (f"time_{key}" if key != "time" else "time", values, {"units": unit} if unit else {})
            for (key, values), unit in zip(named.items(), units, strict=True)
            if values is not None
        }
        path = tmp_path / name
        xr.Dataset(variables, attrs=attrs).to_netcdf(path, engine="h5netcdf")
        return path

    return write


@pytest.fixture
def write_csv(tmp_path):
    """write(columns, header) -> path of a CSV file with ``columns`` below ``header``."""

    def write(columns, header, *, comments=(), separator=",", decimal=".", name="cell.csv"):
        lines = [*comments, header]
        for row in zip(*columns, strict=True):
            lines.append(separator.join(f"{value:.10g}".replace(".", decimal) for value in row))
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


@pytest.fixture
def write_nwb1(tmp_path):
    """write(sweep) -> path of an NWB 1.0 file with that sweep as number 7 and a voltage-clamp sweep 8.

    ``version``: of the Allen pipeline; up to 1.0 the data are SI and the conversion attribute is wrong.
    """

    def write(sweep, *, version="1.1", numbers=(7,), experiment=True, changes=None):
        path = tmp_path / "ephys.nwb"
        factor = 1.0 if version == "1.0" else 1e3
        with h5py.File(path, "w") as file:
            file["nwb_version"] = "NWB-1.0.5"
            file["general/generated_by"] = np.array([b"program", b"x", b"version", version.encode()])
            for number in numbers:
                _nwb1_series(file, "acquisition/timeseries", number, sweep.voltage * 1e-3 * factor, "Volts")
                _nwb1_series(file, "stimulus/presentation", number, sweep.current * 1e-6 * factor, "Amps")
                file[f"stimulus/presentation/Sweep_{number}/aibs_stimulus_name"] = b"Long Square"
                if experiment:
                    file[f"epochs/Experiment_{number}/stimulus/idx_start"] = round(750 / DT)
                    file[f"epochs/Experiment_{number}/stimulus/count"] = len(sweep.time) - round(750 / DT)
            _nwb1_series(file, "acquisition/timeseries", 8, sweep.voltage, "Amps")
            _nwb1_series(file, "stimulus/presentation", 8, sweep.voltage, "Volts")
            if changes is not None:
                changes(file)
        return path

    return write


def _nwb1_series(file, folder, number, samples, unit):
    series = file.create_group(f"{folder}/Sweep_{number}")
    data = series.create_dataset("data", data=samples)
    data.attrs["conversion"] = 1e-3
    data.attrs["unit"] = np.bytes_(unit)
    series.create_dataset("starting_time", data=0.0).attrs["rate"] = 1e3 / DT


@pytest.fixture
def write_nwb2(tmp_path):
    """write(sweep) -> path of an NWB 2 file with that sweep as the given numbers, stored in mV and pA."""

    def write(sweep, *, numbers=(4,), electrodes=1, with_numbers=True, rate=1e3 / DT, scale=1.0):
        import pynwb
        from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries

        start = datetime(2026, 1, 1, tzinfo=UTC)
        nwb = pynwb.NWBFile(session_description="synthetic", identifier="synthetic", session_start_time=start)
        device = nwb.create_device("amplifier")
        pipettes = [
            nwb.create_icephys_electrode(name=f"electrode {index}", device=device, description="pipette")
            for index in range(electrodes)
        ]
        for number in numbers:
            for index in range(electrodes):
                electrode = pipettes[index]
                shared = {"electrode": electrode, "sweep_number": np.uint32(number) if with_numbers else None}
                timing = {"rate": rate} if rate else {"timestamps": sweep.time * 1e-3}
                response = CurrentClampSeries(
                    name=f"data_{number:05d}_AD{index}",
                    data=sweep.voltage * scale,
                    conversion=1e-3,
                    **timing,
                    **shared,
                )
                stimulus = CurrentClampStimulusSeries(
                    name=f"data_{number:05d}_DA{index}",
                    data=sweep.current * 1e6,
                    conversion=1e-12,
                    **timing,
                    **shared,
                )
                nwb.add_acquisition(response, use_sweep_table=False)
                nwb.add_stimulus(stimulus, use_sweep_table=False)
        path = tmp_path / "ephys2.nwb"
        with pynwb.NWBHDF5IO(path, "w") as file:
            file.write(nwb)
        return path

    return write
