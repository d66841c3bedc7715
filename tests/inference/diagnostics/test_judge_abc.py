"""The judgements of ABC: few draws, a threshold as wide as the noise, time over, a search."""

import numpy as np
import pytest
import xarray as xr

from inference.diagnostics import verdict
from inference.diagnostics.kernel import median_distance, widening

SOUND = {
    "num_simulations": 100_000, "effective_draws": 1_000.0, "abc_threshold": 0.1, "num_not_begun": 0,
    "accepted_distance": 0.1, "predicted_distance": 0.4,
}  # fmt: skip


def judged(config="{}", **changed):
    numbers = {name: ((), np.asarray(value)) for name, value in {**SOUND, **changed}.items()}
    return verdict(
        xr.DataTree.from_dict(
            {"/": xr.Dataset(attrs={"config": config}), "/diagnostics": xr.Dataset(numbers)}
        )
    )


def test_a_sound_run_is_good():
    found = judged()
    assert found.level == "good"
    assert "The threshold widens the posterior by no more than about 6 %." in found.sentences


@pytest.mark.parametrize(
    ("changed", "level", "sentence", "action"),
    [
        ({"effective_draws": 120.0}, "caution", "worth only 120 independent", "Simulate more: 400 000"),
        ({"effective_draws": 20.0}, "bad", "worth only 20 independent", "or accept more of them"),
        ({"accepted_distance": 0.2}, "caution", "may be up to about 1.3 times too wide", "smaller threshold"),
        ({"accepted_distance": 0.3}, "bad", "may be up to about 1.9 times too wide", "or run SNPE"),
        ({"accepted_distance": 0.5}, "bad", "may be many times too wide", "or run SNPE"),
        ({"predicted_distance": np.nan}, "bad", "may be many times too wide", "or run SNPE"),
        ({"num_not_begun": 300}, "caution", "over after 100 000 of 100 300", "Allow more seconds"),
        ({"is_hall_of_fame": 1}, "bad", "and no posterior", "Run SNPE for a posterior"),
    ],
)  # fmt: skip
def test_faults_are_told(changed, level, sentence, action):
    found = judged(**changed)
    assert found.level == level
    assert sentence in found.sentences[0]
    assert action in found.next_action


def test_an_adjusted_posterior_is_not_judged_by_its_threshold():
    found = judged('{"regression_adjustment": true}', accepted_distance=0.5)
    assert found.level == "good"
    assert not any("threshold" in sentence for sentence in found.sentences)


def test_the_widening_is_exact_for_a_line_and_a_flat_prior():
    """Accepted within a kernel of variance k about x_o, with noise of variance 1."""
    random = np.random.default_rng(0)
    k, num, dim = 0.5, 4_000, 40  # of many features, whose root mean square is nearly constant
    accepted = np.sqrt(k) * random.normal(size=(num, dim))
    theta = accepted + random.normal(size=(num, dim))
    predicted = theta + random.normal(size=(num, dim))
    zero, one = np.zeros(dim), np.ones(dim)
    near, far = (median_distance(x, zero, one) for x in (accepted, predicted))
    assert widening(near, far) == pytest.approx(np.sqrt(1 + k), rel=0.03)


def test_undefined_predictions_are_left_out():
    x = np.array([[1.0, np.nan], [3.0, 4.0], [3.0, 4.0]])
    assert median_distance(x, np.zeros(2), np.ones(2)) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(median_distance(x[:1], np.zeros(2), np.ones(2)))
