"""Commands about whole runs: take along, bring in, delete, bring back, and how soon one is performed."""

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dashboard import options, settings
from inference.files import write_atomically

Kind = Annotated[str, typer.Option("--format", help="netcdf, csv, notebook, html, methods or zip.")]
Target = Annotated[
    Path | None, typer.Option("--to", metavar="FILE", help="Where to; default: named as the run, here.")
]
ZipFile = Annotated[Path, typer.Argument(metavar="FILE", help="The .zip of a run folder.")]
ENDINGS = {
    "netcdf": ".nc",
    "csv": ".csv",
    "notebook": ".ipynb",
    "html": ".html",
    "methods": ".txt",
    "zip": ".zip",
}


def add_to(app: typer.Typer) -> None:
    """Add the commands to `posterior-lab`."""
    app.command("export")(export)
    app.command("import")(bring_in)
    app.command()(delete)
    app.command()(undelete)
    app.command()(trash)
    app.command()(remove)
    app.command()(priority)


def export(run_id: options.RunId, kind: Kind = "zip", to: Target = None, root: options.Root = None) -> None:
    """Write a finished run as one file."""
    if kind not in ENDINGS:
        raise ValueError(f"A run is written as one of {', '.join(ENDINGS)}; got '{kind}'.")
    run = _store(root).get(run_id)
    target = to or Path(f"{run.id}{ENDINGS[kind]}")
    write_atomically(target, _maker(kind)(run, run.result().tree).getvalue())
    typer.echo(f"Run {run.id} is in {target}")


def bring_in(file: ZipFile, root: options.Root = None) -> None:
    """Make a run of the .zip of a run folder."""
    from inference.archive import unpack

    with open(file, "rb") as stream:
        run = unpack(
            stream, _store(root).folder, owner=settings.account(), most_bytes=settings.upload_limit(),
            check_room=lambda num_bytes: None,
        )  # fmt: skip
    typer.echo(f"Run {run.id} in {run.folder}")


def delete(run_id: options.RunId, root: options.Root = None) -> None:
    """Move a run into the trash, from which the server removes it after 14 days."""
    from inference import trash

    run = _store(root).get(run_id)
    trash.delete(run)
    typer.echo(f"Run {run.id} is deleted. Bring it back with: posterior-lab undelete {run.id}")


def undelete(run_id: options.RunId, root: options.Root = None) -> None:
    """Bring a deleted run back."""
    from inference import trash
    from inference.runs import RunStore

    run = trash.restore(RunStore(trash.trash_root(_store(root).root)).get(run_id))
    typer.echo(f"Run {run.id} is back, {run.state}.")


def trash(root: options.Root = None) -> None:
    """The deleted runs, and when each is removed for good."""
    from dashboard import text
    from inference.runs import RunStore
    from inference.trash import gone_at, trash_root

    runs = RunStore(trash_root(_store(root).root)).list()
    rows = [[run.id, run.owner, f"{datetime.fromtimestamp(gone_at(run)[0]):%Y-%m-%d %H:%M}"] for run in runs]
    typer.echo(text.table(["run", "owner", "gone for good"], rows) if rows else "No deleted runs.")


def remove(run_id: options.RunId, root: options.Root = None) -> None:
    """Remove a deleted run for good."""
    from inference import trash
    from inference.runs import RunStore

    trash.remove(RunStore(trash.trash_root(_store(root).root)).get(run_id))
    typer.echo(f"Run {run_id} is gone for good.")


def priority(run_id: options.RunId, priority: options.Priority, root: options.Root = None) -> None:
    """Change how soon a queued run is performed."""
    from inference.turns import set_priority

    run = _store(root).get(run_id)
    set_priority(run, priority)
    typer.echo(f"Run {run.id} has {priority} priority.")


def _maker(kind: str) -> Callable[[Any, Any], io.BytesIO]:
    from dashboard import downloads
    from dashboard.methods_paragraph import methods_paragraph
    from dashboard.taking import MAKERS

    if kind in MAKERS:
        return MAKERS[kind][2]
    makers = {
        "netcdf": downloads.tree_netcdf,
        "csv": downloads.draws_csv,
        "methods": lambda tree: io.BytesIO(methods_paragraph(tree).encode()),
    }
    return lambda run, tree: makers[kind](tree)


def _store(root: Path | None) -> Any:
    from inference.runs import RunStore

    return RunStore(settings.root() if root is None else root)
