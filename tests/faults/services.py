"""The processes of a lab: kept alive as a service manager would, and killed."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.watched import VARIABLE

ROOT = Path(__file__).parents[2]
COMPILED = f"{tempfile.gettempdir()}/posterior-lab-kills-jax"
POSTERIOR_LAB = ("-c", "from dashboard.cli import main; main()")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Service:
    """One command that is started again whenever it has ended."""

    name: str
    command: tuple[str, ...]
    env: dict
    log: Path
    process: subprocess.Popen | None = None
    endings: list = field(default_factory=list)  # exit codes

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def keep(self):
        """Start it again if it has ended."""
        if self.process is None or self.process.poll() is not None:
            if self.process is not None:
                self.endings.append(self.process.returncode)
            self.start()

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Lab:
    """The services of one mode, on a root of their own.

    Args:
        folder: for the root and the logs.
        mode: "single", a server with its own workers, or "shared", with a scheduler and a worker beside it.
        simulators: a file with models.
    """

    def __init__(self, folder, mode, simulators):
        self.root, self.port = folder / "root", free_port()
        self.scheduler = f"tcp://127.0.0.1:{free_port()}" if mode == "shared" else None
        (self.root / "inlet").mkdir(parents=True, exist_ok=True)
        (folder / "data").mkdir(exist_ok=True)
        env = {
            **os.environ,
            "POSTERIOR_LAB_ROOT": str(self.root),
            "POSTERIOR_LAB_DATA": str(folder / "data"),
            "POSTERIOR_LAB_SIMULATORS": str(simulators),
            VARIABLE: "yes",
            # Of their own: who is killed may leave half of a compiled program.
            "JAX_COMPILATION_CACHE_DIR": COMPILED,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
        }
        commands = {"web": ("-m", "tests.faults.inlet", "serve", "--port", str(self.port))}
        if self.scheduler is not None:
            env["POSTERIOR_LAB_SCHEDULER"] = self.scheduler
            commands["scheduler"] = (*POSTERIOR_LAB, "scheduler", "--port", self.scheduler.rpartition(":")[2])
            commands["worker"] = (*POSTERIOR_LAB, "worker", self.scheduler)
        self.services = {
            name: Service(name, command, env, folder / f"{name}.log") for name, command in commands.items()
        }

    def keep(self):
        """Start again whatever has ended."""
        for name in ("scheduler", "worker", "web"):
            if name in self.services:
                self.services[name].keep()

    def submit(self, run_id):
        """Have the server submit a run."""
        (self.root / "inlet" / run_id).touch()

    def is_listening(self):
        """Whether the server answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/liveness")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self, name):
        """Kill -9 a service."""
        self.services[name].process.kill()
        self.services[name].process.wait()

    def end(self):
        for service in self.services.values():
            service.end()


def kill_process(pid):
    """Kill -9; whether there was such a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
