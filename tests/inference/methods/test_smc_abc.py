"""SMC-ABC: exact posteriors as thresholds fall, inside the prior, with right weights; stopped and resumed."""

import jax
import numpy as np
import pytest
from scipy import stats

from inference import SMCABC, diagnostics
from inference.methods.abc.population import Population
from inference.progress import Stopped
from inference.resampling import resampled
from simulators import simulate_batch

SMALL = SMCABC(num_simulations=6_000, num_particles=300)
X_O = np.array([-0.5, 0.5], np.float32)


@pytest.fixture(scope="module")
def events():
    return []


@pytest.fixture(scope="module")
def result(events, sample):
    return sample(SMALL, on_progress=events.append)


def test_populations_come_to_the_posterior(result, kl_error):
    found = result.tree["diagnostics"]
    assert result.posterior.draws.shape == (1, 300, 2)
    assert found["generation_threshold"][-1] < 0.5 * found["generation_threshold"][0]
    assert kl_error(result) < 0.05
    assert found["effective_draws"] > 150


def test_each_generation_is_told(result, events):
    found = result.tree["diagnostics"]
    told = [event for event in events if "ess" in event.values]
    assert len(told) == found.sizes["generation"]
    assert [event.values["threshold"] for event in told] == found["generation_threshold"].values.tolist()
    assert told[-1].message.startswith(f"Generation {len(told)} is done: threshold 0.")
    simulating = [event for event in events if event.stage == "simulate"]
    done = [event.done for event in simulating]
    assert done == sorted(done)
    assert {event.total for event in simulating} == {6_000}
    used = found["generation_num_simulations"].sum() + found["num_unfinished"]
    assert used == found["num_simulations"] == 6_000


@pytest.mark.long
def test_weights_account_for_the_bounds_of_the_prior(sample, models):
    """Near a bound the Jacobian matters most."""
    config = SMCABC(num_simulations=20_000, num_particles=1_000)
    rows = sample(config, models.bounded, np.array([0.05], np.float32)).posterior.rows[:, 0]
    exact = stats.truncnorm(-0.5, 9.5, loc=0.05, scale=0.1)
    assert rows.min() > 0
    assert stats.kstest(rows, exact.cdf).statistic < 0.07  # 1 000 draws, some of them twice
    assert rows.mean() == pytest.approx(exact.mean(), abs=0.01)


def test_a_population_is_weighed_by_its_own_mixture():
    random = np.random.default_rng(0)
    u, weight = random.normal(size=(40, 2)), random.dirichlet(np.ones(40))
    population = Population(u, u, weight, weight)
    covariance = 2 * np.cov(u.T, aweights=weight, ddof=0)
    at = random.normal(size=(5, 2))
    exact = [
        np.log(
            sum(w * stats.multivariate_normal(c, covariance).pdf(row) for w, c in zip(weight, u, strict=True))
        )
        for row in at
    ]
    found = population.log_density(at)
    np.testing.assert_allclose(found - found[0], exact - exact[0], atol=1e-5)
    proposed = population.propose(jax.random.key(1), 20_000)
    np.testing.assert_allclose(np.cov(proposed.T), 1.5 * covariance, rtol=0.1, atol=0.05)


def test_resampled_draws_have_the_weights():
    weight = np.array([0.5, 0.25, 0.0, 0.25])
    rows = resampled(jax.random.key(0), weight, 400)
    assert np.bincount(rows, minlength=4).tolist() == [200, 100, 0, 100]


@pytest.mark.long
def test_a_stopped_run_ends_with_the_draws_of_one_that_was_not(result, tmp_path, sample):
    def stop(event):
        if event.done >= 3_000:
            raise Stopped

    with pytest.raises(Stopped):
        sample(SMALL, on_progress=stop, folder=tmp_path)
    resumed = sample(SMALL, folder=tmp_path)
    np.testing.assert_array_equal(resumed.posterior.draws, result.posterior.draws)
    np.testing.assert_array_equal(
        resumed.tree["diagnostics/generation_threshold"], result.tree["diagnostics/generation_threshold"]
    )


@pytest.mark.long
def test_rows_with_undefined_features_are_never_accepted(sample, models):
    half = sample(SMCABC(num_simulations=3_000, num_particles=200), models.half, -X_O)
    assert (half.posterior.rows[:, 0] >= 0).all()
    assert half.tree["diagnostics/num_usable"] < half.tree["diagnostics/num_simulations"]
    with pytest.raises(ValueError, match="SMC-ABC found no simulation with all features defined"):
        sample(SMCABC(num_simulations=300, num_particles=100), models.nothing)


def test_a_budget_in_seconds_ends_with_the_last_full_population(sample):
    plenty = 5_000_000
    config = SMCABC(num_simulations=plenty, num_particles=300, num_seconds=0.3, min_acceptance=0.0)
    result = sample(config)
    found = result.tree["diagnostics"]
    assert result.posterior.draws.shape == (1, 300, 2)
    assert found["num_simulations"] + found["num_not_begun"] == plenty
    assert any("The time was over after" in said for said in diagnostics.verdict(result.tree).sentences)


def test_errors_are_one_sentence(sample, models):
    with pytest.raises(ValueError, match="of 1000 particles needs 2000 accepted simulations"):
        SMCABC(num_simulations=1_500)
    with pytest.raises(ValueError, match="SMC-ABC samples the posterior of one observation"):
        sample(SMALL, x_o=None)
    given = simulate_batch(models.gaussian, jax.random.key(1), num=10)
    with pytest.raises(ValueError, match="for given simulations, use RejectionABC"):
        sample(SMALL, simulations=given)
