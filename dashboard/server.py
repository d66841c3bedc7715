"""Serving the pages from one web process; the heavy work is done by the workers of `dashboard.jobs`."""

import gc
import logging
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import panel as pn
import typer
from panel.io.liveness import LivenessHandler
from panel.io.server import DocHandler

from dashboard import compilation, logins, settings, shell
from dashboard.jobs import get_jobs
from dashboard.unused import forget_unused_pages
from inference.files import move_into_place, staging
from inference.runs import RunStore
from inference.trash import empty_trash

PAGES = Path(__file__).parent / "pages"
EXAMPLES = Path(__file__).parent / "examples"
HOME = "home"
ADDRESS = "127.0.0.1"  # this machine only
LOCAL = ("localhost", ADDRESS)
MAX_UPLOAD_BYTES = 500 * 2**20
CHECK_MILLISECONDS = 5_000  # how often pages that nobody needs are removed
SESSION_MILLISECONDS = 2 * 3600 * 1000  # a laptop may sleep as long, and find its page alive
# Objects, and looks, after which garbage is sought, by its age; when a page is closed, Bokeh looks for all.
COLLECTIONS = (50_000, 20, 10)


@dataclass(frozen=True)
class Access:
    """From where a server can be reached, beside this machine.

    Attributes:
        address: of the network that it listens to.
        origins: further names in the browser's address, as host or host:port.
    """

    address: str = ADDRESS
    origins: tuple[str, ...] = ()

    @property
    def is_behind_proxy(self) -> bool:
        """Whether to believe what a request says of where it comes from, and whether by https.

        Only a reverse proxy of this machine can ask then.
        """
        is_ours = self.address in LOCAL and bool(self.origins)
        return is_ours and settings.user_header() is None  # else who connects must be seen

    def check(self) -> None:
        """Whether that is safe.

        Raises:
            ValueError: others could reach the pages without a login, or every address is an origin.
        """
        if logins.known() is None and (self.address not in LOCAL or self.origins):
            raise ValueError(
                "Without logins, the pages are for this machine only: give --users FILE, made with "
                "posterior-lab users add FILE NAME, or set up OAuth or a reverse proxy that names people."
            )
        if any("*" in origin for origin in self.origins):
            raise ValueError("An origin is the exact name in the browser's address, such as lab.example.org.")


def serve_pages(*, port: int, is_open: bool, access: Access = Access()) -> None:  # noqa: B008  frozen
    """Serve all pages until interrupted.

    Args:
        port: 0 takes a free one.
        is_open: open a browser.
        access: from where.

    Raises:
        ValueError: the port is taken, who may log in cannot be relied on, or others could come in without
            a login.
    """
    access.check()
    login = logins.server_settings()
    port = _free_port(port, access.address)
    root = settings.root()
    bring_examples(RunStore(root))
    empty_trash(root, now=time.time())
    _be_quiet()
    _collect_seldom()
    compilation.prune()
    jobs = get_jobs()
    jobs.warm_up()
    forget_unused_pages()
    _answer_head()
    typer.echo(f"Posterior Lab: http://localhost:{port}   (runs in {root}; end with Ctrl-C)")
    try:
        pn.serve(
            dict(pages()),
            port=port,
            address=access.address,
            websocket_origin=[*(f"{host}:{port}" for host in LOCAL), *access.origins],
            use_xheaders=access.is_behind_proxy,
            show=is_open,
            verbose=False,
            websocket_max_message_size=MAX_UPLOAD_BYTES,
            unused_session_lifetime_milliseconds=SESSION_MILLISECONDS,
            check_unused_sessions_milliseconds=CHECK_MILLISECONDS,
            liveness=True,
            **login,
        )
    finally:
        jobs.close()


def _collect_seldom() -> None:
    """Look for garbage less often: each look goes through everybody's pages, while somebody waits."""
    gc.freeze()
    gc.set_threshold(*COLLECTIONS)


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


def _free_port(port: int, address: str = ADDRESS) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise ValueError(f"Port {port} is taken; choose another with --port.") from error
        return probe.getsockname()[1]


def _answer_head() -> None:
    """Answer HEAD, which monitors and previews of links ask, as GET is; Tornado leaves out the body."""
    for handler in (DocHandler, LivenessHandler):
        handler.head = handler.get


def _be_quiet() -> None:
    """Warnings and errors only; one line per request is for nobody."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    logging.getLogger("tornado.application").addFilter(shell.is_worth_logging)  # also before the first page
    for name in ("bokeh", "tornado", "tornado.access", "distributed", "panel"):
        logging.getLogger(name).setLevel(logging.ERROR if name == "distributed" else logging.WARNING)
