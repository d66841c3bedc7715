"""Slopes of the features in the parameters: finite everywhere in the prior, and right where it is smooth."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators import get_simulator

MODELS = {  # and how many prior draws are tried
    "linear_dynamics": 200,
    "low_rank_rnn": 200,
    "stg_subcircuit": 200,
    "v1_sssn": 8,
    "superior_colliculus": 8,
}
LONG = {"stg_subcircuit", "v1_sssn", "superior_colliculus"}


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in MODELS]
)
def simulator(request):
    return get_simulator(request.param)


def places(simulator, key, num):
    """Draws of the prior, the corners, the centre and the centres of the faces of its box."""
    low, high = simulator.prior.low, simulator.prior.high
    signs = np.array([*itertools.product((0.0, 1.0), repeat=len(low))])
    faces = np.concatenate(
        [np.full((1, len(low)), 0.5), *(0.5 + side * np.eye(len(low)) for side in (-0.5, 0.5))]
    )
    special = low + np.concatenate([signs, faces]) * (high - low)
    return jnp.concatenate([simulator.prior.sample(key, num), jnp.asarray(special, jnp.float32)])


def test_slopes_are_finite(simulator, key):
    rows = places(simulator, key, MODELS[simulator.name])
    keys = jax.random.split(key, len(rows))
    x, slopes = jax.jit(
        jax.vmap(lambda k, row: (simulator(k, row), jax.jacrev(simulator, argnums=1)(k, row)))
    )(keys, rows)
    assert np.isfinite(x).all()
    assert np.isfinite(slopes).all()
    assert (np.abs(slopes).max(axis=(0, 1)) > 0).all()  # each parameter
