"""A method that takes no time, for tests of what is around methods."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture
def tiny(monkeypatch):
    spec = importlib.util.spec_from_file_location("tiny_method", Path(__file__).with_name("tiny_method.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install(monkeypatch)
    return module
