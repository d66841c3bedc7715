"""Rejection ABC: exact as the threshold falls, honest about what it lacks; its budgets and errors."""

import jax
import numpy as np
import pytest

from inference import EmergentProperty, RejectionABC, diagnostics
from inference.methods.abc.distance import fit_distance
from inference.methods.abc.regression import adjust
from inference.simulation_store import read_simulations
from simulators import simulate_batch

NUM = 20_000
X_O = np.array([-0.5, 0.5], np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rejection") / "run"


@pytest.fixture(scope="module")
def result(folder, sample):
    return sample(RejectionABC(num_simulations=NUM, keep_share=0.02), folder=folder)


@pytest.mark.long
def test_draws_approach_the_posterior_as_the_threshold_falls(result, sample, kl_error):
    errors, widths = [], []
    for share in (1.0, 0.3, 0.1):
        wide = sample(RejectionABC(num_simulations=NUM, keep_share=share))
        errors.append(kl_error(wide))
        widths.append(float(wide.tree["diagnostics/abc_threshold"]))
    errors, widths = [*errors, kl_error(result)], [*widths, float(result.tree["diagnostics/abc_threshold"])]
    assert errors[0] == pytest.approx(1.0, abs=0.05)  # all simulations: the prior
    assert errors == sorted(errors, reverse=True)
    assert widths == sorted(widths, reverse=True)
    assert errors[-1] < 0.05


def test_what_is_accepted_is_nearest_in_robust_deviations(result, folder):
    simulations = read_simulations(folder / "simulations" / "round-000.zarr")
    distance = fit_distance(simulations.x, X_O)(simulations.x)
    nearest = np.sort(np.argsort(distance)[: NUM // 50])
    np.testing.assert_array_equal(result.posterior.rows, simulations.theta[nearest])
    np.testing.assert_allclose(result.tree["sample_stats/distance"][0], distance[nearest], rtol=1e-5)


def test_the_simulations_are_those_of_the_first_round_of_snpe(folder, models):
    """With the same key, so that runs of a store share them."""
    method_key = jax.random.split(jax.random.key(0))[0]
    same = simulate_batch(models.gaussian, jax.random.split(method_key, 4)[0], num=NUM)
    kept = read_simulations(folder / "simulations" / "round-000.zarr")
    np.testing.assert_array_equal(kept.x, same.x)


def test_given_simulations_are_used(result, folder, sample):
    simulations = read_simulations(folder / "simulations" / "round-000.zarr")
    again = sample(RejectionABC(num_simulations=NUM, keep_share=0.02), simulations=simulations)
    np.testing.assert_array_equal(again.posterior.draws, result.posterior.draws)


def test_the_verdict_tells_of_draws_and_threshold(result, sample):
    assert any("worth 400 independent ones" in said for said in diagnostics.verdict(result.tree).sentences)
    poor, narrow = (
        diagnostics.verdict(sample(RejectionABC(num_simulations=NUM, keep_share=share)).tree)
        for share in (0.3, 0.002)
    )
    assert poor.level == "bad"
    assert "times too wide" in poor.sentences[0]
    assert narrow.level == "bad"
    assert "worth only 40 independent ones" in narrow.sentences[0]
    assert any("The threshold widens the posterior by no more" in said for said in narrow.sentences)


@pytest.mark.long
def test_rows_with_undefined_features_are_never_accepted(sample, models):
    half = sample(RejectionABC(num_simulations=4_000, keep_share=1.0), models.half, -X_O)
    assert (half.posterior.rows[:, 0] >= 0).all()
    found = half.tree["diagnostics"]
    assert found["num_usable"] == found["num_accepted"] == len(half.posterior.rows)
    assert 1_800 < found["num_usable"] < 2_200


def test_a_budget_in_seconds_ends_with_what_there_is(sample):
    """The time that compiling takes is enough."""
    plenty = 5_000_000
    result = sample(RejectionABC(num_simulations=plenty, num_seconds=0.01))
    found = result.tree["diagnostics"]
    assert 0 < found["num_simulations"] < plenty
    assert found["num_simulations"] + found["num_not_begun"] == plenty
    assert any("The time was over after" in said for said in diagnostics.verdict(result.tree).sentences)


def test_the_regression_takes_a_linear_shift_out():
    """Where the posterior moves with the features, all of what the threshold adds is removed."""
    random = np.random.default_rng(0)
    x = random.normal(size=(4_000, 2))
    truth = 0.3 * random.normal(size=(4_000, 2))
    slopes = np.array([[1.0, -0.5], [0.2, 0.7]])
    distance = np.sqrt((x**2).mean(axis=1))
    adjusted, weight = adjust(truth + x @ slopes, x, distance)
    np.testing.assert_allclose(adjusted, truth, atol=0.15)
    assert weight.min() == 0 < weight.max() <= 1


def test_the_adjusted_posterior_is_sharper_and_inside_the_prior(result, sample, kl_error):
    kept = {"num_simulations": NUM, "keep_share": 0.1}
    errors = [kl_error(sample(RejectionABC(**kept, regression_adjustment=on))) for on in (False, True)]
    assert errors[1] < 0.3 * errors[0]


def test_errors_are_one_sentence(sample, models):
    with pytest.raises(ValueError, match="No simulation came within epsilon=1e-06 .* nearest is at"):
        sample(RejectionABC(num_simulations=500, epsilon=1e-6))
    with pytest.raises(ValueError, match="The regression needs 4 accepted draws for 2 features"):
        sample(RejectionABC(num_simulations=500, keep_share=0.002, regression_adjustment=True))
    with pytest.raises(ValueError, match="1 features that are not finite; Rejection ABC needs all"):
        sample(RejectionABC(), x_o=np.array([np.nan, 0.0]))
    with pytest.raises(ValueError, match="Rejection ABC samples the posterior of one observation"):
        sample(RejectionABC(), x_o=None)
    with pytest.raises(TypeError, match="needs the method EPI"):
        sample(RejectionABC(), x_o=EmergentProperty({"x[0]": 0.0}, {"x[0]": 1.0}))
    with pytest.raises(ValueError, match="keep_share must be a number from"):
        RejectionABC(keep_share=2.0)
    never = simulate_batch(models.half, jax.random.key(1), theta=-np.ones((50, 2), np.float32))
    with pytest.raises(ValueError, match="no simulation with all features defined .50 simulations, 0 valid"):
        sample(RejectionABC(), models.half, simulations=never)
