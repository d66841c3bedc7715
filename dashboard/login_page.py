"""The page that asks somebody to log in, or says why they may not."""

from pathlib import Path

from tornado.web import RequestHandler

PAGE = (Path(__file__).parent / "static" / "login.html").read_text(encoding="utf-8")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"


def show_login(handler: RequestHandler, content: str) -> None:
    """Answer with the page.

    Args:
        handler: of the request.
        content: trusted markup below the headline.
    """
    handler.set_header("Cache-Control", "no-store")
    handler.set_header("Content-Security-Policy", POLICY)
    handler.finish(PAGE.format(content=content))


def safe_next(address: str) -> str:
    """An address of this server to go on to; the home page for any other."""
    is_ours = address.startswith("/") and not address.startswith("//") and "\\" not in address
    return address if is_ours and address.isprintable() else "/"
