"""What every method on offer promises; a new one is tested by being registered."""

import pytest

from inference import METHODS
from inference.requests import Request, check

AMORTISED = ("snpe", "hnpe")


@pytest.mark.parametrize("name", [name for name in METHODS if name not in AMORTISED])
def test_without_an_observation_nothing_is_begun(name):
    """SNPE and HNPE have an answer for all observations."""
    with pytest.raises(ValueError, match=f"The method {name} needs an observation"):
        check(Request("linear_gaussian", name, observation={"kind": "none"}))


@pytest.mark.parametrize("name", METHODS)
def test_it_introduces_itself(name):
    method = METHODS[name]
    assert method.name == name
    assert method.title
    assert method.config() == method.config()
