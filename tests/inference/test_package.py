"""Every public name can be had from the package, which loads it only then."""

import subprocess
import sys

import pytest

import inference


@pytest.mark.parametrize("name", inference.__all__)
def test_a_public_name_is_what_it_says(name):
    found = getattr(inference, name)
    assert getattr(found, "__name__", name).endswith(name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'SNPF'"):
        inference.SNPF  # noqa: B018


def test_one_method_does_not_load_the_others():
    told = "import sys; from inference import SNPE, run; sys.exit('inference.methods.epi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", told], check=False).returncode == 0
