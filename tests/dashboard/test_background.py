"""What a page repeats: only while somebody looks at it."""

from types import SimpleNamespace

import panel as pn
import pytest

from dashboard import background


@pytest.mark.parametrize(("num_connections", "is_called"), [(1, True), (0, False)])
def test_a_closed_tab_costs_nothing(monkeypatch, num_connections, is_called):
    session = SimpleNamespace(connection_count=num_connections)
    document = SimpleNamespace(session_context=SimpleNamespace(session=session))
    repeated, calls = [], []
    monkeypatch.setattr(type(pn.state), "curdoc", property(lambda state: document))
    monkeypatch.setattr(
        type(pn.state), "add_periodic_callback", lambda state, callback, period: repeated.append(callback)
    )
    background.repeat(lambda: calls.append(1), milliseconds=100)
    repeated[0]()
    assert bool(calls) is is_called
