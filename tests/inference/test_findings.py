"""What is computed once a method has its posterior."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from inference import findings
from inference.drawn_posterior import DrawnPosterior
from inference.execute import run
from inference.methods.base import MethodOutput
from simulators import RecordingAxes, get_simulator, simulate_batch


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("linear_gaussian")


@pytest.mark.long
def test_recordings_are_those_of_the_predictive_simulations(tiny):
    """Features and traces with the same index come from the same simulation."""

    def simulate(key, theta):
        return theta["theta"][0] + jax.random.normal(key, (5000,))

    base = get_simulator("linear_gaussian")
    axes = RecordingAxes(np.arange(5000) * 0.1, "voltage", "mV", stimulus=np.ones(5000), stimulus_unit="pA")
    noisy = replace(
        base,
        simulate=simulate,
        axes=axes,
        log_likelihood=None,
        features=lambda v: {"high": v.max(), "low": v.min()},
    )
    result = run(tiny.Tiny(), noisy, noisy.default_observation().x, key=jax.random.key(0), on_progress=False)
    predictive = result.tree["posterior_predictive"]
    assert predictive["trace"].sizes == {"trace_draw": 4, "trace_time": predictive.sizes["trace_time"]}
    assert predictive.sizes["trace_time"] <= 2000
    assert predictive["trace"].attrs["units"] == "mV"
    np.testing.assert_allclose(
        predictive["trace"].max("trace_time"), predictive["x"][:4].sel(feature="high"), rtol=1e-5
    )
    np.testing.assert_allclose(
        predictive["trace"].min("trace_time"), predictive["x"][:4].sel(feature="low"), rtol=1e-5
    )
    np.testing.assert_array_equal(predictive["trace_time"], result.tree["observed_data/trace_time"])
    assert result.tree["constant_data/stimulus"].attrs["units"] == "pA"


def test_the_distance_is_in_prior_predictive_standard_deviations(tiny, simulator):
    x_o = simulator.default_observation().x
    result = run(tiny.Tiny(), simulator, x_o, key=jax.random.key(0), on_progress=False)
    predictive, prior = result.tree["posterior_predictive/x"], result.tree["prior_predictive/x"]
    expected = abs(predictive.median("draw") - x_o) / prior.std("draw")
    np.testing.assert_allclose(result.tree["diagnostics/predictive_distance"], expected, rtol=1e-4)


def test_too_few_simulations_still_give_enough_prior_draws(simulator, monkeypatch):
    monkeypatch.setattr(findings, "NUM_DRAWS", 100)
    posterior = DrawnPosterior(np.zeros((1, 5, simulator.prior.dim)), simulator.prior, np.zeros(1))
    output = MethodOutput(posterior, simulate_batch(simulator, jax.random.key(1), num=10))
    draws = findings._prior_draws(jax.random.key(0), simulator, output)
    assert (len(draws.theta), len(draws.x)) == (100, 10)
