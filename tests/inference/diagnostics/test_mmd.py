"""MMD: its value against a plain computation, and its p-value on exact and wrong posteriors."""

import jax
import numpy as np
import pytest

from inference.diagnostics import mmd
from inference.diagnostics.mmd import BANDWIDTHS

NUM = 300
REFERENCE = {"one mode lost": "two modes"}


def plain(a, b):
    """Gretton et al. 2012, eq. (3), term by term."""
    rows = np.concatenate([a, b])
    a, b = ((part - rows.mean(0)) / rows.std(0) for part in (a, b))
    rows = np.concatenate([a, b])
    median = np.median(np.linalg.norm(rows[:, None] - rows, axis=2)[np.triu_indices(len(rows), 1)])

    def kernel(one, other):
        square = ((one[:, None] - other) ** 2).sum(2)
        return np.mean([np.exp(-0.5 * square / (width * median) ** 2) for width in BANDWIDTHS], axis=0)

    def within(one):
        return (kernel(one, one).sum() - len(one)) / (len(one) * (len(one) - 1))

    return within(a) + within(b) - 2 * kernel(a, b).mean()


@pytest.mark.long
def test_the_value_is_that_of_the_definition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(150, 3)), rng.normal(0.3, 1.2, (210, 3))  # more than one block, none full
    found = mmd(jax.random.key(0), a, b, num_permutations=20)
    assert found.value == pytest.approx(plain(a, b), abs=1e-5)
    assert abs(found.null.mean()) < 0.01


@pytest.mark.long
@pytest.mark.parametrize("name", ["shifted", "too narrow", "too wide", "one mode lost"])
def test_wrong_posteriors_are_far(draws_of, name):
    a, b = draws_of(REFERENCE.get(name, "exact"), 0, NUM), draws_of(name, 1, NUM)
    assert mmd(jax.random.key(0), a, b).p_value == pytest.approx(1 / 201)


@pytest.mark.long
@pytest.mark.parametrize("name", ["exact", "two modes"])
def test_exact_posteriors_are_blamed_at_the_stated_rate(draws_of, name):
    """40 pairs at 5 %: more than 8 would be a chance of 7e-5; and the p-values are even."""
    p_values = [
        mmd(jax.random.key(seed), draws_of(name, 2 * seed, NUM), draws_of(name, 2 * seed + 1, NUM)).p_value
        for seed in range(40)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 8 / 40
    assert 0.3 < np.mean(p_values) < 0.7


def test_wrong_input_is_refused():
    rows = np.random.default_rng(0).normal(size=(10, 2))
    with pytest.raises(ValueError, match=r"one dim, n >= 2; got \(10, 2\) and \(10, 1\)"):
        mmd(jax.random.key(0), rows, rows[:, :1])
    with pytest.raises(ValueError, match="1 rows are not finite"):
        mmd(jax.random.key(0), rows, np.where(rows == rows.max(), np.nan, rows))
