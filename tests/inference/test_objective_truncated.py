"""The loss of rows from a truncated prior: that of the posterior under the whole prior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from jax.scipy.special import logsumexp

from inference.epoch import with_parameters
from inference.estimators import EstimatorSpec, make_estimator, partition_trainable
from inference.objectives import Bounds, TruncatedLoss, make_rows, negative_log_prob

NUM = 40_000
EDGES = (1.0, 0.4)  # of nested regions |u| <= edge


@pytest.fixture(scope="module")
def estimator():
    """A Gaussian of one parameter, moved away from the middle of the regions."""
    made = make_estimator(jax.random.key(0), EstimatorSpec("gaussian", 1, 1, width=4))
    return with_parameters(made, ravel_pytree(partition_trainable(made)[0])[0] + 0.1)


@pytest.fixture(scope="module")
def loss():
    """Regions of a standard normal: log q is the lower the farther from zero."""
    normal = make_estimator(jax.random.key(1), EstimatorSpec("gaussian", 1, 1, width=4))
    flat = ravel_pytree(partition_trainable(normal)[0])[0]
    normal = with_parameters(normal, jnp.zeros_like(flat))
    code = normal.encode(jnp.zeros(1))
    return TruncatedLoss(
        tuple(Bounds(normal, code, normal.log_prob_given(jnp.array([edge]), code)) for edge in EDGES)
    )


def test_regions_hold_what_they_say(loss):
    for region, edge in zip(loss.regions, EDGES, strict=True):
        assert region.contains(jnp.array([0.99 * edge]))
        assert not region.contains(jnp.array([-1.01 * edge]))


@pytest.mark.long
@pytest.mark.parametrize("round", [1, 2])
def test_the_gradient_is_that_of_the_density_normalised_within_the_region(estimator, loss, round):
    """Against quadrature; a row counts as often as a draw lies inside. Within 5 standard errors."""
    edge, u, x = EDGES[round - 1], 0.3, jnp.array([0.7])
    parameters = ravel_pytree(partition_trainable(estimator)[0])[0]
    grid = jnp.linspace(-edge, edge, 2_001)

    def log_q(parameters, u):
        return with_parameters(estimator, parameters).log_prob(jnp.reshape(u, 1), x)

    def log_share(parameters):
        return logsumexp(jax.vmap(lambda one: log_q(parameters, one))(grid)) + jnp.log(grid[1] - grid[0])

    exact = jax.grad(lambda p: log_share(p) - log_q(p, u))(parameters)
    rows = make_rows(np.full((1, 1), u), x[None], round=np.array([round]))

    each = jax.vmap(
        jax.grad(lambda p, key: loss(key, with_parameters(estimator, p), rows)[0]), in_axes=(None, 0)
    )(parameters, jax.random.split(jax.random.key(2), NUM))
    share = float(jnp.exp(log_share(parameters)))
    error = np.asarray(each).std(axis=0) / NUM**0.5
    assert 0.1 < share < 0.9
    np.testing.assert_array_less(
        np.abs(each.mean(axis=0) - share * exact), 5 * error + 2e-3 * np.abs(exact) + 1e-6
    )


@pytest.mark.long
def test_rows_of_the_first_round_have_the_plain_loss(estimator, loss):
    rows = make_rows(np.linspace(-2, 2, 7)[:, None], np.ones((7, 1)))
    key = jax.random.key(3)
    np.testing.assert_allclose(loss(key, estimator, rows), negative_log_prob(key, estimator, rows), rtol=1e-6)


@pytest.mark.long
def test_its_value_is_lower_by_what_lies_outside(estimator, loss):
    """By 1.1 nats where the draw was outside: the smaller the share inside, the lower the loss of a hit."""
    num = 2_000
    rows = make_rows(np.full((num, 1), 0.3), np.full((num, 1), 0.7), round=np.full(num, 2))
    plain = np.asarray(negative_log_prob(jax.random.key(4), estimator, rows))
    values = np.asarray(eqx.filter_jit(loss)(jax.random.key(4), estimator, rows))
    below = plain - values
    assert set(np.round(below.astype(float), 3)) == {0.0, 1.1}
    assert np.isfinite(values).all()
