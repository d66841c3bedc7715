"""The place of an observation among simulations: right about unusual ones, seldom wrong about usual ones."""

import numpy as np
import pytest
from scipy import stats

from inference.diagnostics import misspecification

MIXING = np.random.default_rng(7).normal(size=(4, 4))
SHAPES = {
    "normal": lambda z: z @ MIXING,
    "skewed": lambda z: np.exp(z @ MIXING),
    "counts": lambda z: np.maximum(np.round(np.exp(z)) - 1, 0),
    "heavy": lambda z: stats.cauchy.ppf(stats.norm.cdf(z)),
}


def simulations(shape, num, seed):
    return SHAPES[shape](np.random.default_rng(seed).normal(size=(num, 4)))


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_observations_of_the_model_itself_seldom_raise_an_alarm(shape):
    values = [
        misspecification(x[0], x[1:]).p_value for seed in range(200) for x in [simulations(shape, 301, seed)]
    ]
    # Each is at most 0.05 with probability at most 0.05; more than 22 of 200 would be a chance of 3e-4.
    assert np.mean(np.array(values) <= 0.05) <= 22 / 200
    # And it is of the right size: fewer than 70 of 200 below 0.5 would be a chance of 1e-5.
    assert np.mean(np.array(values) <= 0.5) >= 70 / 200


def test_an_extreme_feature_is_found_and_named():
    x = simulations("normal", 2000, 0)
    x_o = np.median(x, axis=0)
    assert misspecification(x_o, x).p_value > 0.5
    x_o[2] = x[:, 2].max() + 3 * x[:, 2].std()
    found = misspecification(x_o, x)
    assert found.p_value < 0.001
    assert found.farthest < 0.001
    assert found.excess > 1
    assert np.argmin(found.tail) == 2
    assert found.tail[2] == pytest.approx(2 / 2001)


def test_an_impossible_combination_of_usual_features_is_found():
    z = np.random.default_rng(0).normal(size=(2000, 1))
    x = np.concatenate([z, z + 0.05 * np.random.default_rng(1).normal(size=z.shape)], axis=1)
    found = misspecification(np.array([1.0, -1.0]), x)
    assert found.tail.min() > 0.2
    assert found.mahalanobis < 0.001
    assert found.p_value < 0.001


def test_a_hole_in_the_cloud_is_found_by_the_neighbours_alone():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.random.default_rng(1).normal(
        1, 0.03, (2000, 1)
    )
    found = misspecification(np.zeros(2), ring)
    assert found.farthest > 0.5
    assert found.neighbours < 0.001
    assert found.p_value < 0.001


def test_units_do_not_matter():
    x, scale = simulations("normal", 500, 3), np.array([1e-6, 1.0, 1e3, 1e6])
    one, other = misspecification(x[0], x[1:]), misspecification(x[0] * scale, x[1:] * scale)
    assert other.p_value == pytest.approx(one.p_value, abs=0.005)
    np.testing.assert_allclose(other.tail, one.tail)


def test_what_is_unknown_is_left_out():
    x = simulations("normal", 500, 4)
    x_o = x[0].copy()
    x_o[1] = np.nan
    x[::3, 2] = np.nan
    found = misspecification(x_o, x)
    assert np.isnan(found.tail[1])
    assert np.isfinite(found.tail[[0, 2, 3]]).all()
    assert 0 < found.p_value <= 1


def test_a_constant_feature_tells_who_differs():
    x = np.concatenate([simulations("normal", 500, 5), np.zeros((500, 1))], axis=1)
    assert misspecification(np.append(np.median(x[:, :4], axis=0), 0.0), x).p_value > 0.05
    assert misspecification(np.append(np.median(x[:, :4], axis=0), 1.0), x).p_value < 0.01


@pytest.mark.long
def test_an_image_takes_no_minutes():
    x = np.random.default_rng(0).normal(size=(3000, 900))
    assert misspecification(x[0], x[1:]).p_value > 1e-3
    assert misspecification(x[0] + 5.0, x[1:]).p_value <= 0.01


def test_too_few_or_misshapen_simulations_are_refused():
    x = simulations("normal", 19, 0)
    with pytest.raises(ValueError, match="needs 20 finite simulations; got 19"):
        misspecification(x[0], x)
    with pytest.raises(ValueError, match="do not fit"):
        misspecification(x[0, :2], x)
