"""HNPE on a product of two factors, one of them shared: what it promises, and the exact posterior."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from numpyro import distributions as dist

from inference import HNPE, METHODS, HierarchicalPosterior, Observation, diagnostics, load_result, run
from inference.methods.hierarchical.findings import narrowing
from inference.progress import Stopped
from simulators import Prior, Simulator, simulate_batch

SIGMA = 0.05
QUICK = HNPE(
    num_simulations=200, num_extra=3, estimator="gaussian", aggregator="mean", width=16, max_epochs=2,
    stop_when_settled=False,
)  # fmt: skip
X = np.array([0.25, 0.1, 0.4, 0.3], np.float32)[:, None]
OBSERVED = Observation(X[0], X[1:])


def product(key, theta):
    return (theta["alpha"] * theta["beta"] + SIGMA * jax.random.normal(key))[None]


def unit(**shared):
    uniform = dist.Uniform(0.0, 1.0)
    return Prior({"alpha": uniform, "beta": uniform}, **shared)


TOY = Simulator("product", unit(shared=("beta",)), product)


def learn(config, goal: Observation | None = OBSERVED, simulator=TOY, **others):
    return run(config, simulator, goal, key=jax.random.key(0), on_progress=False, **others)


def finding(result, name):
    return np.asarray(result.tree["diagnostics"].to_dataset()[name].values)


@pytest.fixture(scope="module")
def result():
    return learn(QUICK)


@pytest.mark.long
class TestResult:
    def test_the_posterior_is_of_the_first_local_parameters_and_the_shared_ones(self, result):
        posterior = result.posterior
        assert isinstance(posterior, HierarchicalPosterior)
        draws = np.asarray(posterior.sample(jax.random.key(1), 10))
        assert draws.shape == (10, 2)
        assert ((draws > 0) & (draws < 1)).all()
        rows = np.asarray(posterior.sample(jax.random.key(1), 5, X[:3]))
        assert rows.shape == (3, 5, 2)

    def test_the_tree_has_an_observation_axis_for_local_parameters_only(self, result):
        joint = result.tree["joint_posterior"].to_dataset()
        assert joint["alpha"].dims == ("chain", "draw", "observation")
        assert joint["beta"].dims == ("chain", "draw")
        posterior = result.tree["posterior"].to_dataset()
        assert posterior["alpha"].dims == posterior["beta"].dims == ("chain", "draw")
        num = joint.sizes["draw"]
        np.testing.assert_allclose(joint["beta"], posterior["beta"].isel(draw=slice(num)), atol=1e-5)
        np.testing.assert_array_equal(result.tree["observed_data"]["x_all"], X)

    def test_it_tells_what_the_extras_told(self, result):
        found = result.tree["diagnostics"].to_dataset()
        assert found["narrowing_sd"].dims == ("step", "shared")
        assert found["num_shown"].values.tolist() == [0, 1, 2, 3]
        assert found["shared"].values.tolist() == ["beta"]
        assert found["narrowing_quantile"].dims == ("step", "quantile", "shared")
        assert (np.diff(found["narrowing_quantile"], axis=1) > 0).all()
        assert found["extra_told"].shape == (3,)
        assert found["num_simulations"] == 4 * 200

    def test_the_prior_is_shown_by_independent_draws(self, result):
        assert len(np.unique(result.tree["prior"]["beta"].values[0, :200])) == 200

    def test_calibration_is_checked_with_as_many_extras_as_were_observed(self, result):
        assert finding(result, "num_calibrated") == 20
        assert finding(result, "rank_histogram").sum() == 2 * 20
        assert "importance_share" not in result.tree["diagnostics"]
        assert diagnostics.verdict(result.tree).findings

    def test_it_survives_a_file(self, result, tmp_path):
        result.save(tmp_path)
        loaded = load_result(tmp_path, simulator=TOY)
        assert isinstance(loaded.posterior, HierarchicalPosterior)
        theta = np.random.default_rng(0).uniform(size=(5, 2))
        np.testing.assert_array_equal(loaded.posterior.log_prob(theta), result.posterior.log_prob(theta))
        assert list(loaded.tree["joint_posterior"].data_vars) == ["alpha", "beta"]
        assert xr.open_datatree(tmp_path / "result.zarr").identical(result.tree)


class TestSettings:
    def test_it_is_on_offer(self):
        assert METHODS["hnpe"].config is HNPE

    @pytest.mark.parametrize(("shared", "words"), [((), "no parameter"), (("alpha", "beta"), "all param")])
    def test_some_parameters_must_be_shared_and_some_not(self, shared, words):
        simulator = Simulator("odd", unit(shared=shared), product)
        with pytest.raises(ValueError, match=f"marks {words}.*Prior.*or use SNPE"):
            METHODS["hnpe"].check(HNPE(), simulator)

    def test_the_number_of_extras_is_that_of_the_observation_unless_more_are_wanted(self):
        assert HNPE().extras_for(OBSERVED) == 3
        assert HNPE().extras_for(None) == HNPE().extras_for(Observation(X[0])) == 9
        assert HNPE(num_extra=5).extras_for(OBSERVED) == 5
        with pytest.raises(ValueError, match="has 3 extras, but num_extra=2"):
            HNPE(num_extra=2).extras_for(OBSERVED)

    def test_settings_survive_json(self):
        fields = json.loads(json.dumps(dataclasses.asdict(QUICK)))
        assert HNPE(**fields) == QUICK

    def test_given_simulations_must_be_groups(self):
        simulations = simulate_batch(TOY, jax.random.key(0), num=400)
        with pytest.raises(ValueError, match="groups of 4 rows.*same beta"):
            learn(QUICK, simulations=simulations)

    def test_several_rounds_need_an_observation(self):
        with pytest.raises(ValueError, match="Several rounds need an observation"):
            learn(dataclasses.replace(QUICK, num_rounds=2), None)


@pytest.mark.long
def test_without_an_observation_it_answers_for_any(result):
    amortised = learn(QUICK, None)
    assert "posterior" not in amortised.tree.children
    posterior, theta = amortised.posterior, np.random.default_rng(0).uniform(size=(5, 2))
    assert isinstance(posterior, HierarchicalPosterior)
    np.testing.assert_array_equal(posterior.log_prob(theta, X[0], X[1:]), result.posterior.log_prob(theta))
    assert narrowing(jax.random.key(0), posterior) == {}
    with pytest.raises(ValueError, match="no observation of its own"):
        posterior.sample(jax.random.key(0), 1)


@pytest.mark.long
def test_any_simulator_with_shared_parameters_and_failing_simulations():
    """Vectors of local and of shared parameters, a feature that is missing where one parameter is low."""
    prior = Prior(
        {
            "gain": dist.Normal(0.0, 1.0).expand([2]).to_event(1),
            "own": dist.Uniform(0.0, 1.0),
            "scale": dist.LogNormal(0.0, 0.5),
        },
        shared=("gain", "scale"),
    )

    def simulate(key, theta):
        noise = 0.1 * jax.random.normal(key, (4,))
        x = jnp.array([*theta["gain"], theta["own"], theta["scale"]]) + noise
        return jnp.where(theta["own"] < 0.2, jnp.nan, x)

    simulator = Simulator("failing", prior, simulate)
    x = np.array([[0.5, -0.5, 0.6, 1.0], [0.4, -0.6, 0.3, 1.1], [0.6, -0.4, 0.9, 0.9]])
    goal = Observation(x[0], x[1:])
    config = dataclasses.replace(QUICK, num_extra=None, num_simulations=1_000, max_epochs=40, num_rounds=2)
    result = learn(config, goal, simulator)
    draws = np.asarray(result.posterior.sample(jax.random.key(1), 2_000))
    assert np.abs(draws.mean(0) - x[0]).max() < 0.15
    assert result.tree["joint_posterior"]["own"].sizes["observation"] == 3
    assert "observation" not in result.tree["joint_posterior"]["gain[0]"].dims
    assert finding(result, "num_usable") < finding(result, "num_simulations")


@pytest.mark.long
@pytest.mark.parametrize("variant", ["truncated", pytest.param("C", marks=pytest.mark.slow)])
def test_a_stop_in_the_second_round_changes_nothing(variant, tmp_path):
    config = dataclasses.replace(QUICK, num_rounds=2, variant=variant, max_epochs=6)
    whole = learn(config)

    def stop(event):
        if event.stage == "train" and event.message.startswith("Round 2") and event.done == 3:
            raise Stopped

    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        run(config, TOY, OBSERVED, key=jax.random.key(0), on_progress=stop, folder=folder)
    assert {path.name for path in (folder / "simulations").iterdir()} >= {"round-000.zarr", "round-001.zarr"}
    resumed = learn(config, folder=folder)
    again = load_result(folder, simulator=TOY)
    draws = [np.asarray(r.posterior.sample(jax.random.key(1), 50)) for r in (whole, resumed, again)]
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws[0], draws[2])
    posterior = again.posterior
    assert isinstance(posterior, HierarchicalPosterior)
    with pytest.raises(ValueError, match="sharpened for its own observation"):
        posterior.sample(jax.random.key(0), 3, X[1], X[2:])
    assert posterior.sample_all(jax.random.key(0), 3).shape == (3, 4, 2)
