"""What all pages share: header, navigation, width, footer, theme, and small pieces of text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.util.parameters import edit_readonly
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError

from dashboard import links, rights, theme
from dashboard.drags import Drags
from dashboard.names import Names

log = logging.getLogger(__name__)
STYLE = (Path(__file__).parent / "static" / "text.css").read_text(encoding="utf-8")
UPLOAD_STYLE = (Path(__file__).parent / "static" / "upload.css").read_text(encoding="utf-8")
WIDTH = 1240  # pixels, of the content; lines of text stay far below it
COOKIE = "posterior_lab_theme"
YEAR = 365 * 24 * 3600  # seconds


def page(
    title: str, *content: Any, active: str = "", problems: Sequence[str] = (), extensions: Sequence[str] = ()
) -> pmui.Page:
    """A whole page around ``content``.

    Args:
        title: of the browser tab.
        content: anything Panel can show, from top to bottom.
        active: which navigation link is current: "home", "infer", "compare" or "".
        problems: sentences to show above everything else, for instance about a wrong link.
        extensions: Panel extensions that the content needs, for instance "filedropper".
    """
    pn.extension(*extensions, reconnect=True, notifications=True)
    for name in ("asyncio", "tornado.application"):
        logging.getLogger(name).addFilter(is_worth_logging)
    dark = prefers_dark()
    shown = pmui.Page(
        title="",  # the header below has its own; the tab's title comes from meta_title
        meta_title=f"{title} · Posterior Lab",
        header=[html(_header(active))],
        main=[
            pmui.Column(
                *map(alert, problems),
                *content,
                html(_FOOTER),
                *(kind(**_UNSEEN) for kind in (Names, Drags)),
                **_COLUMN,
            )
        ],
        main_width=WIDTH + 2 * 32,
        dark_theme=dark,
        theme_config=theme.theme_config(),
        busy_indicator=None,
        sx=_PAGE_SX,
        favicon=_ICON,
    )
    with edit_readonly(shown):
        # Its own state, not the process's: else every event of anybody is told to all pages that ever were,
        # and none of them can be forgotten.
        shown.busy = shown.param.loading
    _follow_theme(shown)
    return shown


def serve(make: Callable[[], pmui.Page]) -> None:
    """Show the page in the current session; if it cannot be made, a page that says so (the log says why)."""
    try:
        _mend_address()
        shown = make()
    except rights.NotAllowed as refused:
        shown = page("Log in", alert(str(refused)))
    except Exception:
        log.exception("The page could not be made")
        sentence = "This page could not be made; the server's log says why. Check the address, or go home."
        shown = page("Something went wrong", alert(sentence, severity="error"))
    shown.servable()


def _mend_address() -> None:
    """Escape what may stand in a query as it is, but would make Panel's reader of addresses stumble."""
    context: Any = pn.state.curdoc.session_context if pn.state.curdoc else None
    if context is not None:
        path, sign, query = context.request.uri.partition("?")
        context.request.uri = path + sign + query.replace("?", "%3F").replace("#", "%23")


def prefers_dark() -> bool:
    """Which theme to start with: the link's (``?theme=dark``), or the one chosen last in this browser."""
    asked = pn.state.session_args.get("theme", [b""])[-1].decode("ascii", "replace")
    return (asked if asked in ("dark", "default", "light") else pn.state.cookies.get(COOKIE, "")) == "dark"


def html(markup: str, **settings: Any) -> pn.pane.HTML:
    """Trusted markup in the house's type; values inside must have gone through ``html.escape``."""
    return pn.pane.HTML(
        markup, stylesheets=[STYLE], **{"sizing_mode": "stretch_width", "margin": 0, **settings}
    )


def heading(words: str, *, lead: str = "", level: int = 1) -> pn.pane.HTML:
    """A heading and, under it, one or two sentences that say what the page is for."""
    below = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    return html(f"<h{level}>{escape(words)}</h{level}>{below}")


def alert(sentence: str, severity: str = "warning", testid: str = "problem") -> pmui.Alert:
    """One sentence that needs attention: "error", "warning", "info" or "success"."""
    words = html(f'<span data-testid="{testid}">{escape(sentence)}</span>')
    settings = {"margin": (0, 0, 20, 0), "sizing_mode": "stretch_width", "sx": _ALERT_SX}
    return pmui.Alert(words, severity=severity, closeable=severity != "error", **settings)


def plot(figure: Any) -> pn.pane.Bokeh:
    """A Bokeh figure, as wide as its place."""
    return pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=0)


def legend(*entries: tuple[str, str]) -> pn.pane.HTML:
    """What the colours of the plot below mean: (role in ``theme.Colours``, words) each."""
    return html(legend_html(*entries), margin=(0, 0, 6, 0))


def legend_html(*entries: tuple[str, str]) -> str:
    """The markup of a legend, for one that changes."""
    items = "".join(f'<li><i class="{role}"></i>{escape(words)}</li>' for role, words in entries)
    return f'<ul class="legend">{items}</ul>'


def button(words: str, act: Callable[[], Any], *, help_text: str = "", **settings: Any) -> pmui.Button:
    """A button that calls ``act``; quiet unless ``variant="contained"``."""
    quiet = {"variant": "outlined", "color": "default", "size": "small", "sx": _BUTTON_SX, "margin": 0}
    made = pmui.Button(label=words, description=help_text or None, **{**quiet, **settings})

    def press(_: object) -> None:
        with pn.io.hold():  # Panel runs a click that overtakes another change without the document's lock
            act()

    made.on_click(press)
    return made


def file_dropper(limit: int, **settings: Any) -> pn.widgets.FileDropper:
    """A box for uploads of at most ``limit`` bytes each; the page needs the extension "filedropper"."""
    return pn.widgets.FileDropper(
        max_file_size=f"{limit // 10**6}MB",
        layout="compact",
        previews=[],
        stylesheets=[UPLOAD_STYLE],
        **{"sizing_mode": "stretch_width", "margin": 0, **settings},
    )


class Line(pn.viewable.Viewer):
    """One line of text that changes: the summary beside a plot, a state. Screen readers and tests read it.

    Args:
        testid: value of ``data-testid``.
        kind: CSS class: "summary", "state", "warning", "error" or "lead".
    """

    text = param.String(doc="The words; empty shows nothing.")
    kind = param.String("summary")
    testid = param.String(constant=True)

    def __panel__(self) -> pn.pane.HTML:
        return html(self.param.text.rx.pipe(self._markup))

    def _markup(self, text: str) -> str:
        live = ' aria-live="polite"' if self.kind != "summary" else ""
        return f'<p class="{self.kind}" data-testid="{self.testid}"{live}>{escape(text)}</p>'


def card(*content: Any, **settings: Any) -> pmui.Paper:
    """A quiet surface that holds what belongs together."""
    return pmui.Paper(
        *content,
        elevation=0,
        sx=_CARD_SX,
        **{"margin": (0, 0, 20, 0), "sizing_mode": "stretch_width", **settings},
    )


def step(number: int, name: str, *content: Any) -> pmui.Paper:
    """One of several things to do, one after the other."""
    return card(
        html(f'<div class="step"><i aria-hidden="true">{number}</i><h2>{escape(name)}</h2></div>'), *content
    )


def columns(*content: Any, widths: str, align: str = "start", from_size: str = "md") -> pmui.Column:
    """Beside each other on a wide screen, below each other on a narrow one.

    Args:
        content: one thing per column.
        widths: as in CSS ``grid-template-columns``.
        align: as in CSS ``align-items``.
        from_size: from which width on beside each other: "sm" (600 px), "md" (900) or "lg" (1200).
    """
    grid = {
        "display": "grid",
        "gap": "20px",
        "gridTemplateColumns": {"xs": "minmax(0, 1fr)", from_size: widths},
    }
    return pmui.Column(*content, sizing_mode="stretch_width", margin=0, sx={**grid, "alignItems": align})


def _follow_theme(shown: pmui.Page) -> None:
    """Paint plots in the theme, again whenever it is toggled, and remember the choice in a cookie."""

    def repaint(*_: object) -> None:
        for pane in shown.select(pn.pane.Bokeh):
            if isinstance(pane, pn.pane.Bokeh) and pane.object is not None:
                theme.repaint(pane.object)

    repaint()
    shown.param.watch(repaint, "dark_theme")
    choice = f"'{COOKIE}=' + (cb_obj.dark_theme ? 'dark' : 'light')"
    shown.jscallback(dark_theme=f"document.cookie = {choice} + '; path=/; max-age={YEAR}; SameSite=Lax'")


def is_worth_logging(record: logging.LogRecord) -> bool:
    """All but what is no fault: something was on its way to a closed page, or to who has to log in first."""
    error = record.exc_info[1] if record.exc_info else None
    # Bokeh asserts that a closing page is still known, but its own keep-alive may just have dropped it.
    is_dropped = isinstance(error, AssertionError) and "/ws" in record.getMessage()
    is_sent_away = isinstance(error, TypeError) and "/autoload.js" in record.getMessage()
    return not (is_dropped or is_sent_away or isinstance(error, WebSocketClosedError | StreamClosedError))


def _header(active: str) -> str:
    places = (
        ("home", "Models and runs", links.home_url()),
        ("infer", "New run", links.infer_url()),
        ("compare", "Compare runs", links.compare_url([])),
    )
    anchors = "".join(
        f'<a href="{url}"{" aria-current=page" if name == active else ""}>{words}</a>'
        for name, words, url in places
    )
    brand = f'<a class="brand" href="{links.home_url()}">{_ICON.read_text("utf-8")}Posterior Lab</a>'
    return f'<div class="top">{brand}<nav aria-label="Pages">{anchors}</nav>{_whoever()}</div>'


def _whoever() -> str:
    """Who is logged in, and the way out; nothing on a server for one person."""
    try:
        name = rights.person()
    except rights.NotAllowed:
        name = None
    if name is None:
        return ""
    out = ' · <a href="logout">Log out</a>' if rights.may_log_out() else ""
    return f'<span class="whoever" data-testid="whoever">{escape(name)}{out}</span>'


# Two overlapping densities, prior and posterior: the sign of the house.
_ICON = Path(__file__).parent / "static" / "icon.svg"
_FOOTER = "<footer>Posterior Lab · every view is a link: copy the address to share it.</footer>"
_UNSEEN = {"width": 0, "height": 0, "margin": 0}
_COLUMN = {"sizing_mode": "stretch_width", "margin": 0, "sx": {"padding": "36px 32px 24px", "gap": 0}}
_CARD_SX = {
    "border": "1px solid",
    "borderColor": "divider",
    "borderRadius": "8px",
    "padding": "20px 22px",
    "backgroundImage": "none",
    "boxSizing": "border-box",
    "height": "100%",
}
_BUTTON_SX = {"borderColor": "divider", "color": "text.primary", "&:hover": {"borderColor": "primary.main"}}
# Of a row of choices whose label only screen readers need.
TOGGLE_SX = {
    "& .MuiToggleButton-root": {"textTransform": "none", "whiteSpace": "nowrap", "padding": "6px 18px"}
}
HIDDEN_LABEL = ".MuiFormLabel-root { position: absolute; width: 1px; height: 1px; overflow: hidden; }"
_ALERT_SX = {"padding": "2px 14px", "& .MuiAlert-message": {"paddingTop": "7px"}}
_PAGE_SX = {
    ".header": {
        "backgroundColor": "background.paper",
        "backgroundImage": "none",
        "color": "text.primary",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
        "& .MuiLinearProgress-root": {
            "display": "none"
        },  # without a name; busy_indicator=None does not reach it
    },
    ".main": {"backgroundColor": "background.default"},
}
