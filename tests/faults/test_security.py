"""What somebody with bad intentions would try: each is refused, in a sentence."""

import resource
import stat

import h5py
import numpy as np
import pytest

from dashboard import observations
from dashboard.login_page import safe_next
from dashboard.people import People, cookie_secret
from inference.runs import RunStore
from simulators.recordings import RecordingError, list_sweeps, parts_of, read_cells, read_eeg, read_recording

ELSEWHERE = [
    "../secret.json",
    "..",
    ".",
    "/etc/passwd",
    "../../runs",
    "a/../..",
    "%2e%2e%2f",
    "x\x00",
    "",
    "~root",
]
PARTS = {"AB/PD": ("ab/pd",), "LP": ("lp",), "PY": ("py",)}


@pytest.mark.parametrize("run_id", ELSEWHERE)
def test_a_run_id_is_no_path(tmp_path, run_id):
    store = RunStore(tmp_path)
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(ValueError, match="is not the id of a run"):
        store.get(run_id)


@pytest.mark.parametrize(
    "name", [*ELSEWHERE, "..\\..\\x.csv", "a/b.vhdr", "../e.vhdr", "/e.eeg", ".bashrc", "-rf"]
)
def test_an_upload_stays_in_its_folder(tmp_path, name):
    folder = tmp_path / "uploads"
    folder.mkdir()
    kept = observations.keep_upload(folder, name, b"x", limit=10)
    assert kept.resolve().parent == folder.resolve()
    assert not kept.name.startswith(".")
    assert [path.name for path in tmp_path.iterdir()] == ["uploads"]


def test_a_header_makes_the_server_open_no_other_files(tmp_path):
    for name in ("/etc/passwd", "../../secret.json", "..\\secret.json"):
        (tmp_path / "e.vhdr").write_text(
            f"Brain Vision Data Exchange Header File\n[Common Infos]\nDataFile={name}\n"
        )
        with pytest.raises(RecordingError, match="only names of files beside it are allowed"):
            parts_of(tmp_path / "e.vhdr")


def test_what_is_too_large_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at most 1 MB can be uploaded"):
        observations.keep_upload(tmp_path, "a.csv", bytes(10**6 + 1), limit=10**6)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "magic", [b"PK\x03\x04", b"\x1f\x8b", b"\x93NUMPY", b"\x80\x04", b"BZh9", b"\xfd7zXZ\x00"]
)
def test_archives_and_pickles_are_never_opened(tmp_path, magic):
    (tmp_path / "a.csv").write_bytes(magic + bytes(100))
    for read in (read_recording, list_sweeps, read_eeg, lambda path: read_cells(path, cells=PARTS)):
        with pytest.raises(RecordingError, match=r"a\.csv: the file is "):
            read(tmp_path / "a.csv")


@pytest.mark.parametrize("layout", ["netcdf", "nwb1"])
def test_a_file_that_unpacks_to_gigabytes_is_refused_before(tmp_path, layout):
    """Ten billion samples in a few kilobytes: HDF5 stores no chunk that was never written."""
    path = tmp_path / "bomb.nc"
    with h5py.File(path, "w") as file:
        if layout == "nwb1":
            file["nwb_version"] = "NWB-1.0.5"
        places = ["time", "voltage", "current"] if layout == "netcdf" else [
            f"{where}/Sweep_1/data" for where in ("acquisition/timeseries", "stimulus/presentation")
        ]  # fmt: skip
        for place in places:
            data = file.create_dataset(
                place, shape=(10**10,), dtype="f8", chunks=(10**6,), compression="gzip"
            )
            data.attrs["unit"] = np.bytes_("A" if "stimulus" in place else "V")
            if layout == "nwb1":
                data.parent.create_dataset("starting_time", data=0.0).attrs["rate"] = 1e4
            else:
                data.make_scale("time") if place == "time" else data.dims[0].attach_scale(file["time"])
                data.attrs["units"] = {"time": "ms", "voltage": "mV", "current": "pA"}[place]
    assert path.stat().st_size < 10**5
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RecordingError, match="has 10000000000 samples, more than 20000000"):
        read_recording(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


@pytest.mark.long
def test_what_no_reader_expects_to_be_large_is_not_unpacked_either(tmp_path):
    folder = tmp_path / f"{observations.UPLOADS}x"
    folder.mkdir()
    with h5py.File(folder / "bomb.nwb", "w") as file:
        file["nwb_version"] = "NWB-1.0.5"
        for where, unit in (("acquisition/timeseries", "V"), ("stimulus/presentation", "A")):
            series = file.create_group(f"{where}/Sweep_1")
            series.create_dataset("data", data=np.zeros(10_000)).attrs["unit"] = np.bytes_(unit)
            series.create_dataset("starting_time", data=0.0).attrs["rate"] = 1e4
            series.create_dataset("aibs_stimulus_name", shape=(10**9,), dtype="f8", chunks=(10**6,))
    with pytest.raises(ValueError, match="Unable to allocate|damaged"):
        observations.guarded(folder / "bomb.nwb", read_recording)


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/\t/evil.example", "///evil.example", "/a\r\nSet-Cookie: x=1", "evil.example", "", "http:/x.example"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_after_logging_in(address):
    assert safe_next(address) == "/"


def test_secrets_are_for_their_owner_alone(tmp_path):
    people = People(tmp_path / "users.json")
    people.add("ada", "a long password")
    secret = cookie_secret(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
            assert "a long password" not in path.read_text()
    assert len(secret) == 64
