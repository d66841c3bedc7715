"""Superior colliculus against an independent transcription of its equations, and its modes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.models import superior_colliculus as model
from simulators.models.superior_colliculus import PRIOR, make_superior_colliculus, superior_colliculus

# sW, vW, dW, hW; accuracies with silencing 0, 0.675, 0.85 and 1, of 20 000 trials; their standard errors.
THETA = np.array(
    [
        [-1.6, -4.97, -3.38, -2.14],
        [-0.88, -5.0, -1.43, -1.43],
        [0.87, -3.39, -1.63, -1.69],
        [0.5, -4, -1, -1.5],
    ]
)
SILENCING = np.array([0.0, 0.675, 0.85, 1.0])
PRO = np.array(
    [
        [0.8085034, 0.8140615, 0.7565164, 0.8650621],
        [0.8150645, 0.8045370, 0.7427918, 0.8438854],
        [0.8056459, 0.8009121, 0.7848752, 0.8731466],
        [0.8049253, 0.8080813, 0.8368829, 0.9053629],
    ]
)
ANTI = np.array(
    [
        [0.7861382, 0.8240704, 0.7357199, 0.6536543],
        [0.7901370, 0.8300955, 0.7797613, 0.6574708],
        [0.2024251, 0.2170541, 0.0902979, 0.1363056],
        [0.2016510, 0.1989749, 0.0856534, 0.0719068],
    ]
)
FALSE_ALARM = 1e-4


def test_trials_with_fixed_noise_are_those_of_the_vectors(shared):
    """Activity of a Pro and an Anti trial: to 1e-8 in double, 1e-4 in single precision."""
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "sc.npz")
    np.testing.assert_allclose(model.INPUTS[1:, :, 0], vectors["I_pro"][1:])
    np.testing.assert_allclose(model.INPUTS[1:, :, 1], vectors["I_anti"][1:])
    np.testing.assert_allclose(model.TIME, vectors["t"])
    for dtype, precision in ((np.float64, 1e-8), (np.float32, 1e-4)):
        with jax.enable_x64(dtype == np.float64):
            noise, start = (
                jnp.asarray(vectors[name], dtype).swapaxes(-1, -2) for name in ("fixed_xi", "fixed_x0_normal")
            )
            theta = jnp.asarray(vectors["z_sW_vW_dW_hW"][0], dtype)
            noise = noise.at[0].set(start)
            path = model.trials(theta, lambda i, noise=noise: noise[i], 0.0)
            np.testing.assert_allclose(path, vectors["fixed_x"].transpose(1, 2, 0), atol=precision)


@pytest.mark.long
def test_accuracies_are_those_of_the_transcription(key):
    """20 000 trials at each of four connectivities and strengths of silencing.

    Standard errors are those of ours, for theirs too; all numbers share the false-alarm rate of 1e-4.
    """
    keys = jax.random.split(key, (4, 4))

    @jax.jit
    def moments(key, theta, silencing):
        words = model._trial_words(key, 20_000).T
        each = model.correct(
            model._activity(words, jnp.tile(theta[:, None], 20_000), silencing, is_stored=False)[-1]
        )
        return each.mean(axis=1), each.std(axis=1)

    found = [
        [moments(keys[g, k], jnp.asarray(THETA[k], jnp.float32), SILENCING[g]) for k in range(4)]
        for g in range(4)
    ]
    mean, sd = np.moveaxis(np.array(found), 2, 0)
    error = sd * np.sqrt(2 / 20_000)
    limit = stats.norm.isf(FALSE_ALARM / 2 / mean.size)
    assert (np.abs(mean - np.stack([PRO, ANTI], axis=-1)) < limit * error).all()


def test_the_table_is_that_of_the_vectors(shared):
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "sc.npz")
    np.testing.assert_allclose(PRO, vectors["pro_acc"], atol=1e-6)
    np.testing.assert_allclose(ANTI, vectors["anti_acc"], atol=1e-6)
    np.testing.assert_allclose(THETA, vectors["z_sW_vW_dW_hW"])
    np.testing.assert_allclose(SILENCING, vectors["gamma"])
    np.testing.assert_allclose(model.eigenvalues(THETA), vectors["eigs_all_side_task_diag"])


def test_modes_are_eigenvectors():
    """W applied to the signs of a mode gives its eigenvalue times these; and back to the weights."""
    theta = jnp.asarray(THETA[0], jnp.float32)
    signs = {"all": [1, 1, 1, 1], "side": [1, 1, -1, -1], "task": [1, -1, -1, 1], "diag": [1, -1, 1, -1]}
    for value, name in zip(model.eigenvalues(THETA[0]), model.MODES, strict=True):
        mode = np.array(signs[name], np.float32)
        both = jnp.asarray(np.stack([mode, mode], axis=1))
        np.testing.assert_allclose(model.received(both, theta), value * both, rtol=1e-5)
    np.testing.assert_allclose(model.weights(model.eigenvalues(THETA)), THETA)


@pytest.mark.long
def test_silencing_may_be_traced(key):
    """The accuracies at a traced strength are those of a simulator with that strength."""
    theta = jnp.asarray(superior_colliculus.true_theta)
    curve = jax.jit(jax.vmap(model.accuracies, (None, None, 0)))(key, theta, jnp.array([0.0, 0.85]))
    for silencing, found in zip((0.0, 0.85), curve, strict=True):
        simulator = make_superior_colliculus(silencing=silencing)
        np.testing.assert_allclose(simulator(key, theta), found, atol=1e-3)
    # Over 200 keys the accuracy in Anti trials is 0.738 and 0.089, with a spread of 0.032 and 0.016.
    assert curve[0, 1] - curve[1, 1] > 0.4  # seven of its standard deviations below its mean


def test_without_noise_both_choices_are_right():
    noise = jnp.zeros((4, 2))
    last = model.trials(jnp.asarray(THETA[2], jnp.float32), lambda _: noise, 0.0)[-1]
    pro, anti = model.correct(last)
    assert pro > 0.9
    assert anti > 0.9


def test_names_and_settings():
    assert PRIOR.names == ("sW", "vW", "dW", "hW")
    np.testing.assert_allclose(PRIOR.low, -5)
    assert superior_colliculus.feature_names == ("pro_accuracy", "anti_accuracy")
    with pytest.raises(ValueError, match="silencing from 0 to 1"):
        make_superior_colliculus(silencing=1.5)
