"""NUTS: against posteriors that are known exactly, with all their modes; its errors; stopped and resumed."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from inference import (
    METHODS,
    NUTS,
    DrawnPosterior,
    EmergentProperty,
    Observation,
    diagnostics,
    load_result,
    run,
)
from inference.progress import Stopped
from simulators import get_simulator

SMALL = NUTS(num_chains=2, num_warmup=100, num_samples=1_000, num_particles=256)


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("gaussian_mixture_two_means")


@pytest.fixture(scope="module")
def result(simulator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nuts") / "run"
    return run(SMALL, simulator, np.full(1, 5.0), key=jax.random.key(0), on_progress=False, folder=folder)


def error_of(draws):
    """Standard error of the mean of each parameter, by its effective number of draws."""
    ess = diagnostics.chain_diagnostics(draws)["ess_bulk"][1]
    return draws.std(axis=(0, 1)) / np.sqrt(ess)


@pytest.mark.long
def test_both_modes_have_the_right_shares_in_every_chain(result):
    draws = result.posterior.draws
    is_right = draws[..., 0] > 0
    error = error_of(is_right[..., None].astype(float))
    assert is_right.mean() == pytest.approx(0.5, abs=4.5 * float(error[0]))
    assert ((is_right.mean(axis=1) > 0.3) & (is_right.mean(axis=1) < 0.7)).all()
    assert abs(np.abs(draws).mean() - 5) < 4.5 * float(error_of(np.abs(draws))[0])
    assert np.abs(draws).std() == pytest.approx(1.0, rel=0.15)


@pytest.mark.long
def test_the_tree_tells_about_the_chains(result):
    tree = result.tree
    assert tree["posterior/theta"].sizes == {"chain": 2, "draw": 1000}
    assert {"lp", "diverging", "acceptance_rate", "tree_depth", "n_steps", "energy"} <= set(
        tree["sample_stats"]
    )
    found = tree["diagnostics"]
    assert found["jump_rate"] > 0.2
    assert found["r_hat"].sel(parameter="theta") < 1.05
    theta = tree["posterior/theta"].values
    mixture = np.logaddexp(stats.norm.logpdf(theta, 5), stats.norm.logpdf(theta, -5)) - np.log(2 * 20)
    np.testing.assert_allclose(tree["sample_stats/lp"], mixture, atol=1e-3)


@pytest.mark.long
def test_the_verdict_is_about_the_chains(result):
    found = diagnostics.verdict(result.tree)
    assert any("chains agree" in sentence for sentence in found.sentences), found.sentences
    assert not any("Calibration" in sentence for sentence in found.sentences)


def test_a_simulator_without_a_likelihood_is_refused_in_a_sentence():
    config, simulator = NUTS(), get_simulator("hodgkin_huxley")
    with pytest.raises(ValueError, match="needs a likelihood, and 'hodgkin_huxley' has none .* use SNPE"):
        METHODS["nuts"].check(config, simulator)


@pytest.mark.parametrize(
    ("goal", "error", "words"),
    [
        (None, ValueError, "one observation; give one, or run SNPE"),
        (Observation(np.full(1, np.nan)), ValueError, "1 features that are not finite"),
        (EmergentProperty({"x": 1.0}, {"x": 0.1}), TypeError, "needs the method EPI"),
    ],
)
def test_other_goals_are_refused(simulator, goal, error, words):
    with pytest.raises(error, match=words):
        run(SMALL, simulator, goal, key=jax.random.key(0), on_progress=False)


@pytest.mark.parametrize("setting", [{"num_chains": 1}, {"num_samples": 10}, {"target_accept": 1.0}])
def test_settings_are_checked(setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must be a number from"):
        NUTS(**setting)


@pytest.mark.slow
def test_a_stopped_run_ends_with_the_draws_of_one_that_was_not(simulator, result, tmp_path):
    for last in (0, 50, 600):

        def stop(event, last=last):
            if event.stage == "sample" and event.done > last:
                raise Stopped

        with pytest.raises(Stopped):
            run(SMALL, simulator, np.full(1, 5.0), key=jax.random.key(0), on_progress=stop, folder=tmp_path)
    resumed = run(
        SMALL, simulator, np.full(1, 5.0), key=jax.random.key(0), on_progress=False, folder=tmp_path
    )
    np.testing.assert_array_equal(resumed.posterior.draws, result.posterior.draws)
    loaded = load_result(tmp_path).posterior
    assert isinstance(loaded, DrawnPosterior)
    np.testing.assert_array_equal(loaded.draws, result.posterior.draws)


@pytest.mark.slow
def test_linear_gaussian_against_the_closed_form(key):
    simulator = get_simulator("linear_gaussian")
    x_o = simulator.default_observation().x
    draws = run(NUTS(), simulator, x_o, key=key, on_progress=False).posterior.draws
    np.testing.assert_array_less(np.abs(draws.mean(axis=(0, 1)) - x_o / 2), 4.5 * error_of(draws))
    covariance = np.cov(draws.reshape(-1, 10).T)
    np.testing.assert_allclose(covariance, 0.05 * np.eye(10), atol=0.05 * 6 / np.sqrt(8_000))


@pytest.mark.slow
def test_both_moons_are_found_with_their_edges(key):
    simulator = get_simulator("two_moons")
    x_o = np.zeros(2, np.float32)
    result = run(NUTS(), simulator, x_o, key=key, on_progress=False)
    exact = np.asarray(simulator.exact_posterior(key, jnp.asarray(x_o), 5_000))
    score = diagnostics.c2st(key, exact, np.asarray(result.posterior.sample(key, 5_000)))
    assert score < 0.53
    side = (result.posterior.draws.sum(axis=-1, keepdims=True) > 0).astype(float)
    assert side.mean() == pytest.approx(0.5, abs=4.5 * float(error_of(side)[0]))
    assert any("sharp edges" in sentence for sentence in diagnostics.verdict(result.tree).sentences)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "x_o"), [("gaussian_mixture_mean", 0.0), ("gaussian_mixture_two_means", 9.5)]
)
def test_gaussian_mixtures_against_exact_draws(key, name, x_o):
    """The second one at 9.5 is cut by the bounds of the prior."""
    simulator = get_simulator(name)
    draws = run(NUTS(), simulator, np.full(1, x_o), key=key, on_progress=False).posterior.draws
    exact = np.asarray(simulator.exact_posterior(key, jnp.full(1, x_o), 100_000))
    for function in (lambda t: t, np.abs, lambda t: np.abs(t) < 0.15, lambda t: np.abs(t) > 9.9):
        found, expected = function(draws).astype(float), function(exact).astype(float)
        error = np.hypot(error_of(found)[0], expected.std() / np.sqrt(len(exact))) if found.std() else 0.0
        assert found.mean() == pytest.approx(expected.mean(), abs=4.5 * error + 1e-9), name


@pytest.mark.slow
def test_a_product_of_two_factors_against_exact_draws(key):
    """A ridge that ends at the bounds of the prior."""
    simulator = get_simulator("hnpe_toy")
    x_o = simulator.default_observation().x
    draws = run(NUTS(), simulator, x_o, key=key, on_progress=False).posterior.draws
    exact = np.asarray(simulator.exact_posterior(key, x_o, 100_000))
    for function in (lambda t: t, np.square, lambda t: (t > 0.9).astype(float)):
        found, expected = function(draws), function(exact)
        error = np.hypot(error_of(found), expected.std(axis=0) / np.sqrt(len(exact)))
        np.testing.assert_array_less(np.abs(found.mean(axis=(0, 1)) - expected.mean(axis=0)), 4.5 * error)


def test_the_form_can_explain_every_setting():
    for name, field in NUTS.__dataclass_fields__.items():
        assert re.match(r"[A-Z].+\.$", field.metadata["help"]), name
        assert field.metadata["label"]
