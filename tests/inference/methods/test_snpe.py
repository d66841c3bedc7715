"""SNPE against exact posteriors, and its manners."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference import METHODS, SNPE, EmergentProperty, Observation, diagnostics, run
from inference.progress import Stopped
from simulators import get_simulator, simulate_batch
from simulators.models.linear_gaussian import posterior_moments

SMALL = SNPE(estimator="maf", num_simulations=400, num_layers=2, width=16, max_epochs=8, num_members=1)


@pytest.fixture(scope="module")
def linear_gaussian():
    simulator = get_simulator("linear_gaussian")
    return simulator, run(
        SNPE(num_simulations=10_000, num_members=1), simulator, key=jax.random.key(1), on_progress=False
    )


@pytest.fixture(scope="module")
def two_moons():
    """A third of the steps that the defaults would take; those reach 0.51 to 0.56."""
    simulator, config = (
        get_simulator("two_moons"),
        SNPE(num_simulations=10_000, max_epochs=100, num_members=1),
    )
    return simulator, run(config, simulator, key=jax.random.key(1), on_progress=False)


def finding(result, name):
    """One of the numbers that a run tells about itself."""
    return np.asarray(result.tree["diagnostics"].to_dataset()[name].values)


@pytest.mark.long
class TestLinearGaussian:
    """10 000 simulations, ten parameters. Training and draws have fixed keys: no false alarms by chance."""

    def test_mean_and_covariance(self, linear_gaussian):
        """Errors in posterior standard deviations; 0.01 of them are due to the 10 000 draws."""
        simulator, result = linear_gaussian
        x_o = jnp.asarray(simulator.default_observation().x)
        mean, covariance = posterior_moments(x_o)
        draws = np.asarray(result.posterior.sample(jax.random.key(2), 10_000, x_o))
        sd = np.sqrt(np.diag(covariance))
        assert np.abs((draws.mean(0) - mean) / sd).max() < 0.25
        assert np.abs(np.cov(draws.T) / np.outer(sd, sd) - np.eye(10)).max() < 0.2

    def test_log_prob(self, linear_gaussian):
        simulator, result = linear_gaussian
        x_o = jnp.asarray(simulator.default_observation().x)
        exact = np.asarray(simulator.exact_posterior(jax.random.key(3), x_o, 2_000))
        mean, covariance = posterior_moments(x_o)
        squares = ((exact - mean) ** 2 / np.diag(covariance)).sum(1)
        true = -0.5 * squares - 0.5 * np.log(2 * np.pi * np.diag(covariance)).sum()
        divergence = (true - np.asarray(result.posterior.log_prob(exact, x_o))).mean()
        assert -0.02 < divergence < 0.12

    def test_c2st(self, linear_gaussian):
        """Two equal sets of 800 give 0.50 with a standard deviation of 0.013; three seeds gave 0.49."""
        simulator, result = linear_gaussian
        x_o = jnp.asarray(simulator.default_observation().x)
        exact = simulator.exact_posterior(jax.random.key(3), x_o, 800)
        learnt = result.posterior.sample(jax.random.key(2), 800, x_o)
        assert diagnostics.c2st(jax.random.key(4), exact, learnt) <= 0.55


@pytest.mark.long
@pytest.mark.parametrize("x_o", [(-0.0676, 0.0665), (-0.30, -0.02), (-0.51, -0.39)])
def test_two_moons(two_moons, x_o):
    """10 000 simulations; equal samples give 0.50 with a standard deviation of 0.008. All keys are fixed."""
    simulator, result = two_moons
    x_o = jnp.array(x_o)
    exact = simulator.exact_posterior(jax.random.key(3), x_o, 2_000)
    learnt = result.posterior.sample(jax.random.key(2), 2_000, x_o)
    assert diagnostics.c2st(jax.random.key(4), exact, learnt) <= 0.60


class TestRuns:
    simulator = get_simulator("two_moons")
    x_o = np.array([-0.1, 0.1], np.float32)

    def draws(self, config=SMALL, seed=0, **options):
        result = run(
            config, self.simulator, self.x_o, key=jax.random.key(seed), **{"on_progress": False, **options}
        )
        return np.asarray(result.posterior.sample(jax.random.key(9), 50))

    @pytest.mark.long
    def test_same_key_same_draws(self):
        draws = self.draws()
        np.testing.assert_array_equal(draws, self.draws())
        assert not np.array_equal(draws, self.draws(seed=1))

    @pytest.mark.long
    @pytest.mark.parametrize("stage", ["simulate", "train"])
    def test_stopped_and_resumed_ends_as_if_never_stopped(self, stage, tmp_path):
        def stop(event):
            if event.stage == stage and event.done >= min(4, event.total):
                raise Stopped

        with pytest.raises(Stopped):
            self.draws(folder=tmp_path, on_progress=stop)
        np.testing.assert_array_equal(self.draws(folder=tmp_path), self.draws())

    def test_the_call_of_the_design_works(self):
        config = SNPE(variant="C", estimator="maf", num_rounds=1, num_simulations=10_000)
        small = dataclasses.replace(
            config, num_simulations=300, num_layers=2, width=16, max_epochs=2, num_members=1
        )
        assert self.draws(small).shape == (50, 2)

    @pytest.mark.long
    def test_given_simulations_are_used(self):
        given = simulate_batch(self.simulator, jax.random.key(5), num=300)
        result = run(
            SMALL, self.simulator, self.x_o, key=jax.random.key(0), on_progress=False, simulations=given
        )
        assert finding(result, "num_simulations") == 300

    @pytest.mark.long
    def test_failed_simulations_are_left_out_and_counted(self):
        given = simulate_batch(self.simulator, jax.random.key(5), num=300)
        given.x[:50] = np.nan
        given = dataclasses.replace(given, is_valid=np.isfinite(given.x).all(1) & (np.arange(300) < 290))
        result = run(
            SMALL, self.simulator, self.x_o, key=jax.random.key(0), on_progress=False, simulations=given
        )
        assert finding(result, "num_simulations") == 300
        assert finding(result, "num_usable") == 240
        assert np.isfinite(finding(result, "held_out_log_prob"))

    @pytest.mark.long
    def test_too_few_valid_simulations_are_an_error(self):
        given = simulate_batch(self.simulator, jax.random.key(5), num=300)
        given.x[:250] = np.nan
        given = dataclasses.replace(given, is_valid=np.isfinite(given.x).all(1))
        with pytest.raises(ValueError, match="at least 100 usable simulations; got 50"):
            run(SMALL, self.simulator, self.x_o, key=jax.random.key(0), on_progress=False, simulations=given)

    def test_goals_that_snpe_cannot_explain_are_refused(self):
        with pytest.raises(TypeError, match="needs the method EPI"):
            run(SMALL, self.simulator, EmergentProperty({"x[0]": 0.0}, {"x[0]": 1.0}), key=jax.random.key(0))
        with pytest.raises(ValueError, match=r"no finite value for x\[1\]"):
            run(SMALL, self.simulator, Observation(np.array([0.0, np.nan])), key=jax.random.key(0))

    @pytest.mark.long
    def test_findings_tell_what_was_learnt_and_where_the_observation_lies(self):
        result = run(SMALL, self.simulator, self.x_o, key=jax.random.key(0), on_progress=False)
        assert finding(result, "held_out_log_prob") > finding(result, "prior_log_prob") + 0.5
        quantile = finding(result, "x_o_quantile")
        assert ((quantile > 0.05) & (quantile < 0.95)).all()
        assert finding(result, "share_at_bounds").shape == (2, 2)


class TestConfig:
    def test_every_field_explains_itself(self):
        for field in dataclasses.fields(SNPE):
            assert field.metadata["help"].endswith(".")
            assert field.metadata["label"]
            assert isinstance(field.default, bool) or {"bounds", "choices"} & set(field.metadata)

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"num_simulations": 0}, "num_simulations must be a number from 100 to"),
            ({"estimator": "mfa"}, "estimator must be one of nsf, maf, .*; got 'mfa'"),
            ({"variant": "A", "num_rounds": 2}, "Variant A corrects Gaussian mixtures"),
            ({"variant": "D"}, "variant must be one of"),
            ({"num_rounds": 0}, "num_rounds must be a number from 1 to 100; got 0"),
            ({"validation_fraction": 0.9}, "from 0.01 to 0.5; got 0.9"),
            ({"learning_rate": float("nan")}, "learning_rate must be a number"),
            ({"batch_size": 1}, "batch_size must be a number from 8"),
        ],
    )
    def test_what_cannot_work_is_refused(self, settings, words):
        with pytest.raises(ValueError, match=words):
            SNPE(**settings)

    def test_it_is_registered(self):
        assert METHODS["snpe"].config is SNPE
