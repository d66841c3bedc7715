"""The web server: pages, examples that ship with it, and a clean end."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import jax
import pytest

from dashboard import server
from dashboard.shipping import ship
from inference.progress import Progress
from inference.requests import Request
from inference.runs import Run, RunStore

ROOT = Path(__file__).parents[2]


def test_the_root_address_is_the_home_page():
    pages = server.pages()
    assert pages["/"] == pages["home"]
    assert {"home", "model", "infer", "run"} <= pages.keys()


def test_examples_are_brought_once_and_never_overwrite(tmp_path, monkeypatch):
    shipped, store = RunStore(tmp_path / "shipped"), RunStore(tmp_path / "root")
    example = shipped.create(Request("linear_gaussian"))
    monkeypatch.setattr(server, "EXAMPLES", shipped.folder)
    server.bring_examples(store)
    assert [run.id for run in store.list()] == [example.id]
    store.get(example.id).set_state("failed", "mine")
    server.bring_examples(store)
    assert store.get(example.id).message == "mine"
    assert sorted(os.listdir(store.folder)) == [example.id]


def test_a_port_that_is_taken_is_one_sentence():
    import socket

    with socket.socket() as taken:
        taken.bind((server.ADDRESS, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"Port {port} is taken"):
            server._free_port(port)


@pytest.mark.long
def test_it_serves_and_ends_without_a_traceback(tmp_path):
    command = [sys.executable, "-c", "from dashboard.cli import main; main()", "serve", "--port", "0"]
    environment = {**os.environ, "POSTERIOR_LAB_ROOT": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            address = process.stdout.readline().split()[2]
            assert address.startswith("http://localhost:")
            address = address.replace("localhost", server.ADDRESS)
            assert "Posterior Lab" in _get(address)
            for path in ("/", "/liveness"):
                assert _head(address + path) == (200, b"")
        finally:
            process.send_signal(signal.SIGTERM)
            log = process.communicate(timeout=90)[0]
    assert "Traceback" not in log, log
    assert process.returncode == 0  # as by Ctrl-C: that is how one ends it


def _head(address):
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=60) as answer:
        assert int(answer.headers["Content-Length"]) > 0
        return answer.status, answer.read()


def _get(address, seconds=90.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.long
def test_what_ships_opens_and_tells_nothing_of_the_machine(tmp_path):
    """Made of the stored result of the tests, as if it were a run."""
    store = RunStore(tmp_path / "mine")
    run = store.create(Request("two_moons"))
    stored = ROOT / "tests" / "data" / "result_format_1"
    shutil.copytree(stored, run.folder, dirs_exist_ok=True)
    run.append_progress(Progress("simulate", 1, 1))
    with pytest.raises(ValueError, match="is queued"):
        ship(run, tmp_path / "shipped")
    run.update(performer={"host": "secret-machine", "pid": 1}, state="done")
    shipped = ship(run, tmp_path / "shipped")
    assert "secret-machine" not in (shipped / "run.json").read_text()
    assert not (shipped / "observation").exists()
    again = Run(shipped)
    assert again.state == "done"
    assert again.result().tree["posterior"].sizes["draw"] == 100
    assert again.result().posterior.sample(jax.random.key(0), 3).shape == (3, 2)
