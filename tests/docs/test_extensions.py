"""What the documentation's own Sphinx extensions make of registries, tables and docstrings."""

import dataclasses
import sys
from pathlib import Path

import pytest

from inference.methods import METHODS
from simulators import SIMULATORS, get_simulator

FOLDER = Path(__file__).resolve().parent.parent.parent / "docs" / "_ext"


@pytest.fixture
def extensions(monkeypatch):
    """A function that imports an extension by its name, as Sphinx does."""
    from importlib import import_module

    monkeypatch.syspath_prepend(FOLDER)
    yield import_module
    for name in ("charts", "docstrings", "pictures", "tables"):
        sys.modules.pop(name, None)


@pytest.mark.long
def test_every_marginal_of_every_model_has_words(extensions):
    tables = extensions("tables")
    for name in SIMULATORS:
        for marginal in get_simulator(name).prior.marginals.values():
            assert tables.spread(marginal).split()[0] in {
                "uniform",
                "normal,",
                "normal",
                "log-normal:",
                "jointly",
            }
    assert "`g_Na` | $g_\\mathrm{Na}$ | mS/cm2 | uniform from 0.5 to 80" in tables.parameters(
        get_simulator("hodgkin_huxley")
    )


@pytest.mark.long
def test_settings_tables_have_every_setting(extensions):
    tables = extensions("tables")
    for name, method in METHODS.items():
        rows = tables.settings(name).splitlines()[2:]
        found = [row.split("`")[1] for row in rows]
        assert sorted(found) == sorted(item.name for item in dataclasses.fields(method.config))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("median of |a - b|", r"median of \|a - b\|"),
        ("(*m, dim) of `*m`", r"(\*m, dim) of `*m`"),
        ("y_i and x_ too", r"y_i and x\_ too"),
    ],
)
def test_docstrings_are_plain_text_with_code(extensions, line, expected):
    assert extensions("docstrings").escaped(line) == expected
