"""What every registered simulator promises; a new one is tested by being registered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators import SIMULATORS, get_simulator, simulate_batch

NUM = 256
# Of prior draws, where fewer than nearly all: half of the prior is unstable; one network in a hundred has the
# rhythm, which test_pyloric.py counts among many.
VALID_SHARES = {"autapse": 0.4, "pyloric": 0.0}
DETERMINISTIC = {"linear_dynamics"}
LONG = {"pyloric"}  # seconds per batch, however small: few and small batches
HODGKIN_HUXLEY = {"hodgkin_huxley", "hodgkin_huxley_12"}
EPI = {"stg_subcircuit", "v1_sssn", "superior_colliculus"}
SLOW_TO_COMPILE = LONG | HODGKIN_HUXLEY | EPI | {"ion_channel", "gabor_v1", "gabor_v1_fit", "jansen_rit"}


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.long) if name in SLOW_TO_COMPILE else name for name in SIMULATORS
    ],
    scope="module",
)
def simulator(request):
    return get_simulator(request.param)


@pytest.fixture(scope="module")
def batch(simulator):
    num = 64 if simulator.name in LONG else NUM
    return simulate_batch(simulator, jax.random.key(3), num=num, chunk_size=num)


def test_it_introduces_itself(simulator):
    assert simulator.name in SIMULATORS
    assert simulator.title
    assert simulator.summary
    assert simulator.source
    assert len(set(simulator.feature_names)) == simulator.num_features
    assert set(simulator.feature_units) <= set(simulator.feature_names)


def test_most_prior_draws_are_valid(simulator, batch):
    assert batch.is_valid.mean() >= VALID_SHARES.get(simulator.name, 0.95)
    assert batch.x.dtype == np.float32


def test_same_key_same_numbers_and_another_key_others(simulator):
    theta = simulator.prior.sample(jax.random.key(0), 4)
    x = [simulate_batch(simulator, jax.random.key(k), theta=theta, chunk_size=4).x for k in (1, 1, 2)]
    assert np.array_equal(x[0], x[1], equal_nan=True)
    assert np.array_equal(x[0], x[2], equal_nan=True) == (simulator.name in DETERMINISTIC)


def test_fused_features_are_those_of_the_recording(simulator):
    theta = simulator.prior.as_dict(simulator.prior.sample(jax.random.key(5), 8))
    keys = jax.random.split(jax.random.key(6), 8)
    if simulator.simulate_features is None or simulator.features is None:
        pytest.skip("this simulator computes its features from the recording only")
    if simulator.name in LONG:
        pytest.skip("the model's own tests compare a part of it by default, and all of it as a slow test")
    both = jax.jit(
        jax.vmap(
            lambda k, t: (simulator.simulate_features(k, t), simulator.features(simulator.simulate(k, t)))
        )
    )
    fused, plain = both(keys, theta)
    for name, value in plain.items():
        np.testing.assert_allclose(fused[name], value, rtol=2e-3, atol=2e-3, err_msg=name)


def test_every_parameter_matters(simulator, batch):
    """Moving one parameter across its prior changes the features, with the same noise."""
    base = simulator.default_observation().theta
    base = simulator.true_theta if base is None else base  # a recording's parameters are not known
    names, num = simulator.prior.names, 2 if simulator.name in LONG else 16
    other = simulator.prior.sample(jax.random.key(7), num)
    column = jnp.arange(len(names))
    moved = jnp.tile(base, (len(names), num, 1)).at[column, :, column].set(other.T)
    key = jax.random.key(8)
    simulate = jax.jit(jax.vmap(lambda theta: simulator(key, theta)))
    x = np.asarray(simulate(moved.reshape(-1, len(names)))).reshape(len(names), num, -1)
    for name, rows in zip(names, x, strict=True):
        assert any(not np.array_equal(rows[0], row, equal_nan=True) for row in rows[1:]), name


def test_default_observation_lies_within_the_simulations(simulator, batch):
    x = simulator.default_observation().x
    assert x.shape == (simulator.num_features,)
    assert np.isfinite(x).all()
    if batch.is_valid.sum() < 10:
        pytest.skip("too few of these simulations are valid to say where they lie")
    spread = np.nanmax(batch.x, axis=0) - np.nanmin(batch.x, axis=0)
    assert (x > np.nanmin(batch.x, axis=0) - 0.5 * spread).all()
    assert (x < np.nanmax(batch.x, axis=0) + 0.5 * spread).all()


def test_rows_do_not_depend_on_the_chunk_size(simulator, batch):
    """To the last bit: also for a long chaotic scan, whose rounding would grow."""
    rows = slice(14 if simulator.name in LONG else 70)
    again = simulate_batch(simulator, jax.random.key(3), theta=batch.theta[rows], chunk_size=7)
    assert np.array_equal(again.x, batch.x[rows], equal_nan=True)
