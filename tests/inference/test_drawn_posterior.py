"""A posterior that is known by its draws alone, in memory, in a tree and on disk."""

import jax
import numpy as np
import pytest

from inference import load_result
from inference.drawn_posterior import DrawnPosterior
from inference.findings import find
from inference.goals import Observation
from inference.methods.base import MethodOutput
from inference.result import Result
from inference.tree import build_tree, chains, parameter_rows
from simulators import get_simulator

NUM_CHAINS, NUM_DRAWS = 3, 40


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("two_moons")


@pytest.fixture(scope="module")
def posterior(simulator):
    theta = np.asarray(simulator.prior.sample(jax.random.key(0), NUM_CHAINS * NUM_DRAWS))
    return DrawnPosterior(theta.reshape(NUM_CHAINS, NUM_DRAWS, 2), simulator.prior, np.zeros(2))


@pytest.fixture(scope="module")
def result(simulator, posterior):
    lp = np.arange(NUM_CHAINS * NUM_DRAWS, dtype=np.float32).reshape(NUM_CHAINS, NUM_DRAWS)
    output = MethodOutput(posterior, sample_stats={"lp": (("chain", "draw"), lp)})
    found = find(jax.random.key(1), simulator, Observation(posterior.x_o), output, lambda event: None)
    return Result(posterior, build_tree(simulator, found, {"simulator": simulator.name, "method": "some"}))


@pytest.mark.long
def test_no_draw_is_given_twice_while_there_are_enough(posterior, key):
    rows = {tuple(row) for row in posterior.rows}
    drawn = np.asarray(posterior.sample(key, NUM_CHAINS * NUM_DRAWS))
    assert {tuple(row) for row in drawn} == rows
    assert not np.array_equal(drawn, posterior.rows)
    many = np.asarray(posterior.sample(key, 500))
    assert many.shape == (500, 2)
    assert {tuple(row) for row in many} <= rows


def test_it_knows_its_own_observation_and_no_density(posterior, key):
    assert len(posterior.sample(key, 3, posterior.x_o)) == 3
    with pytest.raises(ValueError, match="say nothing of others"):
        posterior.sample(key, 3, posterior.x_o + 1)
    with pytest.raises(ValueError, match="at least 1; got 0"):
        posterior.sample(key, 0)
    with pytest.raises(ValueError, match="no normalised density"):
        posterior.log_prob(posterior.rows)


@pytest.mark.parametrize("shape", [(3, 40, 5), (0, 0, 2)])
def test_draws_of_another_shape_are_refused(posterior, shape):
    with pytest.raises(ValueError, match=r"shape \(chain, draw, 2\)"):
        DrawnPosterior(np.zeros(shape), posterior.prior, posterior.x_o)


def test_draws_must_be_finite(posterior):
    with pytest.raises(ValueError, match="40 draws are not finite"):
        DrawnPosterior(np.full((1, 40, 2), np.nan), posterior.prior, posterior.x_o)


def test_the_tree_keeps_chains_and_predicts_without_simulations_of_the_method(result, posterior):
    tree = result.tree
    np.testing.assert_array_equal(chains(tree["posterior"]), posterior.draws)
    np.testing.assert_array_equal(parameter_rows(tree["posterior"]), posterior.rows)
    assert tree["sample_stats/lp"].sel(chain=2, draw=1) == 2 * NUM_DRAWS + 1
    assert tree["prior_predictive/x"].sizes["draw"] == 1000
    assert {"predictive_distance", "share_at_bounds", "x_o_p_value"} <= set(tree["diagnostics"].data_vars)


def test_what_is_saved_is_loaded(result, posterior, tmp_path, key):
    result.save(tmp_path)
    assert not (tmp_path / "weights.eqx").exists()
    loaded = load_result(tmp_path)
    assert loaded.tree.identical(result.tree)
    np.testing.assert_array_equal(loaded.posterior.sample(key, 7), posterior.sample(key, 7))
