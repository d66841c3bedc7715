"""The classifier of failing simulations: it foresees them, or stays out of the way."""

import io

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.screening import accept, fit_screen, no_screen


def example(seed, num):
    """Parameters, true failure probabilities and outcomes: failures beyond a curved boundary."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(num, 3)).astype(np.float32)
    probability = 1 / (1 + np.exp(-3.0 * (u[:, 0] + u[:, 1] ** 2 - 1.0)))
    return u, probability, rng.random(num) >= probability


@pytest.fixture(scope="module")
def fitted():
    u, _, is_valid = example(0, 10_000)
    return fit_screen(jax.random.key(0), u, is_valid)


@pytest.mark.long
def test_failure_probabilities_are_learned(fitted):
    """On rows of its own: the root mean square error was 0.014 and the excess log loss 0.001 nats."""
    u, probability, is_valid = example(1, 10_000)
    g = np.asarray(fitted.probability_of_failure(jnp.asarray(u)))
    assert bool(fitted.is_active)
    assert np.sqrt(np.mean((g - probability) ** 2)) < 0.05
    loss, best = (
        -np.where(is_valid, np.log1p(-p), np.log(p)).mean()
        for p in (np.clip(g, 1e-6, 1 - 1e-6), np.clip(probability, 1e-6, 1 - 1e-6))
    )
    assert loss < best + 0.02
    assert float(fitted.quality.log_loss) < float(fitted.quality.base_log_loss) - 0.3
    assert float(fitted.quality.auc) > 0.93


def test_proposals_are_kept_with_the_probability_that_they_succeed(fitted, key):
    """Five standard errors in each of three bins: one false alarm in 10^6."""
    u = jnp.asarray(example(2, 60_000)[0])
    g = np.asarray(fitted.probability_of_failure(u))
    kept = np.asarray(accept(key, fitted, u))
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.0)):
        inside = (g >= low) & (g < high)
        error = np.sqrt((g * (1 - g))[inside].sum()) / inside.sum()
        assert abs(kept[inside].mean() - (1 - g[inside]).mean()) < 5 * error


def test_the_change_of_the_prior_is_that_of_the_acceptance_and_stays_finite(fitted):
    u = jnp.asarray(example(3, 1000)[0])
    change, g = fitted.log_prior_change(u), fitted.probability_of_failure(u)
    np.testing.assert_allclose(jnp.exp(change), 1 - g, atol=1e-5)
    far = fitted.log_prior_change(jnp.array([[1e3, 1e3, 0.0]]))
    assert -7.01 < float(far[0]) < -4.0


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
def test_nothing_is_screened_where_all_or_hardly_any_fail(share):
    u, _, _ = example(4, 1000)
    is_valid = np.arange(1000) >= share * 1000
    screen = fit_screen(jax.random.key(0), u, is_valid)
    assert not bool(screen.is_active)
    assert float(jnp.abs(screen.probability_of_failure(u)).max()) == 0.0
    assert float(jnp.abs(screen.log_prior_change(u)).max()) == 0.0
    assert bool(accept(jax.random.key(1), screen, u).all())
    assert float(screen.quality.share_failed) == pytest.approx(share)


@pytest.mark.long
def test_nothing_is_screened_where_failures_are_a_matter_of_luck():
    u, _, _ = example(5, 1000)
    screen = fit_screen(jax.random.key(0), u, np.random.default_rng(0).random(1000) >= 0.3)
    assert not bool(screen.is_active)
    assert float(screen.quality.log_loss) > float(screen.quality.base_log_loss) - 0.05


def test_a_screen_is_arrays_and_survives_a_file(fitted):
    file = io.BytesIO()
    eqx.tree_serialise_leaves(file, fitted)
    file.seek(0)
    assert eqx.tree_equal(eqx.tree_deserialise_leaves(file, no_screen(3)), fitted)
    u, _, is_valid = example(0, 10_000)
    assert eqx.tree_equal(fit_screen(jax.random.key(0), u, is_valid), fitted)
