"""Settings check themselves, also when a loop over a NumPy array gives them."""

import json
from dataclasses import astuple, dataclass

import numpy as np
import pytest

from inference.methods.fields import check_settings, setting


@dataclass(frozen=True)
class Config:
    """Of a method; defined here, where the types of arguments are not checked, as for a user."""

    num: int = setting(100, "Number", "Of something.", bounds=(10, 1_000))
    rate: float = setting(0.1, "Rate", "Of something.", bounds=(0.0, 1.0))

    def __post_init__(self):
        check_settings(self)


def test_numbers_of_numpy_become_numbers_of_python():
    config = Config(np.int64(20), np.float32(0.25))
    assert [type(value) for value in astuple(config)] == [int, float]
    assert json.dumps(astuple(config)) == "[20, 0.25]"


@pytest.mark.parametrize("wrong", [np.int64(1), np.bool_(True), "many", np.float64("nan")])
def test_what_is_no_number_within_the_bounds_is_told(wrong):
    with pytest.raises(ValueError, match="num must be a number from 10 to 1,000; got"):
        Config(wrong)
