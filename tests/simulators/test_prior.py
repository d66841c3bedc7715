"""Prior: flat names, support, the map to the real line."""

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist
from scipy import stats

from simulators import Prior

PRIORS = {
    "uniform": Prior({"a": dist.Uniform(1e-4, 15.0), "b": dist.Uniform(-3.0, -1.0)}),
    "mixed": Prior(
        {
            "g": dist.LogNormal(0.0, 1.0),
            "w": dist.Normal(0.0, 2.0).expand([3]).to_event(1),
            "p": dist.Beta(2.0, 3.0),
        },
        units={"g": "mS", "w": "mV"},
    ),
    "correlated": Prior({"v": dist.MultivariateNormal(jnp.zeros(2), jnp.array([[1.0, 0.5], [0.5, 2.0]]))}),
}


@pytest.fixture(params=PRIORS)
def prior(request):
    return PRIORS[request.param]


def test_flat_names_and_units():
    prior = PRIORS["mixed"]
    assert prior.names == ("g", "w[0]", "w[1]", "w[2]", "p")
    assert prior.dim == 5
    assert dict(prior.units) == {"g": "mS", "w[0]": "mV", "w[1]": "mV", "w[2]": "mV", "p": ""}
    assert prior.low.tolist() == [0, -np.inf, -np.inf, -np.inf, 0]
    assert prior.high.tolist() == [np.inf, np.inf, np.inf, np.inf, 1]


def test_as_dict_gives_scalars_and_vectors():
    named = PRIORS["mixed"].as_dict(jnp.arange(10.0).reshape(2, 5))
    assert {name: value.shape for name, value in named.items()} == {"g": (2,), "w": (2, 3), "p": (2,)}
    assert named["w"][1].tolist() == [6, 7, 8]


@pytest.mark.long
def test_draws_are_inside_also_in_double_precision(prior, key):
    theta = np.asarray(prior.sample(key, 10_000))
    assert theta.shape == (10_000, prior.dim)
    assert theta.dtype == np.float32
    assert (theta.astype(np.float64) >= prior.low).all()
    assert (theta.astype(np.float64) <= prior.high).all()


@pytest.mark.long
def test_same_key_same_draws(prior, key):
    assert np.array_equal(prior.sample(key, 5), prior.sample(key, 5))


@pytest.mark.long
def test_map_to_the_real_line_inverts_and_its_jacobian_is_autodiffs(prior, key):
    theta = prior.sample(key, 50)
    u = prior.to_unconstrained(theta)
    np.testing.assert_allclose(prior.from_unconstrained(u), theta, rtol=1e-4, atol=1e-5)
    jacobian = jax.vmap(jax.jacfwd(lambda row: prior.from_unconstrained(row)))(u)
    np.testing.assert_allclose(prior.log_abs_det_jacobian(u), jnp.linalg.slogdet(jacobian)[1], atol=2e-3)


def test_extremes_of_the_real_line_stay_inside_and_come_back_finite(prior):
    u = jnp.array([[-1e4], [1e4]]) * jnp.ones((2, prior.dim)) / (1 if np.isfinite(prior.high).any() else 1e3)
    theta = prior.from_unconstrained(u)
    assert bool(jnp.isfinite(prior.to_unconstrained(theta)).all())
    assert (np.asarray(theta, np.float64) >= prior.low).all()


@pytest.mark.long
def test_log_prob_matches_scipy(key):
    prior = PRIORS["mixed"]
    theta = np.asarray(prior.sample(key, 20), np.float64)
    expected = (
        stats.lognorm(1.0).logpdf(theta[:, 0])
        + stats.norm(0, 2).logpdf(theta[:, 1:4]).sum(1)
        + stats.beta(2, 3).logpdf(theta[:, 4])
    )
    np.testing.assert_allclose(
        prior.log_prob(jnp.asarray(theta, jnp.float32)), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("bad", [[0.0, -2.0], [1.0, 0.0], [np.nan, -2.0], [np.inf, -2.0]])
def test_log_prob_is_minus_infinity_outside(bad):
    assert PRIORS["uniform"].log_prob(jnp.array(bad)) == -jnp.inf


@pytest.mark.long
def test_log_prob_has_finite_gradients_inside_and_none_outside():
    gradient = jax.grad(lambda t: PRIORS["mixed"].log_prob(t))(jnp.array([-1.0, 0.0, 0.0, 0.0, 0.5]))
    assert bool(jnp.isfinite(gradient).all())


@pytest.mark.long
def test_a_prior_travels_to_another_process(prior, key):
    copy = cloudpickle.loads(cloudpickle.dumps(prior))
    assert np.array_equal(copy.sample(key, 3), prior.sample(key, 3))
    assert dict(copy.units) == dict(prior.units)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Prior({}), ValueError, "at least one"),
        (lambda: Prior({"a": 3.0}), TypeError, "istribution"),
        (lambda: Prior({"a/b": dist.Normal(0, 1)}), ValueError, "hold '/'; got 'a/b'"),
        (lambda: Prior({"a": dist.Normal(jnp.zeros(3), 1.0)}), ValueError, "to_event"),
        (lambda: Prior({"a": dist.Poisson(3.0)}), ValueError, "discrete"),
        (lambda: Prior({"a": dist.Dirichlet(jnp.ones(3))}), ValueError, "equal dimension"),
        (lambda: Prior({"a": dist.Normal(0, 1)}, units={"b": "mV"}), ValueError, "'b'"),
        (lambda: Prior({"a": dist.Normal(0, 1)}, shared=("c",)), ValueError, "'c'"),
        (lambda: PRIORS["uniform"].log_prob(jnp.zeros((3, 4))), ValueError, "2 columns"),
    ],
)
def test_wrong_use_is_one_clear_sentence(make, error, words):
    with pytest.raises(error, match=words):
        make()
