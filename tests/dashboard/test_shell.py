"""What all pages share: themes, alerts, and a page for when a page fails."""

import logging
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.server.session import ServerSession
from panel.io.state import set_curdoc
from tornado.websocket import WebSocketClosedError

from dashboard import shell, theme


@pytest.fixture
def state(monkeypatch):
    fake = SimpleNamespace(session_args={}, cookies={})
    monkeypatch.setattr(shell.pn, "state", fake)
    return fake


@pytest.mark.parametrize(
    ("asked", "cookie", "is_dark"),
    [
        (None, None, False),
        (None, "dark", True),
        (b"light", "dark", False),
        (b"dark", None, True),
        (b"\xff", "dark", True),
    ],
)
def test_the_theme_of_the_link_wins_over_the_remembered_one(state, asked, cookie, is_dark):
    state.session_args = {} if asked is None else {"theme": [asked]}
    state.cookies = {} if cookie is None else {shell.COOKIE: cookie}
    assert shell.prefers_dark() is is_dark


def test_plots_follow_the_theme(monkeypatch):
    figure = theme.figure("time (ms)", "voltage (mV)")
    line = theme.paint(figure.line([0, 1], [0, 1]), line_color="data")
    assert line.glyph.line_color == theme.LIGHT.data
    monkeypatch.setattr(theme, "is_dark", lambda: True)
    theme.repaint(figure)
    assert line.glyph.line_color == theme.DARK.data


@pytest.mark.parametrize("shown", [theme.LIGHT, theme.DARK])
def test_colours_stand_out_on_their_background(shown):
    """WCAG: 4.5 to 1 for words, 3 to 1 for what is drawn."""
    for role in ("text", "quiet"):
        assert contrast(getattr(shown, role), shown.surface) >= 4.5
        assert contrast(getattr(shown, role), shown.canvas) >= 4.5
    for role in ("data", "model", "prior", "truth", "stimulus"):
        assert contrast(getattr(shown, role), shown.surface) >= 3


def test_words_of_users_are_escaped():
    line = shell.Line(testid="x", kind="error")
    line.text = "<img src=x onerror=alert(1)>"
    assert "<img" not in line._markup(line.text)
    assert "<img" not in shell.alert(line.text).objects[0].object
    assert "<img" not in shell.heading(line.text, lead=line.text).object


def test_a_page_that_fails_is_a_page_that_says_so(monkeypatch, caplog):
    shown = []
    monkeypatch.setattr(shell.pmui.Page, "servable", lambda page: shown.append(page))

    def fails():
        raise RuntimeError("no such folder")

    with caplog.at_level(logging.ERROR):
        shell.serve(fails)
    assert shown[0].meta.title.startswith("Something went wrong")
    assert "no such folder" in caplog.text


@pytest.mark.parametrize(
    ("error", "is_logged"), [(WebSocketClosedError(), False), (ValueError("wrong"), True)]
)
def test_a_closed_page_is_no_news(error, is_logged):
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, "", None, (type(error), error, None))
    assert shell.is_worth_logging(record) is is_logged


def contrast(first, second):
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_page_leaves_nothing_behind_in_the_process():
    """A page that follows the state of the whole process is told every event, and kept, for ever."""
    watchers = vars(shell.pn.state)["_param__private"].watchers
    shell.page("One", "content")
    before = len(watchers["busy"]["value"])
    for _ in range(3):
        shell.page("Another", "content")
    assert len(watchers["busy"]["value"]) == before


def test_a_button_may_change_figures_without_the_documents_lock(monkeypatch):
    """As Panel runs a click that overtakes another change; plain Bokeh refuses the change."""
    document, source = Document(), ColumnDataSource({"x": [0]})
    document.add_root(source)
    session = ServerSession("any", document, io_loop=Mock())
    document._session_context = lambda: SimpleNamespace(
        session=session, id="any", request=SimpleNamespace(arguments={}, cookies={}, headers={})
    )
    state = shell.pn.state
    monkeypatch.setattr("bokeh.io.doc._PATCHED_CURDOCS", [])  # where Bokeh leaves the document of a failure
    monkeypatch.setattr(type(state), "loaded", True)
    monkeypatch.setattr(type(state), "_current_thread", state._thread_id)

    def act():
        source.data = {"x": [1]}

    with set_curdoc(document):
        with pytest.raises(RuntimeError, match="_pending_writes"):
            act()
        shell.button("Change", act).param.trigger("clicks")
    assert source.data == {"x": [1]}
