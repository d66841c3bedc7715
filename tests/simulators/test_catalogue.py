"""The catalogue: near misses, files that users bring."""

import numpy as np
import pytest

from simulators import SIMULATORS, all_simulators, get_simulator, load_simulators, simulate_batch

MODEL = """
import jax
from numpyro import distributions as dist
from simulators import Prior, Simulator

def simulate(key, theta):
    return theta["a"] + jax.random.normal(key, (2,))

mine = Simulator("mine", Prior({"a": dist.Normal(0.0, 1.0)}), simulate)
"""


def test_near_miss_is_suggested():
    with pytest.raises(ValueError, match="Did you mean 'hodgkin_huxley'"):
        get_simulator("hodgkin_huxly")
    with pytest.raises(ValueError, match="Known: .*two_moons"):
        get_simulator("zebra")
    with pytest.raises(KeyError, match="linear_gaussian"):
        SIMULATORS["linear_gausian"]


def test_a_file_brings_simulators(tmp_path, monkeypatch):
    file = tmp_path / "model.py"
    file.write_text(MODEL)
    assert get_simulator("mine", files=(str(file),)).feature_names == ("x[0]", "x[1]")
    monkeypatch.setenv("POSTERIOR_LAB_SIMULATORS", str(file))
    assert "mine" in all_simulators()
    assert get_simulator("mine") is get_simulator("mine")


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "does not exist"), ("1 / 0", "ZeroDivisionError"), ("x = 1", "defines no Simulator")],
)
def test_a_bad_file_is_one_clear_sentence(tmp_path, text, words):
    file = tmp_path / "model.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=words):
        load_simulators(file)


BLACK_BOX = """
from numpyro import distributions as dist
from simulators import Prior, Simulator

def helper(a):
    return [a, -a]

def function(theta, seed):
    return helper(theta["a"])

box = Simulator.from_numpy("box", Prior({"a": dist.Uniform(0.0, 1.0)}), function, ["m", "n"])
"""


def test_a_black_box_from_a_file_runs_in_worker_processes(tmp_path, key):
    file = tmp_path / "box.py"
    file.write_text(BLACK_BOX)
    simulations = simulate_batch(get_simulator("box", files=(str(file),)), key, num=6)
    np.testing.assert_allclose(simulations.x[:, 1], -simulations.theta[:, 0])
