"""STG subcircuit against an independent transcription of its equations, with and without noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators import simulate_batch
from simulators.batch_last import simulations_last
from simulators.models import stg_subcircuit as model
from simulators.models.stg_subcircuit import HUB, PRIOR, stg_subcircuit

# g_el, g_synA (nS), and the frequency (Hz) of the transcription without noise, with sharpness 100 and 500.
REFERENCE = np.array(
    [
        [5.0, 2.0, 0.640293287181879, 0.6401335030130844],
        [6.0, 1.0, 0.5582649691462079, 0.5593176683393292],
        [7.0, 0.5, 0.5998475372911583, 0.5999518908804765],
        [8.0, 4.0, 0.37843087085347626, 0.37842780867384423],
    ]
)


def silent(i):
    return jnp.zeros((5, 1))


@pytest.mark.parametrize(("dtype", "precision"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_frequencies_are_those_of_the_transcription(dtype, precision):
    with jax.enable_x64(dtype == np.float64):
        hub = model.voltages(jnp.asarray(REFERENCE[:, :2].T, dtype), silent)[:, HUB]
        for sharpness, expected in zip((100.0, 500.0), REFERENCE[:, 2:].T, strict=True):
            np.testing.assert_allclose(model.frequency(hub, sharpness), expected, atol=precision)


def test_voltages_are_those_of_the_vectors(shared):
    """To 1e-9 mV in double precision, also with their noise."""
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "stg.npz")
    with jax.enable_x64(True):
        theta = jnp.asarray(vectors["z_nS"].T)
        found = model.voltages(theta, silent)
        np.testing.assert_allclose(found, 1e3 * vectors["V"].transpose(0, 2, 1), atol=1e-9)
        noise = jnp.asarray(vectors["noise_normal"].transpose(0, 2, 1))
        found = model.voltages(theta[:, :2], lambda i: noise[i])
        np.testing.assert_allclose(found, 1e3 * vectors["V_noisy"].transpose(0, 2, 1), atol=1e-9)
        expected = vectors["hub_freq_noisy_beta100"]
        np.testing.assert_allclose(model.frequency(found[:, HUB]), expected, atol=1e-12)


@pytest.mark.long
def test_slopes_are_those_of_reverse_differentiation(key):
    """In double precision at 20 prior draws, to 1e-6 of the largest."""
    with jax.enable_x64(True):
        rows = jnp.asarray(np.asarray(PRIOR.sample(key, 20)), jnp.float64)

        def hub_frequency(_, theta):
            noise = jnp.zeros((5, *theta.shape[1:]))
            return model.frequency(model.voltages(theta, lambda i: noise)[:, HUB])

        forward = simulations_last(hub_frequency)
        ours = jax.vmap(jax.grad(forward, argnums=1), (None, 0))(jnp.zeros(2, jnp.uint32), rows)
        plain = jax.grad(lambda theta: hub_frequency(None, theta).sum())(rows.T).T
        np.testing.assert_allclose(ours, plain, atol=1e-6 * np.abs(plain).max())


def test_a_hub_below_zero_has_half_a_hertz():
    """Equal weights, and no slope."""
    frequency, slope = jax.value_and_grad(model.frequency)(jnp.full(301, -50.0))
    assert frequency == pytest.approx(0.5, abs=1e-6)
    assert not slope.any()


def test_a_sine_has_its_frequency():
    """0.55 Hz in 7 s, though only its positive half is seen: within the width of a bin of 1 / 7 Hz."""
    wave = 30 * np.sin(2 * np.pi * 0.55 * model.TIME)
    assert float(model.frequency(jnp.asarray(wave))) == pytest.approx(0.55, abs=0.02)


def test_the_mode_has_the_rhythm_that_is_asked_for():
    """At the published mode 0.5503 Hz; the noise moves it by less than a millihertz (sd 0.0003)."""
    assert stg_subcircuit.true_theta is not None
    theta = jnp.asarray(stg_subcircuit.true_theta)[:, None]
    assert float(model.frequency(model.voltages(theta, silent)[:, HUB])[0]) == pytest.approx(0.5503, abs=1e-4)
    x = simulate_batch(
        stg_subcircuit, jax.random.key(0), theta=np.tile(stg_subcircuit.true_theta, (100, 1))
    ).x
    assert x.mean() == pytest.approx(0.5503, abs=5e-4)
    assert 1e-4 < x.std() < 1e-3


def test_prior_and_names():
    assert PRIOR.names == ("g_el", "g_synA")
    np.testing.assert_allclose(PRIOR.low, [4.0, 0.01])
    np.testing.assert_allclose(PRIOR.high, [8.0, 4.0])
    assert stg_subcircuit.feature_names == ("hub_frequency",)
