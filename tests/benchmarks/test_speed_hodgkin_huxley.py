"""The peer of the Hodgkin-Huxley benchmark solves the same neuron."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.models import hodgkin_huxley as model

HERE = Path(__file__).resolve().parent


def load(name):
    """A module of this folder by its file."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.long
def test_the_numpy_loop_takes_the_same_steps():
    """A spiking neuron without noise: to 1e-6 mV in double precision, over all 12 001 samples."""
    theta = np.asarray(model.hodgkin_huxley.true_theta, float)
    found = load("speed_hodgkin_huxley").numpy_voltage(theta, np.zeros(12_001))
    with jax.enable_x64(True):
        quiet = model.PRIOR.as_dict(jnp.asarray(np.where(np.arange(8) == 6, 0.0, theta)))
        ours = model.simulate(jax.random.key(0), quiet, model.current_step())
    assert found.max() > 0
    np.testing.assert_allclose(found, ours, atol=1e-6)


@pytest.mark.long
def test_repeats_are_compared_by_spikes_and_mean():
    speed = load("speed_hodgkin_huxley")
    voltages = np.full((3, 12_000), -70.0, np.float32)  # one sample short, as Brian2 records
    voltages[:, 5_000:5_100] = 0.0
    assert speed.agreement(voltages).startswith("1.00 ± 0.00; -69.")
