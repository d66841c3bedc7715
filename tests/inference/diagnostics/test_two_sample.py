"""C2ST against what is known, and against the public protocol in scikit-learn."""

import jax
import numpy as np
import pytest

from inference.diagnostics import C2ST, c2st, c2st_interval

NUM = 500


def gaussian(seed, dim, *, shift=0.0, scale=1.0, num=NUM):
    return shift + scale * np.random.default_rng(seed).normal(size=(num, dim))


@pytest.mark.long
def test_samples_of_one_distribution_cannot_be_told_apart(key):
    """The accuracy scatters by about 0.67 / sqrt(2 * 500) = 0.021: five of those."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).tolist())
    assert abs(c2st(key, rng.normal(size=(NUM, 2)), rng.normal(size=(NUM, 2))) - 0.5) < 0.11


def test_a_known_difference_gets_the_accuracy_of_the_best_classifier():
    """Two Gaussians two standard deviations apart: the best possible accuracy is Phi(1) = 0.841."""
    value = c2st(jax.random.key(0), gaussian(0, 2), gaussian(1, 2, shift=[2.0, 0.0]))
    assert value == pytest.approx(0.841, abs=0.04)
    assert c2st(jax.random.key(0), gaussian(0, 2), gaussian(1, 2, shift=20.0)) > 0.99


def test_units_do_not_matter_and_the_key_decides_all():
    a, b, unit = gaussian(0, 2), gaussian(1, 2, scale=1.5), np.array([1e-3, 1e4])
    value = c2st(jax.random.key(0), a, b)
    assert value == c2st(jax.random.key(0), a, b)
    assert value == pytest.approx(c2st(jax.random.key(0), a * unit + 70.0, b * unit + 70.0), abs=0.02)


def test_a_constant_column_is_no_problem():
    a, b = gaussian(0, 2), gaussian(1, 2)
    a[:, 1] = b[:, 1] = 3.0
    assert 0.3 < c2st(jax.random.key(0), a, b) < 0.7


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match=r"one shape; got \(500, 2\) and \(400, 2\)"):
        c2st(jax.random.key(0), gaussian(0, 2), gaussian(0, 2, num=400))
    with pytest.raises(ValueError, match="`b` has 1 rows that are not finite"):
        c2st(
            jax.random.key(0), gaussian(0, 2), np.where(np.arange(NUM)[:, None] == 3, np.nan, gaussian(1, 2))
        )
    with pytest.raises(ValueError, match=r"`a` must have shape \(n, dim\) with n >= 50; got shape \(10, 2\)"):
        c2st(jax.random.key(0), gaussian(0, 2, num=10), gaussian(0, 2))


@pytest.mark.long
@pytest.mark.parametrize("name", ["shifted", "too narrow", "too wide", "one mode lost"])
def test_wrong_posteriors_are_told_apart_beyond_chance(draws_of, name):
    reference = "two modes" if name == "one mode lost" else "exact"
    found = c2st_interval(jax.random.key(0), draws_of(reference, 0, 300), draws_of(name, 1, 300))
    assert found.p_value < 0.001
    assert found.accuracy > found.null_interval[1]
    assert found.interval[0] > 0.5


def test_the_uncertainty_is_that_of_held_out_rows_in_correlated_folds():
    found = C2ST(0.5, 200)
    assert found.error == pytest.approx(1.342 * 0.5 / np.sqrt(400), rel=1e-3)
    assert found.p_value == 0.5
    assert found.null_interval == found.interval == pytest.approx((0.434, 0.566), abs=1e-3)
    assert C2ST(1.0, 200).error == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["exact", "two modes"])
def test_exact_posteriors_are_told_apart_at_the_stated_rate(draws_of, name):
    """100 pairs at 5 %: more than 13 would be a chance of 4e-4."""
    found = [
        c2st_interval(jax.random.key(s), draws_of(name, 2 * s, 100), draws_of(name, 2 * s + 1, 100))
        for s in range(100)
    ]
    assert sum(one.p_value < 0.05 for one in found) <= 13
    assert sum(not one.null_interval[0] < one.accuracy < one.null_interval[1] for one in found) <= 13


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dim", "shift", "scale"), [(2, 0.0, 1.3), (2, 0.3, 1.0), (5, 0.2, 1.0), (5, 0.0, 1.2)]
)
def test_agrees_with_the_public_protocol(dim, shift, scale):
    """Both scatter with their seeds, by about 0.01 at 2 x 1000 samples; compared are means of three."""
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    a, b = gaussian(0, dim, num=1000), gaussian(1, dim, shift=shift, scale=scale, num=1000)
    rows = (np.concatenate([a, b]) - a.mean(0)) / a.std(0)
    labels = np.repeat([0, 1], 1000)

    def public(seed):
        network = MLPClassifier((10 * dim, 10 * dim), max_iter=10_000, random_state=seed)
        folds = KFold(5, shuffle=True, random_state=seed)
        return cross_val_score(network, rows, labels, cv=folds, scoring="accuracy").mean()

    ours = np.mean([c2st(jax.random.key(seed), a, b) for seed in range(3)])
    assert ours == pytest.approx(np.mean([public(seed) for seed in range(3)]), abs=0.03)
