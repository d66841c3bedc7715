"""The peer of the Jansen-Rit benchmark is the same model."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from simulators.features.spectrum import log_power
from simulators.models import jansen_rit as model

HERE = Path(__file__).resolve().parent


def test_the_numpy_loop_takes_the_same_steps():
    """Two prior draws with the same noise: all 1024 samples to 1e-9 of their sd, the spectrum to 1e-9."""
    spec = importlib.util.spec_from_file_location("speed_jansen_rit", HERE / "speed_jansen_rit.py")
    speed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(speed)
    theta = np.asarray(model.PRIOR.sample(jax.random.key(1), 2), float)
    noise = np.random.default_rng(2).normal(size=(model.NUM_STEPS, 6, 2))
    rows = iter(noise)
    found = speed.numpy_potential(theta.T, lambda: next(rows))

    @jax.jit
    def ours(theta, noise):
        def advance(state, xi):
            moved = model.push(model.relax(state, tuple(xi), theta["sigma"]), theta, model.STEP)
            return moved, state[1] - state[2]

        start = model.push(tuple(noise[0]), theta, model.STEP / 2)
        _, path = jax.lax.scan(advance, start, noise[1:])
        return 10 ** (theta["g"] / 10) * path[2048::8]

    with jax.enable_x64(True):
        for i, row in enumerate(theta):
            y = np.asarray(ours(model.PRIOR.as_dict(jnp.asarray(row)), jnp.asarray(noise[:, :, i])))
            np.testing.assert_allclose(found[:, i], y, rtol=0, atol=1e-9 * y.std())
            np.testing.assert_allclose(speed.numpy_log_power(found[:, i]), log_power(y), rtol=1e-9)
