"""Serving the pages from one web process; the heavy work is done by the workers of `dashboard.jobs`."""

import logging
import shutil
import socket
from pathlib import Path

import panel as pn
import typer

from dashboard import compilation, settings
from dashboard.jobs import get_jobs
from inference.files import move_into_place, staging
from inference.runs import RunStore

PAGES = Path(__file__).parent / "pages"
EXAMPLES = Path(__file__).parent / "examples"
HOME = "home"
ADDRESS = "127.0.0.1"  # this machine only: the pages have no login
MAX_UPLOAD_BYTES = 500 * 2**20
SESSION_MILLISECONDS = 2 * 3600 * 1000  # a laptop may sleep as long, and find its page alive


def serve_pages(*, port: int, is_open: bool) -> None:
    """Serve all pages until interrupted.

    Args:
        port: 0 takes a free one.
        is_open: open a browser.

    Raises:
        ValueError: the port is taken.
    """
    port = _free_port(port)
    root = settings.root()
    bring_examples(RunStore(root))
    _be_quiet()
    compilation.prune()
    jobs = get_jobs()
    jobs.warm_up()
    typer.echo(f"Posterior Lab: http://localhost:{port}   (runs in {root}; end with Ctrl-C)")
    try:
        pn.serve(
            dict(pages()),
            port=port,
            address=ADDRESS,
            websocket_origin=[f"{host}:{port}" for host in ("localhost", ADDRESS)],
            show=is_open,
            verbose=False,
            websocket_max_message_size=MAX_UPLOAD_BYTES,
            unused_session_lifetime_milliseconds=SESSION_MILLISECONDS,
            check_unused_sessions_milliseconds=60_000,
            liveness=True,
        )
    finally:
        jobs.close()


def pages() -> dict[str, Path]:
    """Address -> file of every page; the root address is the home page."""
    found = {path.stem: path for path in sorted(PAGES.glob("*.py")) if not path.stem.startswith("_")}
    return {"/": found[HOME], **found}


def bring_examples(store: RunStore) -> None:
    """Copy the finished runs that ship with the program into the store, unless they are there."""
    for example in sorted(EXAMPLES.glob("*/run.json")):
        target = store.folder / example.parent.name
        if not target.exists():
            with staging(store.folder) as beside:
                shutil.copytree(example.parent, beside / target.name)
                move_into_place(beside / target.name, target)


def _free_port(port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ValueError(f"Port {port} is taken; choose another with --port.") from error
        return probe.getsockname()[1]


def _be_quiet() -> None:
    """Warnings and errors only; one line per request is for nobody."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    for name in ("bokeh", "tornado", "tornado.access", "distributed", "panel"):
        logging.getLogger(name).setLevel(logging.ERROR if name == "distributed" else logging.WARNING)
