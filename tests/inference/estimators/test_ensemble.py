"""An ensemble's density is that of its members, however many rows are asked for at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp

from inference.embeddings.spec import embedding_spec
from inference.estimators import EstimatorSpec, make_estimator
from inference.scaling import fit_feature_scaling, fit_parameter_scaling

NUM_ROWS = 2_000  # where the compiler once went wrong: more than 32 768 numbers, but not many more


def rows_of(num_features):
    """Parameters, and features of very different spread, as the scaling has to deal with."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(NUM_ROWS, 2)).astype(np.float32)
    x = np.exp(rng.normal(scale=2.0, size=(NUM_ROWS, num_features))).astype(np.float32)
    return u, x


def estimator_of(num_members, u, x, **fields):
    spec = EstimatorSpec("coupling", 2, x.shape[1], num_members=num_members, num_layers=2, width=16, **fields)
    return make_estimator(
        jax.random.key(0), spec, scalings=(fit_parameter_scaling(u), fit_feature_scaling(x))
    )


@eqx.filter_jit
def encoded(estimator, x):
    return jax.vmap(estimator.encode)(x)


@pytest.mark.long
@pytest.mark.parametrize("num_members", [1, 2, 4])
@pytest.mark.parametrize("num_features", [7, 55])
def test_many_rows_at_once_are_encoded_as_few(num_members, num_features):
    u, x = rows_of(num_features)
    estimator = estimator_of(num_members, u, x)
    parts = np.concatenate([encoded(estimator, part) for part in np.split(x, NUM_ROWS // 100)])
    np.testing.assert_allclose(encoded(estimator, x), parts, rtol=1e-5, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(
    "fields",
    [
        {},
        pytest.param({"imputes": True}, marks=pytest.mark.long),
        pytest.param(
            {"embedding": embedding_spec("mlp", [(f"x{i}", ()) for i in range(7)])}, marks=pytest.mark.long
        ),
    ],
)
def test_it_is_the_equal_mixture_of_its_members(fields):
    u, x = rows_of(7)
    ensemble = estimator_of(3, u, x, **fields)
    single = jnp.stack(
        [jax.vmap(ensemble.member(i).log_prob)(jnp.asarray(u[:9]), jnp.asarray(x[:9])) for i in range(3)]
    )
    np.testing.assert_allclose(
        jax.vmap(ensemble.log_prob)(jnp.asarray(u[:9]), jnp.asarray(x[:9])),
        logsumexp(single, axis=0) - np.log(3),
        rtol=1e-4,
        atol=1e-4,
    )
