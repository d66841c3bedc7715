"""A scheduler and workers that outlive the web server: Dask's own, set up as runs need them."""

from __future__ import annotations

import asyncio
import logging
import shlex
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.compilation import cache_variables

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster

PORT = 8786
HEALTH = "127.0.0.1:0"  # where a scheduler says that it lives: else port 8787 of every network
CONNECT_SECONDS = 10
DEATH_SECONDS = 300  # without the scheduler, after which a worker of a batch system gives its place back
SETTINGS = {
    "distributed.worker.daemon": False,  # black-box simulators start processes of their own
    "distributed.scheduler.allowed-failures": 20,  # deaths beside a run count too; its own: jobs.MOST_BEGUN
    "distributed.worker.preload": ["dashboard.giving_way"],
    "distributed.worker.memory.target": False,  # nothing to spill: arrays do not travel through Dask
    "distributed.worker.memory.spill": False,
    "distributed.scheduler.http.routes": ["distributed.http.health"],  # no pages without a login
    "distributed.worker.http.routes": ["distributed.http.health"],
    # Whoever is ended while it sends a heartbeat would print a traceback; what matters is in its run.
    "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED": "critical",
}
# For workers of this machine, which are always replaced: Dask would give up who has no worker 15 s after one
# died, also where the next one has just died too.
LOCAL_SETTINGS = SETTINGS | {"distributed.deploy.lost-worker-timeout": "10000 days"}


def configure(settings: Mapping[str, Any] = SETTINGS) -> None:
    """Set Dask up in this process, as its workers will be.

    Args:
        settings: Dask's own, by name.
    """
    import dask.config
    import distributed  # noqa: F401  its import resets the level of its log

    dask.config.set(settings)
    logging.getLogger("distributed").setLevel(logging.ERROR)


def run_scheduler(host: str, port: int, say: Callable[[str], None]) -> None:
    """Give runs to workers until interrupted or ended by SIGTERM; only in the main thread.

    Args:
        host: network address to listen to. Whoever reaches it can have any program run by the workers.
        port: 0 takes a free one.
        say: is told the address once it can be reached.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    import distributed

    async def serve() -> None:
        end, loop = asyncio.Event(), asyncio.get_running_loop()
        # An event and no exception, which Dask would tell with a traceback while workers are there.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end.set)
        settings: Any = {"host": host, "port": port, "dashboard": False, "dashboard_address": HEALTH}
        async with distributed.Scheduler(**settings) as scheduler:
            say(f"Scheduler at {scheduler.address}   (end with Ctrl-C)")
            waited = [asyncio.ensure_future(one) for one in (scheduler.finished(), end.wait())]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)

    configure()
    try:
        asyncio.run(serve())
    except RuntimeError as error:  # as Dask tells whatever kept it from starting
        raise OSError(f"The scheduler cannot listen to {host}:{port}: {error.__cause__}.") from error


def run_worker(scheduler: str, num: int, say: Callable[[str], None]) -> None:
    """Perform runs, up to `num` at a time, until interrupted or until the scheduler ends.

    Args:
        scheduler: its address, such as tcp://host:8786.
        num: processes; each performs one run, with all cores.
        say: is told when they are ready.

    Raises:
        OSError: no scheduler answers, or it has ended: a service manager starts the worker again.
        ValueError: that is no address.
    """
    import distributed
    from distributed.comm.core import connect

    async def work() -> None:
        probe = await connect(scheduler, timeout=CONNECT_SECONDS)
        await probe.close()
        workers = [distributed.Nanny(scheduler, nthreads=1, env=cache_variables()) for _ in range(num)]
        await asyncio.gather(*workers)
        say(f"{num} at work for {scheduler}   (end with Ctrl-C)")
        try:
            await asyncio.gather(*(worker.finished() for worker in workers))
        finally:
            await asyncio.gather(*(worker.close() for worker in workers))
        raise OSError(f"The scheduler at {scheduler} has ended.")

    configure()
    asyncio.run(work())


@dataclass(frozen=True)
class Batch:
    """What each job of a batch system asks for; one run at a time is performed in it.

    Attributes:
        cores: of the processor. memory: with its unit, such as "16GB". walltime: hh:mm:ss.
        queue: or partition; empty: the system's own choice.
    """

    cores: int = 4
    memory: str = "8GB"
    walltime: str = "08:00:00"
    queue: str = ""


def slurm_cluster(batch: Batch, *, host: str, port: int) -> SLURMCluster:
    """A scheduler here whose workers are jobs of SLURM, none of them yet.

    Raises:
        ValueError: dask-jobqueue is not installed.
    """
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ImportError as error:
        raise ValueError("SLURM needs dask-jobqueue: pip install dask-jobqueue.") from error
    configure()
    told = cache_variables() | _worker_variables()
    settings: dict[str, Any] = {
        "cores": 1,  # of Dask: one run at a time
        "job_cpu": batch.cores,
        "memory": batch.memory,
        "walltime": batch.walltime,
        "queue": batch.queue or None,
        "processes": 1,
        "python": sys.executable,
        "job_name": "posterior-lab",
        "death_timeout": DEATH_SECONDS,
        "job_script_prologue": [f"export {name}={shlex.quote(value)}" for name, value in told.items()],
        "scheduler_options": {
            "host": host,
            "port": port,
            "dashboard": False,
            "dashboard_address": HEALTH,
        },
    }
    return SLURMCluster(**settings)


def _worker_variables() -> dict[str, str]:
    """What `SETTINGS` tell a worker, as Dask reads it from the environment of a process that others start."""
    mine = {name: value for name, value in SETTINGS.items() if name.startswith("distributed.worker.")}
    return {f"DASK_{name.upper().replace('.', '__')}": str(value) for name, value in mine.items()}
