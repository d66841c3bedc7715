"""Autapse against runs of the published code, and its known boundary."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators import simulate_batch
from simulators.models import autapse as model
from simulators.models.autapse import autapse, is_stable, probability_bad


def published_run(shared, case, repeat, dtype):
    """Our steps with the noise of a published run: activity, reference arrays."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "autapse.npz")
    random = np.random.RandomState(reference["seeds"][repeat])
    noise = jnp.asarray([random.randn() for _ in range(12_000)] + [0.0], dtype)
    theta = dict(zip(("J", "tau_x"), jnp.asarray(reference["theta_J_tau"][case], dtype), strict=True))

    @jax.jit
    def activity(theta, noise):
        def advance(x, inputs):
            return model.step(x, *inputs, theta=theta)

        return jax.lax.scan(advance, jnp.zeros((), dtype), (jnp.asarray(model.INPUT, dtype), noise))[1]

    observed = activity(theta, noise) + 0.25 * jnp.asarray(random.randn(12_001, 1)[:, 0], dtype)
    expected = {name: reference[name][case, repeat] for name in ("x_every20", "stim_mean", "last_value")}
    return observed, expected


@pytest.mark.parametrize("repeat", [0, 1])
@pytest.mark.parametrize("case", [0, 1, 2])
def test_float64_is_the_published_run(shared, case, repeat):
    """To 1e-9; the third parameter set is bad and has no feature."""
    with jax.enable_x64(True):
        observed, expected = published_run(shared, case, repeat, np.float64)
        np.testing.assert_allclose(observed[::20], expected["x_every20"], rtol=1e-9)
        feature = float(model.features(observed)["stim_mean"])
    assert observed[-1] == pytest.approx(expected["last_value"], rel=1e-9)
    if case == 2:
        assert np.isnan(feature)
    else:
        assert feature == pytest.approx(expected["stim_mean"], rel=1e-9)


@pytest.mark.parametrize("case", [0, 1])
def test_float32_has_the_published_feature(shared, case):
    """To 1e-5 of the feature; what is rounded decays."""
    observed, expected = published_run(shared, case, 0, np.float32)
    assert float(model.features(observed)["stim_mean"]) == pytest.approx(expected["stim_mean"], rel=1e-5)


def test_prior_and_truth_are_published():
    assert autapse.prior.names == ("J", "tau_x")
    np.testing.assert_allclose(autapse.prior.low, [0.1, -1.0])
    np.testing.assert_allclose(autapse.prior.high, [2.0, 2.5])
    np.testing.assert_allclose(autapse.true_theta, [0.95, 1.0])


def test_the_boundary_is_the_lines_j_1_and_tau_0():
    rows = np.array([[0.5, 1.0], [1.5, 1.0], [0.5, -0.5], [1.5, -0.5], [0.999, 2.5], [1.001, 2.5]])
    assert is_stable(rows).tolist() == [True, False, False, True, True, False]


@pytest.mark.long
def test_bad_simulations_are_where_they_must_be(key):
    """4000 prior draws: as many bad ones as the exact probabilities say.

    The sum of independent 0/1 numbers within 5 of its standard deviations: false-alarm rate 1e-6. Where the
    probability is below 1e-9 (about half the draws) none is bad, and none good where it is above 1 - 1e-9.
    """
    simulations = simulate_batch(autapse, key, num=4000)
    expected, is_bad = probability_bad(simulations.theta), ~simulations.is_valid
    assert not is_bad[expected < 1e-9].any()
    assert is_bad[expected > 1 - 1e-9].all()
    assert abs(is_bad.sum() - expected.sum()) < 5 * np.sqrt((expected * (1 - expected)).sum())
    # The known boundary says the same but for a narrow band.
    assert (is_bad == ~is_stable(simulations.theta)).mean() > 0.95


def test_the_unstable_region_begins_late(key):
    """J = 1.001, tau_x = 2.5 is unstable, but its noise has no time to grow: at 1 - P < 1e-9 none is bad."""
    theta = np.tile(np.float32([1.001, 2.5]), (50, 1))
    assert not is_stable(theta).any()
    assert probability_bad(theta)[0] < 1e-9
    assert simulate_batch(autapse, key, theta=theta).is_valid.all()


def test_eulers_scheme_blows_up_in_the_stable_region(key):
    """|tau_x| < dt |J - 1| / 2: the equation is stable, its discrete form is not."""
    tau = 0.01 * 0.9 / 2
    inside, outside = ([[0.1, factor * tau], [1.9, -factor * tau]] for factor in (0.9, 1.3))
    assert is_stable(np.array([*inside, *outside])).all()
    x = simulate_batch(autapse, key, theta=np.array(inside)).x
    assert np.isinf(x).all()  # not finite, rather than merely without a feature
    assert simulate_batch(autapse, key, theta=np.array(outside)).is_valid.all()


@pytest.mark.long
def test_features_are_those_of_the_recording(key):
    theta = autapse.prior.as_dict(autapse.prior.sample(key, 16))
    keys = jax.random.split(key, 16)

    @jax.jit
    @jax.vmap
    def both(key, theta):
        return model.features(model.simulate(key, theta)), model.simulate_features(key, theta)

    whole, fused = both(keys, theta)
    np.testing.assert_allclose(fused["stim_mean"], whole["stim_mean"], rtol=1e-4, atol=1e-4)
