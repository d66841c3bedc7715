"""`posterior-lab scheduler`, `worker` and `slurm`: what performs runs where the web server shall not."""

import signal
from typing import Annotated

import typer

from dashboard.cluster import PORT, Batch

Host = Annotated[str, typer.Option("--address", help="Network address to listen to.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
BATCH = Batch()


def scheduler(address: Host = "127.0.0.1", port: Port = PORT) -> None:
    """Give runs to the workers that come; for serve --scheduler. Only for a network that you trust."""
    from dashboard.cluster import run_scheduler

    run_scheduler(address, port, _say)


def worker(
    scheduler: Annotated[str, typer.Argument(metavar="ADDRESS", help="Such as tcp://host:8786.")],
    num: Annotated[int, typer.Option(min=1, max=64, help="Runs at a time; each uses all cores.")] = 1,
) -> None:
    """Perform runs for a scheduler; the folder of runs must be seen here under the same path."""
    from dashboard.cluster import run_worker

    _end_as_by_ctrl_c()
    run_worker(scheduler, num, _say)


def slurm(
    jobs: Annotated[
        int, typer.Option(min=1, help="Jobs at a time, at most; none while there is no run.")
    ] = 4,
    cores: Annotated[int, typer.Option(min=1, help="Of each job.")] = BATCH.cores,
    memory: Annotated[str, typer.Option(help="Of each job, with its unit.")] = BATCH.memory,
    walltime: Annotated[
        str, typer.Option(help="Of each job; a run that exceeds it is resumed.")
    ] = BATCH.walltime,
    queue: Annotated[str, typer.Option(help="The partition; empty: SLURM's own choice.")] = BATCH.queue,
    address: Host = "0.0.0.0",  # noqa: S104  the nodes must reach it
    port: Port = PORT,
    dry_run: Annotated[bool, typer.Option(help="Show what would be submitted, and end.")] = False,  # noqa: FBT002
) -> None:
    """Give runs to jobs of SLURM; for serve --scheduler. Needs dask-jobqueue; only for a trusted network."""
    from dashboard.cluster import slurm_cluster

    _end_as_by_ctrl_c()
    cluster = slurm_cluster(Batch(cores, memory, walltime, queue), host=address, port=0 if dry_run else port)
    try:
        if dry_run:
            _say(cluster.job_script())
            return
        cluster.adapt(minimum=0, maximum=jobs)
        _say(f"Scheduler at {cluster.scheduler_address}   (end with Ctrl-C)")
        signal.pause()
    finally:
        cluster.close()


def _end_as_by_ctrl_c() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _say(words: str) -> None:
    typer.echo(words)
