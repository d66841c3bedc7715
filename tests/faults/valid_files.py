"""A small valid file of every format that an upload may have, as bytes, for tests that spoil them."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np

from tests.simulators.recordings import eeg_writers

DT = 0.1  # ms


def valid_uploads():
    """What can be uploaded together: model that takes it -> a list of {file name: content}."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        samples = eeg_writers.alpha_waves(rate=128)
        eeg = [
            [eeg_writers.write_fif(folder / "a_raw.fif", samples, 128)],
            [eeg_writers.write_epochs_fif(folder / "b-epo.fif", samples, 128)],
            [eeg_writers.write_edf(folder / "c.edf", samples, 128)],
            [eeg_writers.write_table(folder / "d.csv", eeg_writers.alpha_waves())],
            [
                eeg_writers.write_brainvision(folder / "e.vhdr", samples, 128),
                folder / "e.eeg",
                folder / "e.vmrk",
            ],
        ]
        files = {
            "hodgkin_huxley": [[_netcdf(folder)], [_nwb1(folder)], [_nwb2(folder)], [_clamp_table(folder)]],
            "pyloric": [[_spike_table(folder)]],
            "jansen_rit": eeg,
            "hnpe_toy": [[_row_table(folder)]],
        }
        return {
            model: [{path.name: path.read_bytes() for path in together} for together in several]
            for model, several in files.items()
        }


def _sweep():
    """Time in ms, voltage in mV and current in uA of a step."""
    time = np.round(np.arange(12_000) * DT, 6)
    on = (time >= 400) & (time < 800)
    return time, -70.0 + 20.0 * on + 30.0 * on * (np.sin(time / 20) > 0.99), 1.5e-4 * on


def _netcdf(folder):
    from simulators.recordings import Recording, write_recording

    recording = Recording(*_sweep(), DT, 400.0, 800.0, 8e-5, -14.0, "cell")
    return write_recording(recording, folder / "cell.nc")


def _nwb1(folder):
    _, voltage, current = _sweep()
    with h5py.File(folder / "ephys.nwb", "w") as file:
        file["nwb_version"] = "NWB-1.0.5"
        for place, values, unit in (
            ("acquisition/timeseries", voltage * 1e-3, "Volts"),
            ("stimulus/presentation", current * 1e-6, "Amps"),
        ):
            series = file.create_group(f"{place}/Sweep_7")
            series.create_dataset("data", data=values).attrs["unit"] = np.bytes_(unit)
            series.create_dataset("starting_time", data=0.0).attrs["rate"] = 1e3 / DT
    return folder / "ephys.nwb"


def _nwb2(folder):
    import pynwb
    from pynwb.icephys import CurrentClampSeries, CurrentClampStimulusSeries

    _, voltage, current = _sweep()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    nwb = pynwb.NWBFile(session_description="made up", identifier="made up", session_start_time=start)
    pipette = nwb.create_icephys_electrode(name="e", device=nwb.create_device("d"), description="pipette")
    shared = {"electrode": pipette, "sweep_number": np.uint32(4), "rate": 1e3 / DT}
    response = CurrentClampSeries(name="AD0", data=voltage, conversion=1e-3, **shared)
    stimulus = CurrentClampStimulusSeries(name="DA0", data=current * 1e6, conversion=1e-12, **shared)
    nwb.add_acquisition(response, use_sweep_table=False)
    nwb.add_stimulus(stimulus, use_sweep_table=False)
    with pynwb.NWBHDF5IO(folder / "ephys2.nwb", "w") as file:
        file.write(nwb)
    return folder / "ephys2.nwb"


def _clamp_table(folder):
    columns = np.stack(_sweep(), axis=1) * [1.0, 1.0, 1e6]
    head = "# cell_area_cm2: 1.8e-4\n# label: cell\ntime [ms], voltage [mV], current [pA]"
    np.savetxt(folder / "clamp.csv", columns[::4], "%.5g", ",", header=head, comments="")
    return folder / "clamp.csv"


def _spike_table(folder):
    rows = [f"{k + 0.04:.3f}, {k + 0.4:.3f}, {k + 0.64:.3f}" for k in range(12)]
    (folder / "cells.csv").write_text("\n".join(["AB/PD [s], LP [s], PY [s]", *rows]))
    return folder / "cells.csv"


def _row_table(folder):
    (folder / "rows.csv").write_text("x,label\n0.2,day 1\n0.3,day 2\n0.1,day 2\n")
    return folder / "rows.csv"
