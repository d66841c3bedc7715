"""Polya-Gamma draws against moments and Laplace transform; the sampler against long reference chains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference import METHODS, NUTS, PolyaGammaGibbs, diagnostics, run
from inference.methods.mcmc.polya_gamma_draws import polya_gamma
from inference.methods.polya_gamma import gaussian_of
from inference.progress import Stopped
from simulators import Prior, get_simulator
from simulators.models.bernoulli_glm import prior_precision

SMALL = PolyaGammaGibbs(num_samples=1_500, num_warmup=100)


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("bernoulli_glm")


@pytest.fixture(scope="module")
def result(simulator):
    x_o = simulator.default_observation().x
    return run(SMALL, simulator, x_o, key=jax.random.key(0), on_progress=False)


@pytest.fixture(scope="module")
def reference(shared):
    return np.load(shared / "reference" / "vectors_snpe" / "glm_T100.npz")


def standard_errors(draws, reference):
    """How far the means are from the reference, in standard errors of both."""
    ess = diagnostics.chain_diagnostics(draws)["ess_bulk"][1]
    error = np.sqrt(np.diag(reference["posterior_cov"]) / ess + reference["mcse_mean"] ** 2)
    return np.abs(draws.mean(axis=(0, 1)) - reference["posterior_mean"]) / error


def whitened(draws, reference):
    """Covariance of the draws in units of the reference: the identity where they agree."""
    root = np.linalg.cholesky(reference["posterior_cov"])
    centred = draws.reshape(-1, draws.shape[-1]) - reference["posterior_mean"]
    return np.cov(np.linalg.solve(root, centred.T))


@pytest.mark.long
def test_draws_have_the_laplace_transform_of_polya_gamma():
    """E exp(-s w) = cosh(c / 2) / cosh(sqrt(c^2 / 4 + s / 2)): it determines the distribution."""
    c = np.array([0.0, 0.4, 2.0, 3.1, 3.2, 6.0, 25.0])
    drawn = jax.jit(polya_gamma)(jax.random.key(1), jnp.repeat(jnp.asarray(c, jnp.float32), 50_000))
    rows = np.asarray(drawn, float).reshape(len(c), -1)
    for s in (0.5, 5.0, 50.0):
        values = np.exp(-s * rows)
        expected = np.cosh(c / 2) / np.cosh(np.sqrt(c**2 / 4 + s / 2))
        error = values.std(axis=1) / np.sqrt(rows.shape[1])
        np.testing.assert_array_less(np.abs(values.mean(axis=1) - expected), 4.5 * error)


@pytest.mark.long
def test_the_sampler_agrees_with_long_reference_chains(result, reference):
    draws = result.posterior.draws
    assert draws.shape == (4, 1500, 10)
    assert standard_errors(draws, reference).max() < 4.5
    np.testing.assert_allclose(whitened(draws, reference), np.eye(10), atol=0.15)


@pytest.mark.long
def test_the_verdict_is_about_the_chains(result):
    found = diagnostics.verdict(result.tree)
    assert found.level == "good", found
    assert any("chains agree" in sentence for sentence in found.sentences)
    assert "lp" in result.tree["sample_stats"]


def test_other_simulators_are_refused_in_a_sentence():
    check = METHODS["polya_gamma"].check
    with pytest.raises(ValueError, match="for logistic regressions .* 'two_moons' is none; use NUTS"):
        check(SMALL, get_simulator("two_moons"))
    with pytest.raises(ValueError, match="'autapse' is none; use SNPE"):
        check(SMALL, get_simulator("autapse"))


def test_the_prior_is_taken_from_its_density(simulator):
    mean, precision = gaussian_of(simulator.prior)
    np.testing.assert_allclose(mean, 0, atol=1e-5)
    np.testing.assert_allclose(precision, prior_precision(), atol=1e-4)
    mean, precision = gaussian_of(Prior({"a": dist.Normal(3.0, 0.5)}))
    np.testing.assert_allclose([mean[0], precision[0, 0]], [3.0, 4.0], rtol=1e-4)


@pytest.mark.parametrize("marginal", [dist.Uniform(0.0, 1.0), dist.Laplace(0.0, 1.0)])
def test_other_priors_are_refused(marginal):
    with pytest.raises(ValueError, match="needs a Gaussian prior"):
        gaussian_of(Prior({"a": marginal}))


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_draws_of_one_that_was_not(simulator, result, tmp_path):
    x_o = simulator.default_observation().x

    def stop(event):
        if event.stage == "sample" and event.done > 300:
            raise Stopped

    with pytest.raises(Stopped):
        run(SMALL, simulator, x_o, key=jax.random.key(0), on_progress=stop, folder=tmp_path)
    resumed = run(SMALL, simulator, x_o, key=jax.random.key(0), on_progress=False, folder=tmp_path)
    np.testing.assert_array_equal(resumed.posterior.draws, result.posterior.draws)


@pytest.mark.slow
def test_nuts_and_the_reference_agree(simulator, reference, key):
    """The default settings of both methods."""
    x_o = simulator.default_observation().x
    for config in (NUTS(), PolyaGammaGibbs()):
        draws = run(config, simulator, x_o, key=key, on_progress=False).posterior.draws
        assert standard_errors(draws, reference).max() < 4.5
        np.testing.assert_allclose(whitened(draws, reference), np.eye(10), atol=0.1)
