"""The spline: FlowJAX's numbers, its own inverse, and the identity where it should be."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flowjax.bijections import RationalQuadraticSpline as Peer
from flowjax.utils import get_ravelled_pytree_constructor
from paramax import unwrap

from inference.estimators.splines import RationalQuadraticSpline

BINS, BOUND = 8, 4.0


@pytest.fixture(scope="module")
def cases():
    rng = np.random.default_rng(0)
    raw = jnp.asarray(1.5 * rng.normal(size=(2_000, 3 * BINS + 1)), jnp.float32)
    return raw, jnp.asarray(2.5 * rng.normal(size=2_000), jnp.float32)


def both_ways(make):
    return jax.jit(jax.vmap(lambda raw, x: (
        unwrap(make(raw)).transform_and_log_det(x), unwrap(make(raw)).inverse_and_log_det(x)
    )))  # fmt: skip


def ours(raw):
    return RationalQuadraticSpline(raw, BOUND)


@pytest.mark.long
def test_it_gives_the_numbers_of_flowjax(cases):
    peer_spline = Peer(knots=BINS - 1, interval=BOUND)
    make, num_raw = get_ravelled_pytree_constructor(peer_spline, filter_spec=eqx.is_inexact_array)
    assert num_raw == 3 * BINS + 1
    for peer, mine in zip(
        jax.tree.leaves(both_ways(make)(*cases)), jax.tree.leaves(both_ways(ours)(*cases)), strict=True
    ):
        np.testing.assert_allclose(mine, peer, atol=1e-3)


@pytest.mark.long
def test_the_inverse_undoes_it(cases):
    raw, x = cases
    there = jax.jit(jax.vmap(lambda raw, x: ours(raw).transform_and_log_det(x)))(raw, x)
    back = jax.jit(jax.vmap(lambda raw, y: ours(raw).inverse_and_log_det(y)))(raw, there[0])
    # In single precision y has steps of 5e-7, which a flat piece turns into larger ones of x.
    steps = 5e-6 * jnp.exp(-there[1].clip(max=0.0))
    assert (jnp.abs(back[0] - x) < 1e-4 + 20 * steps).mean() > 0.99
    assert np.median(np.abs(back[1] + there[1])) < 1e-4


@pytest.mark.long
def test_the_log_determinant_is_the_derivative(cases):
    raw, x = cases
    slope = jax.jit(jax.vmap(jax.grad(lambda x, raw: ours(raw).transform_and_log_det(x)[0])))(x, raw)
    log_det = jax.jit(jax.vmap(lambda raw, x: ours(raw).transform_and_log_det(x)[1]))(raw, x)
    np.testing.assert_allclose(jnp.log(slope), log_det, atol=2e-3)


def test_it_is_the_identity_at_zero_and_beyond_its_bound(cases):
    raw, x = cases
    transform = jax.jit(jax.vmap(lambda raw, x: ours(raw).transform_and_log_det(x)))
    start = transform(jnp.zeros_like(raw), x)
    np.testing.assert_allclose(start[0], x, atol=1e-5)
    np.testing.assert_allclose(start[1], 0.0, atol=1e-5)
    outside = jnp.array([-1e6, -4.001, 4.001, 1e6])
    y, log_det = transform(raw, jnp.resize(outside, x.shape))
    np.testing.assert_array_equal(y, jnp.resize(outside, x.shape))
    np.testing.assert_array_equal(log_det, 0.0)


@pytest.mark.long
def test_gradients_are_finite_everywhere(cases):
    raw, x = cases
    edges = jnp.concatenate([x, jnp.array([-BOUND, BOUND, -1e3, 1e3, 0.0])])
    rows = jnp.concatenate([raw, raw[:5]])

    def total(raw, x):
        y, log_det = ours(raw).transform_and_log_det(x)
        return y + log_det

    for gradient in jax.jit(jax.vmap(jax.grad(total, argnums=(0, 1))))(rows, edges):
        assert np.isfinite(gradient).all()
