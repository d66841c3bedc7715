"""The genetic search: finds the observation, says that it is no posterior; without BluePyOpt it says so."""

import random
from importlib.util import find_spec

import jax
import numpy as np
import pytest

from inference import METHODS, Genetic, diagnostics
from inference.methods import genetic
from inference.progress import Stopped
from simulators import get_simulator, simulate_batch

SMALL = Genetic(num_simulations=1_000, num_offspring=50, num_best=8)
needs_bluepyopt = pytest.mark.skipif(
    find_spec("bluepyopt") is None, reason="BluePyOpt is not installed (extra 'baselines')"
)


@pytest.fixture(scope="module")
def result(sample):
    return sample(SMALL)


@needs_bluepyopt
def test_the_best_are_near_the_observation(result):
    """Nearer than the spread of a posterior: the best of many simulations were lucky."""
    rows, found = result.posterior.rows, result.tree["diagnostics"]
    assert rows.shape == (8, 2)
    assert np.abs(rows - np.array([-0.5, 0.5])).max() < 1.0
    sums = result.tree["sample_stats/sum_of_distances"].values[0]
    assert (np.diff(sums) >= 0).all()
    assert sums[0] < 0.2
    assert found["best_distance"].sum() == pytest.approx(sums[0], rel=1e-5)
    best = found["generation_best"].values
    assert len(best) == 20
    assert (np.diff(best) <= 0).all()
    assert best[-1] < 0.5 * best[0]
    assert found["num_simulations"] == 1_000


@needs_bluepyopt
def test_the_verdict_says_that_it_is_no_posterior(result):
    found = diagnostics.verdict(result.tree)
    assert found.level == "bad"
    assert "a search found, and no posterior" in found.sentences[0]
    assert found.next_action.startswith("Run SNPE")


@needs_bluepyopt
def test_a_stopped_run_ends_with_the_best_of_one_that_was_not(result, sample, tmp_path):
    """Whatever else takes Python's random numbers meanwhile."""

    def stop(event):
        random.random()
        if event.done >= 300:
            raise Stopped

    with pytest.raises(Stopped):
        sample(SMALL, on_progress=stop, folder=tmp_path)
    resumed = sample(SMALL, folder=tmp_path)
    np.testing.assert_array_equal(resumed.posterior.draws, result.posterior.draws)


@needs_bluepyopt
def test_undefined_features_are_the_worst(sample, models):
    half = sample(SMALL, models.half, np.array([0.5, 0.5]))
    assert (half.posterior.rows[:, 0] >= 0).all()
    with pytest.raises(ValueError, match="The genetic search found no simulation with all features defined"):
        sample(SMALL, models.nothing)


@needs_bluepyopt
def test_a_budget_in_seconds_ends_with_the_best_so_far(sample, models):
    result = sample(Genetic(num_simulations=1_000_000, num_seconds=0.05), models.bounded, np.array([0.05]))
    assert 0 < result.tree["diagnostics/num_simulations"] < 1_000_000
    assert ((result.posterior.rows > 0) & (result.posterior.rows < 1)).all()
    assert any("The time was over after" in said for said in diagnostics.verdict(result.tree).sentences)


@needs_bluepyopt
def test_first_parameters_far_out_in_the_tails_of_the_prior_stay_real_numbers(sample):
    """Of 500 draws in ten dimensions about ten lie beyond the quantiles that bound the search."""
    glm = get_simulator("bernoulli_glm")
    result = sample(Genetic(num_simulations=1_000, num_offspring=500), glm, glm.default_observation().x)
    assert np.isfinite(result.posterior.rows).all()


@needs_bluepyopt
def test_what_it_cannot_use_is_refused(sample, models):
    given = simulate_batch(models.gaussian, jax.random.key(1), num=10)
    with pytest.raises(ValueError, match="leave simulations out"):
        sample(SMALL, simulations=given)
    with pytest.raises(ValueError, match="The genetic search samples the posterior of one observation"):
        sample(SMALL, x_o=None)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="Two generations of 100 need 200 simulations; got"):
        Genetic(num_simulations=150)


def test_without_bluepyopt_it_says_how_to_install_it(models, monkeypatch):
    monkeypatch.setattr(genetic, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="needs BluePyOpt, which is not installed: pip install"):
        METHODS["genetic"].check(SMALL, models.gaussian)
