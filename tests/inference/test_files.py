"""Whole files or none, manifests that notice a change, locks that die with their holder."""

import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest

from inference.files import (
    exclusive,
    first_difference,
    is_held,
    manifest_of,
    move_into_place,
    read_json,
    staging,
    write_atomically,
    write_json,
)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_json(path, {"n": 1})

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        write_json(path, {"n": 2})
    assert json.loads(path.read_text()) == {"n": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_json_is_strict(tmp_path):
    write_json(tmp_path / "a.json", {"loss": math.nan, "pair": (1, 2)})
    assert read_json(tmp_path / "a.json") == {"loss": None, "pair": [1, 2]}


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"[1, 2]", b"\xff\xfe"])
def test_damaged_json_is_one_sentence(tmp_path, content):
    write_atomically(tmp_path / "a.json", content)
    with pytest.raises(ValueError, match="is damaged"):
        read_json(tmp_path / "a.json")


def test_staging_is_removed_also_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), staging(tmp_path) as beside:  # noqa: PT012
        (beside / "half").write_text("x")
        raise RuntimeError
    assert not any(tmp_path.iterdir())


def test_a_folder_moves_over_an_unpublished_leftover(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "old").write_text("old")
    with staging(tmp_path) as beside:
        (beside / "store").mkdir()
        (beside / "store" / "new").write_text("new")
        move_into_place(beside / "store", tmp_path / "store")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["new"]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda p: p.unlink(), "is missing"),
        (lambda p: p.write_bytes(b"abc"), "has 3 bytes instead of 4"),
        (lambda p: p.write_bytes(b"abcE"), "have changed"),
    ],
)
def test_a_manifest_notices(tmp_path, harm, words):
    (tmp_path / "store" / "deep").mkdir(parents=True)
    file = tmp_path / "store" / "deep" / "c"
    file.write_bytes(b"abcd")
    manifest = manifest_of(tmp_path, ("store",))
    assert first_difference(tmp_path, manifest) is None
    harm(file)
    assert words in first_difference(tmp_path, manifest)


def test_a_manifest_never_reaches_outside_its_folder(tmp_path):
    (tmp_path / "secret").write_bytes(b"1234")
    inside = tmp_path / "inside"
    inside.mkdir()
    manifest = {"../secret": manifest_of(tmp_path, ("secret",))["secret"]}
    assert "outside" in first_difference(inside, manifest)


@pytest.mark.long
def test_a_lock_dies_with_its_holder(tmp_path):
    lock = tmp_path / "lock"
    code = f"""
import time, pathlib
from inference.files import exclusive
with exclusive(pathlib.Path({str(lock)!r}), timeout=1.0):
    pathlib.Path({str(tmp_path / "ready")!r}).touch()
    time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", code])
    try:
        _wait(lambda: (tmp_path / "ready").exists())
        assert is_held(lock)
        with pytest.raises(TimeoutError), exclusive(lock, timeout=0.05):
            pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert not is_held(lock)


def test_one_process_cannot_hold_a_lock_twice(tmp_path):
    with exclusive(tmp_path / "lock", timeout=0.0):
        assert is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "lock")
    assert not is_held(tmp_path / "never made")


def _wait(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
