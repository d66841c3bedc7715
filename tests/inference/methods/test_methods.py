"""What every method on offer promises; a new one is tested by being registered."""

import inspect
from dataclasses import fields

import pytest

from inference import METHODS
from inference.requests import Request, check

AMORTISED = ("snpe", "hnpe")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in AMORTISED])
def test_without_an_observation_nothing_is_begun(name):
    """SNPE and HNPE have an answer for all observations."""
    what = {"observation": "an observation", "property": "an emergent property"}[METHODS[name].goal]
    with pytest.raises(ValueError, match=f"The method {name} needs {what}"):
        check(Request("linear_gaussian", name, observation={"kind": "none"}))


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].goal == "observation"])
def test_an_emergent_property_is_for_another_method(name):
    asked = {"kind": "property", "mean": {"x[0]": 0.0}, "sd": {"x[0]": 1.0}}
    with pytest.raises(ValueError, match="an emergent property needs the method epi"):
        check(Request("linear_gaussian", name, observation=asked))


@pytest.mark.parametrize("name", METHODS)
def test_it_introduces_itself(name):
    method = METHODS[name]
    assert method.name == name
    assert method.title
    assert method.config() == method.config()


@pytest.mark.parametrize("name", METHODS)
def test_help_lists_every_setting_with_its_explanation(name):
    config = METHODS[name].config
    words = " ".join((inspect.getdoc(config) or "").split())
    for item in fields(config):
        assert f" {item.name}: {item.metadata['label']}. {item.metadata['help']} (default " in words
