"""Runs as .zip files: what goes out comes in again, and whatever is wrong with a file is one sentence."""

import io
import json
import shutil
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from inference.archive import pack, unpack
from inference.files import manifest_of, write_json
from inference.requests import Request
from inference.runs import RunStore

STORED = Path(__file__).parents[1] / "data" / "result_format_1"
LIMIT = 20_000_000
PARTS = ("result.zarr", "weights.eqx")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "there")


@pytest.fixture
def run(tmp_path):
    run = RunStore(tmp_path / "here").create(
        Request("two_moons", config={"num_simulations": 300}, seed=3, simulator_files=("/secret/mine.py",)),
        "ada",
    )
    shutil.copytree(STORED, run.folder, dirs_exist_ok=True)
    run.update(state="done", performer={"host": "secret-machine", "pid": 1}, note="mine", sharing="lab")
    (run.folder / "error.log").write_text("secret")
    return run


def brought(store, file, owner="bob"):
    return unpack(file, store.folder, owner=owner, most_bytes=LIMIT, check_room=lambda num_bytes: None)


def refused(store, file, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        brought(store, file)
    assert "\n" not in str(error.value)
    assert str(store.root) not in str(error.value)
    assert store.scan() == ([], [])
    assert not store.folder.exists() or list(store.folder.iterdir()) == []


def zipped(members):
    """A file with these members: name -> content, or a ZipInfo -> content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    file.seek(0)
    return file


def members_of(run):
    with zipfile.ZipFile(pack(run)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def changed(run, **record):
    """The file of a run with other fields in its `run.json`."""
    name = f"{run.id}/run.json"
    members = members_of(run)
    return zipped(members | {name: json.dumps(json.loads(members[name]) | record)})


def rewritten(run, place, content):
    """The file of a run with another file in its result, and a manifest that agrees."""
    (run.folder / place).write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    write_json(run.folder / "manifest.json", {"format": 1, "files": manifest_of(run.folder, PARTS)})
    return pack(run)


def test_what_goes_out_comes_in_again(store, run):
    again = brought(store, pack(run))
    assert store.list() == [again]
    assert again.id != run.id
    assert (again.owner, again.state, again.request.seed) == ("bob", "done", 3)
    assert again.record["note"] == "mine"
    assert "sharing" not in again.record
    assert again.result().tree.equals(run.result().tree)
    assert (again.folder / "weights.eqx").read_bytes() == (run.folder / "weights.eqx").read_bytes()


def test_nothing_of_people_and_machines_goes_out(run):
    content = b"".join(members_of(run).values())
    assert b"secret" not in content
    assert b"ada" not in members_of(run)[f"{run.id}/run.json"]


def test_a_folder_zipped_by_hand_with_or_without_its_name(store, run):
    members = members_of(run)
    assert (
        brought(store, zipped({f"x/{name.split('/', 1)[1]}": c for name, c in members.items()})).state
        == "done"
    )
    bare = {name.split("/", 1)[1]: c for name, c in members.items()}
    more = {"claim": "", "simulations/round-000.zarr/zarr.json": "{}", "a.exe": "MZ", "checkpoint/x": ""}
    again = brought(store, zipped(bare | more))
    assert sorted(path.name for path in again.folder.iterdir() if path.name[0] != ".") == [
        "manifest.json", "result.zarr", "run.json", "weights.eqx",
    ]  # fmt: skip


def test_only_finished_runs(store, run):
    run.set_state("failed")
    with pytest.raises(ValueError, match="is failed; only a finished run can be taken along"):
        pack(run)
    run.set_state("done")
    refused(store, changed(run, state="stopped"), "is stopped; only a finished run can be brought in")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no .zip file"),
        (b"PK\x05\x06", "no .zip file"),
        (b"hello" * 100, "no .zip file"),
        (b"PK\x05\x06" + b"\xff" * 18, "more than 20000 members"),
        (b"PK\x05\x06" + b"\x01" * 8 + struct.pack("<I", 60) + b"\x00" * 6, "no .zip of a run folder"),
    ],
)
def test_what_is_no_zip(store, content, sentence):
    refused(store, io.BytesIO(content), sentence)


@pytest.mark.parametrize(
    "name",
    [
        "../run.json",
        "/etc/passwd",
        "a/../../b",
        "a//b",
        "a\\..\\b",
        "C:x",
        "./a",
        "a/\x07",
        "x" * 401,
        "a/..",
    ],
)
def test_names_outside(store, run, name):
    refused(store, zipped(members_of(run) | {name: "x"}), "no name below its folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(store, run, kind):
    link = zipfile.ZipInfo(f"{run.id}/observation/cell.nc")
    link.external_attr = (kind | 0o777) << 16
    refused(store, zipped(members_of(run) | {link: "/etc/passwd"}), "is a link or no file at all")


def test_none_or_several_runs(store, run):
    refused(store, zipped({"a.txt": "x"}), "has one run.json; this .zip file has 0")
    refused(store, zipped(members_of(run) | {"other/run.json": "{}"}), "this .zip file has 2")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_of_the_same_name(store, run):
    file = pack(run)
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr(f"{run.id}/weights.eqx", "x")
    refused(store, file, "two members of the same name")


def test_a_file_that_is_a_folder_too(store, run):
    refused(store, zipped(members_of(run) | {f"{run.id}/weights.eqx/x": "x"}), "no .zip of a run folder")


def test_bombs(store, run):
    members = members_of(run)
    refused(
        store,
        zipped(members | {f"{run.id}/observation/a": b"\0" * (LIMIT + 1)}),
        "unfolds to 2. MB; at most 20",
    )
    refused(
        store,
        zipped(members | {f"{run.id}/observation/a": b"\0" * (LIMIT - 10**6)}),
        "-fold, as no run folder",
    )
    refused(store, zipped({str(k): "" for k in range(20_001)}), "more than 20000 members|20001 members")


def test_a_member_that_says_less_than_it_unfolds_to(store, run):
    """The declared size of the weights is lowered in both headers."""
    file = pack(run).getvalue()
    size = struct.pack("<I", (run.folder / "weights.eqx").stat().st_size)
    assert file.count(size) == 2
    refused(
        store,
        io.BytesIO(file.replace(size, struct.pack("<I", 10))),
        "no .zip of a run folder|bytes instead of",
    )


def test_a_member_with_a_password(store, run):
    file = bytearray(pack(run).getvalue())
    at = file.rfind(b"PK\x01\x02")
    file[at + 8] |= 1
    refused(store, io.BytesIO(bytes(file)), "needs a password")


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"format": 99}, "newer posterior-lab"),
        ({"state": "excellent"}, "unknown state"),
        ({"request": None}, "damaged"),
        ({"request": {"simulator": 3}}, "names its simulator"),
        ({"request": {"simulator": "two_moons", "method": "snpee"}}, "no method 'snpee'"),
        ({"request": {"simulator": "two_moons", "config": {"estimator": "x"}}}, "estimator"),
        ({"request": {"simulator": "two_moons", "config": [1]}}, "damaged"),
        ({"request": {"simulator": "two_moons", "observation": []}}, "damaged"),
        (
            {"request": {"simulator": "two_moons", "observation": {"kind": "recording", "file": "../../x"}}},
            "lies in its folder",
        ),
    ],
)
def test_an_odd_record(store, run, record, sentence):
    refused(store, changed(run, **record), sentence)


def test_no_room(store, run):
    def check_room(num_bytes):
        assert num_bytes > 10_000
        raise ValueError("There is no room.")

    with pytest.raises(ValueError, match="no room"):
        unpack(pack(run), store.folder, owner="bob", most_bytes=LIMIT, check_room=check_room)


def test_what_the_manifest_does_not_know_or_knows_otherwise(store, run):
    members = members_of(run)
    refused(store, zipped(members | {f"{run.id}/result.zarr/x": "x"}), "is not in manifest.json")
    refused(store, zipped(members | {f"{run.id}/weights.eqx": "x"}), "bytes instead of")
    members.pop(f"{run.id}/manifest.json")
    refused(store, zipped(members), "holds no finished result")


def array_file(run):
    """A zarr.json of an array of the result, and what it says."""
    path = run.folder / "result.zarr" / "posterior" / "theta[0]" / "zarr.json"
    return path.relative_to(run.folder), json.loads(path.read_text())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"codecs": [{"name": "bytes"}, {"name": "numcodecs.pickle"}]}, "has the codecs"),
        ({"codecs": []}, "has the codecs"),
        ({"codecs": None}, "description is odd"),
        ({"shape": [10**12]}, "would take more than"),
        ({"shape": [-5]}, "its shape is none"),
        ({"shape": [True]}, "its shape is none"),
        (
            {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**9]}}},
            "would take more than",
        ),
        ({"chunk_grid": {"name": "odd"}}, "not regular"),
        ({"data_type": {"name": "structured"}}, "description is odd|not stored as"),
        ({"data_type": "r800"}, "not stored as"),
        ({"storage_transformers": [{"name": "x"}]}, "not stored as"),
        ({"zarr_format": 2}, "not stored as"),
    ],
)
def test_a_store_that_could_do_more_than_hold_numbers(store, run, change, sentence):
    place, node = array_file(run)
    refused(store, rewritten(run, place, node | change), sentence)


def test_the_same_in_the_metadata_that_stand_together(store, run):
    place = Path("result.zarr/zarr.json")
    root = json.loads((run.folder / place).read_text())
    node = root["consolidated_metadata"]["metadata"]["posterior/theta[0]"]
    node["codecs"] = [{"name": "bytes"}, {"name": "pickle"}]
    refused(store, rewritten(run, place, root), "has the codecs")


@pytest.mark.parametrize("config", ["{", "[1]", "3"])
def test_attributes_that_no_page_can_show(store, run, config):
    place = Path("result.zarr/zarr.json")
    root = json.loads((run.folder / place).read_text())
    root["attributes"]["config"] = config
    refused(store, rewritten(run, place, root), "The run is damaged")


@pytest.mark.parametrize(
    "place", ["result.zarr/.zarray", "result.zarr/posterior/x", "result.zarr/posterior/theta[0]/c/x"]
)
def test_files_of_another_kind_of_store(store, run, place):
    refused(store, rewritten(run, place, b"{}"), "has no such file")


def test_a_chunk_that_unfolds_to_terabytes(store, run):
    place, _ = array_file(run)
    chunk = next(path for path in (run.folder / place.parent / "c").rglob("*") if path.is_file())
    head = b"\x28\xb5\x2f\xfd" + bytes([0b11100000]) + struct.pack("<Q", 10**12)
    place = chunk.relative_to(run.folder)
    refused(store, rewritten(run, place, head + chunk.read_bytes()[13:]), "would take more than 80 MB")
    refused(store, rewritten(run, place, b"BZh9" + bytes(20)), "no Zstandard frame")
    refused(store, rewritten(run, place, head[:4] + bytes(20)), "does not say how long")


def test_an_estimator_that_would_take_all_memory(store, run):
    line, _, rest = (run.folder / "weights.eqx").read_bytes().partition(b"\n")
    header = json.loads(line)
    for change, sentence in (
        ({"width": 10**7}, "would take more than 1000 MB"),
        ({"num_members": 10**9}, "would take more than"),
        ({"width": 0}, "positive whole number"),
        ({"nonsense": 1}, "damaged"),
    ):
        line = json.dumps(header | {"spec": header["spec"] | change}).encode()
        refused(store, rewritten(run, "weights.eqx", line + b"\n" + rest), sentence)


@pytest.mark.long
def test_whatever_is_wrong_it_is_a_sentence(store, run):
    """Bytes changed, cut out or doubled at 300 places."""
    whole, random = pack(run).getvalue(), np.random.default_rng(0)
    said = set()
    for k in range(300):
        start, num = int(random.integers(len(whole))), int(random.integers(1, 40))
        middle = [random.bytes(num), b"", whole[start : start + num] * 2][k % 3]
        file = io.BytesIO(whole[:start] + middle + whole[start + num :])
        try:
            shutil.rmtree(brought(store, file).folder)  # what was changed is of no account
        except ValueError as error:
            said.add(str(error))
    assert len(said) > 10
    assert not any(str(store.root) in sentence for sentence in said)
    assert store.scan() == ([], [])
