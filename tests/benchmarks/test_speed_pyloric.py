"""The peer of the pyloric benchmark solves the same network."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.models import pyloric as model

HERE = Path(__file__).resolve().parent


@pytest.mark.long
def test_the_numpy_loop_takes_the_same_steps():
    """1000 steps of a rhythmic network and of two prior draws, without noise: to 1e-6 mV."""
    spec = importlib.util.spec_from_file_location("speed_pyloric", HERE / "speed_pyloric.py")
    speed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(speed)
    theta = np.concatenate([model.pyloric.true_theta[None], model.PRIOR.sample(jax.random.key(1), 2)])
    theta = theta.astype(float)
    found = speed.numpy_voltage(theta, lambda: np.zeros((3, 3)), 1000)
    with jax.enable_x64(True):
        quiet = jnp.zeros((40, 3, 3))
        ours = jax.jit(lambda t: model.voltage_of(t, lambda _: quiet, 26))(jnp.asarray(theta.T))
    np.testing.assert_allclose(found, ours[:, 1000], atol=1e-6)
