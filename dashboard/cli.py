"""The command `posterior-lab`. What is slow to import is imported by the command that needs it."""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard import cluster_cli, folders_cli, options, settings, text, users_cli
from dashboard.compilation import keep_compiled_programs

DEBUG_VARIABLE = "POSTERIOR_LAB_DEBUG"

app = typer.Typer(
    help="Every parameter setting of a mechanistic model that explains a recording, and how far to trust it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


app.add_typer(users_cli.app, name="users")
folders_cli.add_to(app)
for command in (cluster_cli.scheduler, cluster_cli.worker, cluster_cli.slurm):
    app.command()(command)


def main() -> None:
    """Entry point: what a user got wrong is one sentence and exit code 2; never a traceback."""
    keep_compiled_programs()
    try:
        app()
    except (ValueError, OSError) as error:
        _fail(str(error) or type(error).__name__, code=2)
    except Exception as error:  # noqa: BLE001  a person at a terminal has no use for a traceback
        hint = f"set {DEBUG_VARIABLE}=1 to see where"
        _fail(f"Unexpected {type(error).__name__}: {error} ({hint}).", code=1)


@app.command()
def serve(
    root: options.Root = None,
    port: options.Port = 5006,
    open_: options.Open = False,  # noqa: FBT002
    simulators: options.SimulatorFiles = None,
    scheduler: options.Scheduler = None,
    users: options.Users = None,
    address: options.Address = "127.0.0.1",
    origin: options.Origin = None,
) -> None:
    """Serve the dashboard on this machine, or with --users to a lab.

    In place of a file of users, a reverse proxy can name them (POSTERIOR_LAB_USER_HEADER and
    POSTERIOR_LAB_TRUSTED_PROXIES), or they log in by OAuth (POSTERIOR_LAB_OAUTH_PROVIDER and others): the
    documentation of a lab server tells how.
    """
    _use(root, simulators)
    if users is not None:
        os.environ[settings.USERS_VARIABLE] = str(users.expanduser().resolve())
    if scheduler is not None:
        os.environ[settings.SCHEDULER_VARIABLE] = scheduler
    from dashboard.server import Access, serve_pages

    # A service manager stops the server as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: _end_loop())
    serve_pages(port=port, is_open=open_, access=Access(address, tuple(origin or ())))


@app.command()
def run(
    model: options.Model,
    method: options.MethodName = "snpe",
    set_: options.Settings = None,
    observation: options.Recording = "default",
    sweep: options.Sweep = None,
    extra: options.Extra = None,
    extra_epochs: options.ExtraEpochs = "",
    alike: options.Alike = False,  # noqa: FBT002
    read: options.Read = None,
    property_: options.PropertyFile = None,
    target: options.Target = None,
    seed: options.Seed = 0,
    root: options.Root = None,
    simulators: options.SimulatorFiles = None,
) -> None:
    """Infer the parameters of a model, here and now; the browser shows the same run.

    With the address of a Dask scheduler in POSTERIOR_LAB_SCHEDULER its workers simulate; they must see the
    folder of runs under the same path.
    """
    _use(root, simulators)
    from dashboard.asked import Asked, observation_of
    from inference.requests import Request, check
    from inference.runs import RunStore
    from inference.settings import make_config, read_settings

    given = read_settings(set_ or [])
    config = make_config(method, given)
    asked = Asked(
        observation, sweep, tuple(extra or ()), extra_epochs, alike, read_settings(read or []),
        property_, tuple(target or ()),
    )  # fmt: skip
    request = Request(
        model,
        method,
        {name: getattr(config, name) for name in given},
        observation_of(model, asked),
        seed,
        tuple(str(file.resolve()) for file in simulators or ()),
    )
    check(request)
    _perform(RunStore(settings.root()).create(request, owner=settings.account()))


@app.command("list")
def list_runs(root: options.Root = None) -> None:
    """All runs, newest first."""
    _use(root, None)
    from dashboard.jobs import reconcile
    from inference.runs import RunStore

    store = RunStore(settings.root())
    reconcile(store, now=time.time())
    runs, notes = store.scan()
    rows = [[run.id, run.state, run.request.simulator, run.request.method, text.remark(run)] for run in runs]
    _echo(
        text.table(["run", "state", "model", "method", ""], rows) if rows else f"No runs in {store.root} yet."
    )
    for note in notes:
        typer.echo(note, err=True)


@app.command()
def show(run_id: options.RunId, root: options.Root = None) -> None:
    """What a run was asked, how far it is, and what it found."""
    _echo(text.description(_get(run_id, root)))


@app.command()
def stop(run_id: options.RunId, root: options.Root = None) -> None:
    """Ask a run to stop; what is finished is kept. One that hangs is ended after half a minute."""
    run = _get(run_id, root)
    run.request_stop()
    deadline = time.monotonic() + 5
    while run.state == "stopping" and time.monotonic() < deadline:
        time.sleep(0.1)
    _echo(f"Run {run.id} is {run.state}. {run.message}".strip())


@app.command()
def resume(
    run_id: options.RunId, root: options.Root = None, simulators: options.SimulatorFiles = None
) -> None:
    """Go on with a run that was stopped, failed or lost; at most one chunk or epoch is repeated."""
    run = _get(run_id, root)
    _use(None, simulators)
    run.enqueue()
    _perform(run)


@app.command("simulators")
def list_simulators(simulators: options.SimulatorFiles = None) -> None:
    """The models on offer."""
    _use(None, simulators)
    from simulators import all_simulators

    rows = [
        [
            name,
            text.count(model.prior.dim, "parameter"),
            text.count(model.num_features, "feature"),
            model.title,
        ]
        for name, model in all_simulators().items()
    ]
    _echo(text.table(["model", "", "", ""], rows))


@app.command("methods")
def list_methods() -> None:
    """The methods on offer and their settings."""
    from inference.methods import METHODS

    _echo("\n\n".join(text.settings_of(method) for method in METHODS.values()))


@app.command()
def doctor(root: options.Root = None) -> None:
    """Versions, cores, memory and disk: what to look at first when something is slow or fails."""
    _use(root, None)
    from dashboard.checkup import checkup

    _echo(text.table(["", ""], checkup(settings.root())))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="speed|jax-peers|accuracy", help="Beside peers, or against references.")
    ],
) -> None:
    """Measure this package, in a checkout; options after the name are the benchmark's own (try -- --help)."""
    from dashboard.bench import run_benchmark

    sys.exit(run_benchmark(name, context.args))


def _use(root: Path | None, simulator_files: list[Path] | None) -> None:
    """Put the choices where this process, its workers and the pages look for them: into the environment."""
    if root is not None:
        os.environ[settings.ROOT_VARIABLE] = str(root.expanduser().resolve())
    if simulator_files:
        from simulators.catalogue import FILES_VARIABLE, load_simulators

        for file in simulator_files:
            load_simulators(file)
        os.environ[FILES_VARIABLE] = os.pathsep.join(str(file.resolve()) for file in simulator_files)


def _get(run_id: str, root: Path | None) -> Any:
    _use(root, None)
    from inference.runs import RunStore

    return RunStore(settings.root()).get(run_id)


def _perform(run: Any) -> None:
    """Perform a run here, with a progress bar; the exit code is 2 if it fails, 130 if it is stopped."""
    from inference.execute import perform
    from inference.hard_stop import end_what_is_stuck

    typer.echo(f"Run {run.id} in {run.folder}", err=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGTERM: a batch system's time limit
        signal.signal(number, lambda *_: _interrupt(run))
    perform(run, client=settings.scheduler(), ends_process=True)
    state = run.state
    if state == "failed":
        _fail(run.message, code=2)
    if state != "done":
        typer.echo(f"{run.message} Go on with: posterior-lab resume {run.id}", err=True)
        end_what_is_stuck()
        sys.exit(130)
    _echo(text.answer(run.result().tree))


def _interrupt(run: Any) -> None:
    """Stop at once; and ask for it too, because a library under way may swallow the interrupt."""
    with suppress(ValueError, OSError):
        run.request_stop()
    raise KeyboardInterrupt


def _end_loop() -> None:
    """Interrupt the loop of this thread between two of its callbacks: within one, that may be lost."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise KeyboardInterrupt from None
    loop.call_soon_threadsafe(signal.raise_signal, signal.SIGINT)


def _echo(words: str) -> None:
    typer.echo(words)


def _fail(sentence: str, *, code: int) -> None:
    if os.environ.get(DEBUG_VARIABLE) and sys.exc_info()[0] is not None:
        raise  # noqa: PLE0704  asked for: the traceback
    typer.echo(f"Error: {' '.join(sentence.split())}", err=True)
    sys.exit(code)
