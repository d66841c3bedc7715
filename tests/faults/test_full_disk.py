"""A disk that is really full: a small file system in memory, in a name space of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import os, sys
from pathlib import Path
from inference import load_result
from inference.execute import perform
from inference.requests import Request
from inference.runs import RunStore

store = RunStore(Path(sys.argv[1]))
settings = {"num_simulations": 2_000, "estimator": "gaussian", "max_epochs": 2}
run = store.create(Request("linear_gaussian", "snpe", settings, {"kind": "default"}, 1))
room = os.statvfs(store.root)
filler = store.root / "filler"
filler.write_bytes(b"x" * (room.f_bavail * room.f_frsize - int(sys.argv[2])))
perform(run, on_progress=False)
assert run.state == "failed", run.state
assert run.message == "The disk is full; make room and resume: what was finished is kept.", run.message
filler.unlink()
run.enqueue()
perform(run, on_progress=False)
assert run.state == "done", run.message
assert load_result(run.folder).tree["posterior"].sizes["draw"] > 0
"""


@pytest.mark.long
@pytest.mark.parametrize("left", [30_000, 150_000])  # bytes: some of the simulations fit, or all of them
def test_a_full_disk_fails_a_run_in_plain_words_and_what_fits_is_kept(tmp_path, left):
    mounted = ["unshare", "--mount", "--map-root-user", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=8m none '{tmp_path}'"
    if shutil.which("unshare") is None or subprocess.run([*mounted, mount], check=False).returncode:
        pytest.skip("needs leave to mount a file system of its own")
    code = Path(__file__).parents[2]
    done = subprocess.run(
        [*mounted, f"{mount} && exec \"$@\"", "sh", sys.executable, "-c", CODE, str(tmp_path), str(left)],
        cwd=code, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
