"""What a GPU is given: large chunks, and several steps in one kernel, which change no number."""

import jax
import numpy as np
import pytest

from simulators import devices, get_simulator, integrate, simulate
from simulators.models import hodgkin_huxley


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """The sizes that a GPU would get, on the CPU."""
    monkeypatch.setattr(simulate, "on_gpu", lambda: True)
    monkeypatch.setattr(integrate, "unrolled", lambda: devices.GPU_UNROLL)


@pytest.mark.usefixtures("as_on_a_gpu")
@pytest.mark.parametrize(
    ("name", "num", "rows"),
    [("pyloric", 10**7, devices.GPU_ROWS), ("pyloric", 3000, 4096), ("two_moons", 1, 1)],
)
def test_chunks_are_as_large_as_the_batch_up_to_a_limit(name, num, rows):
    assert simulate.default_chunk_size(get_simulator(name), num) == rows


@pytest.mark.usefixtures("as_on_a_gpu")
def test_stored_recordings_fit_the_memory():
    simulator = get_simulator("autapse")
    simulator = simulate.replace(simulator, simulate_features=None)
    rows = simulate.default_chunk_size(simulator, 10**9)
    assert 4 * rows * len(simulator.axes.time) <= 2 * devices.GPU_BYTES


def test_a_cpu_takes_one_step_after_the_other():
    assert devices.unrolled() == (devices.GPU_UNROLL if devices.on_gpu() else 1)


def test_unrolled_steps_give_the_same_features(key, as_on_a_gpu, monkeypatch):
    model = hodgkin_huxley.make_hodgkin_huxley()
    theta, keys = model.prior.sample(key, 4), jax.random.split(key, 4)
    unrolled = jax.jit(jax.vmap(lambda k, t: model(k, t)))(keys, theta)
    monkeypatch.setattr(integrate, "unrolled", lambda: 1)
    plain = jax.jit(jax.vmap(lambda k, t: model(k, t)))(keys, theta)
    np.testing.assert_allclose(unrolled, plain, rtol=1e-4)
