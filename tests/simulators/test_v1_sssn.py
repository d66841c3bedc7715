"""Four neuron types of V1 against an independent transcription, linear theory and the paper's perturbations.

Numbers of the transcription (NumPy, double precision) are for contrast 0.5; its runs with given noise lie in
``shared/`` beside the repository, and the test of them is skipped where that folder is missing.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.linalg import solve_discrete_lyapunov

from simulators import simulate_batch
from simulators.batch_last import simulations_last
from simulators.models import v1_sssn as model
from simulators.models.v1_sssn import PRIOR, inputs, linear_sd, make_v1_sssn, steady_state, v1_sssn

STEADY = {  # contrast: rates in Hz
    0.0: (19.195754180513863, 19.392856439361942, 11.60530798483018, 42.195338566046146),
    0.5: (45.91517262111387, 54.01720150388469, 27.480952021103512, 49.258452500743886),
    1.0: (52.33641023093195, 67.54088921896465, 54.387042970221145, 28.689539824208843),
}
SIGMA = np.array(
    [[0.02, 0.02, 0.02, 0.02], [0.03, 0.01, 0.0, 0.0], [0.01, 0.03, 0.04, 0.04], [0.0, 0.0, 0.03, 0.03]]
)
S_E = np.array(
    [4.86111626912337, 5.862680855287659, 5.344602596085944, 0.47721979668440107]
)  # of 2000 trials
S_E_ERROR = np.array([0.04726257269945451, 0.06557928745968218, 0.05480669045600707, 0.003376263247091673])
FALSE_ALARM = 1e-4


@pytest.mark.parametrize("contrast", STEADY)
def test_steady_states_are_those_of_the_transcription(contrast):
    np.testing.assert_allclose(steady_state(inputs(contrast)), STEADY[contrast], rtol=1e-9)


def test_trials_with_fixed_noise_are_those_of_the_vectors(shared):
    """Rates at each step, and their fluctuation: to 1e-8 in double, 1e-4 in single precision."""
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "v1_sssn.npz")
    np.testing.assert_allclose(model.W, vectors["W"], rtol=1e-14)
    for dtype, precision in ((np.float64, 1e-8), (np.float32, 1e-4)):
        with jax.enable_x64(dtype == np.float64):
            sigma, noise, start = (
                jnp.asarray(vectors[name], dtype).swapaxes(-1, -2)
                for name in ("fixed_sigma", "fixed_xi", "fixed_x0_hz")
            )

            def advance(state, xi, sigma=sigma):
                return model.step(state, xi, sigma, inputs(0.5)), state[0]

            last, path = jax.lax.scan(advance, (start, jnp.zeros_like(start)), noise)
            rates = jnp.concatenate([path, last[0][None]]).transpose(2, 1, 0)
            expected = vectors["fixed_x_hz"].transpose(1, 2, 0)
            np.testing.assert_allclose(rates, expected, rtol=precision, atol=precision)
            for row, s_e in zip(rates, vectors["fixed_sE_hz"], strict=True):
                assert model.features(row[None])["s_E"] == pytest.approx(s_e, rel=precision)


@pytest.mark.long
def test_fluctuations_are_those_of_the_transcription(key):
    """2000 trials of each: false-alarm rate 1e-4 (Bonferroni)."""
    sigma = jnp.asarray(SIGMA, jnp.float32)
    keys = jax.random.split(key, len(sigma))
    trials = np.stack([_fluctuations(k, row, 2000)[:, 0] for k, row in zip(keys, sigma, strict=True)])
    error = np.hypot(trials.std(axis=1, ddof=1) / np.sqrt(2000), S_E_ERROR)
    limit = stats.norm.isf(FALSE_ALARM / 2 / len(S_E))
    assert (np.abs(trials.mean(axis=1) - S_E) < limit * error).all()


@partial(jax.jit, static_argnums=2)
def _fluctuations(key, row, num):
    """Fluctuations of the populations in each trial, shape (num, 4)."""
    many = simulations_last(lambda words, theta: model._deviations(words, theta, inputs(0.5)))
    return jax.vmap(many, (0, None))(model._trials(key, num), row)


def test_weak_noise_follows_linear_theory(key):
    """Mean over 2000 trials of the variance within 25 ms, against that of the linearised steps of 0.5 ms.

    That is the stationary variance without what the mean of 51 samples shares with it. False-alarm rate 1e-4
    for four populations, besides 2 % for what is not linear.
    """
    sigma = np.full(4, 0.001)
    move = np.eye(8) + 0.5 * model.linear_dynamics(inputs(0.5))
    spread = np.diag([0.0] * 4 + list(2 * 0.5 / 5 * 1.2 * sigma**2))
    covariance = solve_discrete_lyapunov(move, spread)
    lagged = [np.diag(np.linalg.matrix_power(move, lag) @ covariance)[:4] for lag in range(51)]
    weights = [(51 - lag) * (2 - (lag == 0)) / 51**2 for lag in range(51)]
    expected = lagged[0] - np.einsum("l,lp->p", weights, lagged)
    row = jnp.asarray(sigma, jnp.float32)
    found = np.asarray(_fluctuations(key, row, 2000)) ** 2
    limit = stats.norm.isf(FALSE_ALARM / 8) * found.std(axis=0) / np.sqrt(2000)
    assert (np.abs(found.mean(axis=0) - expected) < limit + 0.02 * expected).all()
    # Continuous and for ever, it is a little more for E and P.
    np.testing.assert_allclose(np.sqrt(expected[:2]), linear_sd(sigma, inputs(0.5))[:2], rtol=0.15)


def test_linear_theory_is_that_of_the_transcription():
    """S.d. of E per 0.01 of each sigma, and the eigenvalues of the rates."""
    each = [linear_sd(0.01 * np.eye(4)[i], inputs(0.5))[0] for i in range(4)]
    np.testing.assert_allclose(each, [1.85, 1.62, 0.10, 0.066], rtol=0.05)
    values = 1e3 * np.linalg.eigvals(model.linear_dynamics(inputs(0.5))[:4, :4])  # 1/s
    np.testing.assert_allclose(sorted(values.real), [-858, -858, -143, -143], atol=0.6)
    np.testing.assert_allclose(sorted(np.abs(values.imag)), [410, 410, 683, 683], atol=0.6)


def test_only_p_is_paradoxical():
    """More input to a population, 0.02 to E and P and 0.2 to S and V: only P fires less than before."""
    more = np.diag([0.02, 0.02, 0.2, 0.2])
    rates = steady_state(inputs(0.5))
    change = [steady_state(inputs(0.5) + more[i])[i] - rates[i] for i in range(4)]
    np.testing.assert_allclose(change, [3.5, -2.8, 0.6, 1.0], atol=0.06)


@pytest.mark.long
def test_trials_are_averaged(key):
    """The recording's first trials do not depend on how many there are."""
    theta = PRIOR.as_dict(jnp.asarray(v1_sssn.true_theta))
    few, many = (make_v1_sssn(num_trials=num).simulate(key, theta) for num in (2, 5))
    np.testing.assert_allclose(few, many[:2], rtol=1e-4)
    assert ((few[:, :, 0] >= 10) & (few[:, :, 0] <= 25)).all()


@pytest.mark.long
def test_fluctuations_grow_with_the_noise_of_e_and_p(key):
    """Those of S and V hardly matter: each sigma at 0.03 and 0 beside 0.02."""
    rows = np.full((8, 4), 0.02, np.float32)
    rows[np.arange(4), np.arange(4)], rows[np.arange(4, 8), np.arange(4)] = 0.03, 0.0
    s_e = simulate_batch(make_v1_sssn(num_trials=400), key, theta=rows).x[:, 0]
    effect = s_e[:4] - s_e[4:]
    assert (effect[:2] > 1).all()
    assert (np.abs(effect[2:]) < 1).all()


def test_names_and_settings():
    assert PRIOR.names == ("sigma_E", "sigma_P", "sigma_S", "sigma_V")
    np.testing.assert_allclose(PRIOR.high, 0.05)
    assert v1_sssn.feature_names[0] == "s_E"
    with pytest.raises(ValueError, match="contrast from 0 to 1"):
        make_v1_sssn(contrast=2.0)
    with pytest.raises(ValueError, match="0 trials"):
        make_v1_sssn(num_trials=0)
