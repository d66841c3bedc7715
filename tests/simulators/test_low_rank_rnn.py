"""Low-rank network against an independent transcription, and NumPy's eigenvalues of the whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from simulators import simulate_batch
from simulators.models import low_rank_rnn as model
from simulators.models.low_rank_rnn import amplifying, low_rank_rnn, make_low_rank_rnn

SIZES = (2, 3, 4, 5, 10, 60)


def statistics(u, v):
    both = jax.vmap(lambda u, v: (model.real_part(u, v), model.symmetric_part(u, v)))
    return np.stack(both(jnp.asarray(u), jnp.asarray(v)), axis=1)


def eigenvalues(u, v):
    """Both statistics by NumPy: of V'U and of the N x N symmetric part."""
    reduced = np.linalg.eigvals(v.swapaxes(1, 2) @ u).real.max(axis=1)
    w = u @ v.swapaxes(1, 2)
    return np.stack([reduced, np.linalg.eigvalsh((w + w.swapaxes(1, 2)) / 2)[:, -1]], axis=1)


@pytest.mark.long
@pytest.mark.parametrize("num_neurons", [2, 10, 50])
def test_statistics_are_those_of_the_vectors(shared, num_neurons):
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "rnn_rank2.npz")
    u, v, chi_u, chi_v = (vectors[f"N{num_neurons}_{name}"] for name in ("U", "V", "chiU", "chiV"))
    for noise in ("0.01", "0.1"):
        names = ("real_lambda1", "lambda1_sym")
        expected = np.stack([vectors[f"N{num_neurons}_g{noise}_{name}"] for name in names], axis=1)
        moved = u + float(noise) * chi_u, v + float(noise) * chi_v
        with jax.enable_x64(True):
            np.testing.assert_allclose(statistics(*moved), expected, rtol=1e-10)
        single = statistics(*(part.astype(np.float32) for part in moved))
        np.testing.assert_allclose(single, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("num_neurons", SIZES)
def test_statistics_are_those_of_the_whole_matrix(num_neurons):
    """Of random factors, and of V = -U + a remainder, where the columns of both are nearly parallel."""
    rng = np.random.default_rng(num_neurons)
    u, v = rng.uniform(-1, 1, (2, 50, num_neurons, 2))
    v[25:] = -u[25:] + 0.01 * v[25:]
    with jax.enable_x64(True):
        np.testing.assert_allclose(statistics(u, v), eigenvalues(u, v), rtol=1e-8, atol=1e-8)
    single = statistics(u.astype(np.float32), v.astype(np.float32))
    np.testing.assert_allclose(single, eigenvalues(u, v), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("num_neurons", [2, 10])
def test_slopes_are_those_of_small_steps(num_neurons):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        u, v = jnp.asarray(rng.uniform(-1, 1, (2, num_neurons, 2)))
        for statistic in (model.real_part, model.symmetric_part):
            check_grads(jax.jit(statistic), (u, v), order=1, rtol=1e-5)


@pytest.mark.parametrize("num_neurons", [2, 3, 10, 250])
def test_the_truth_amplifies_and_is_stable(num_neurons):
    u, v = jnp.split(jnp.asarray(amplifying(num_neurons)).reshape(-1, 2), 2)
    assert model.real_part(u, v) == pytest.approx(0.5, abs=1e-5)
    assert model.symmetric_part(u, v) == pytest.approx(1.5, abs=1e-5)
    simulator = make_low_rank_rnn(num_neurons)
    assert simulator.prior.dim == 4 * num_neurons
    assert np.isfinite(simulator.prior.log_prob(jnp.asarray(amplifying(num_neurons))))


def test_amplified_activity_rises_and_then_decays():
    """As fast at first as the symmetric part says: d|x|/dt = (1.5 - 1) |x|."""
    theta = low_rank_rnn.prior.as_dict(jnp.asarray(amplifying(2)))
    norm = np.asarray(model.activity(jax.random.key(0), theta, noise=0.0))[0]
    assert (norm[1] - norm[0]) / model.DT == pytest.approx(0.5, abs=0.05)
    assert norm.max() > 1.1
    assert norm[-1] < norm.max() / 2


def test_noise_has_its_size(key):
    """Sd and mean of the entries of V, to 5 standard errors: a false-alarm rate of 1e-6."""
    theta = np.array([1.0, 0, 0, 0, 0, 0, 0, 0], np.float32)
    quiet, loud = (make_low_rank_rnn(noise=noise) for noise in (0.0, 0.1))
    assert simulate_batch(quiet, key, theta=theta).x[0, 0] == 0
    moved = jax.vmap(lambda k: model.connectivity(k, loud.prior.as_dict(theta), 0.1)[1])
    entries = np.asarray(moved(jax.random.split(key, 2000)))
    assert entries.std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * entries.size))
    assert entries.mean() == pytest.approx(0, abs=5 * 0.1 / np.sqrt(entries.size))


@pytest.mark.parametrize("num_neurons", [2, 10])
def test_nothing_is_left_to_lapack(num_neurons):
    """Its batches hung where two threads simulated at once."""
    simulator = make_low_rank_rnn(num_neurons)
    rows = jax.vmap(simulator), jax.random.split(jax.random.key(0), 3), jnp.zeros((3, 4 * num_neurons))
    assert "custom_call" not in jax.jit(rows[0]).lower(*rows[1:]).as_text()


def test_impossible_networks_are_refused():
    with pytest.raises(ValueError, match="two or more neurons"):
        make_low_rank_rnn(1)
    with pytest.raises(ValueError, match="a noise of -0.1"):
        make_low_rank_rnn(2, noise=-0.1)
