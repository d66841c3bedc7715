"""Linear dynamics against an independent transcription of its equations, and NumPy's eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import linalg

from simulators.models.linear_dynamics import PRIOR, TIME, linear_dynamics, simulate, trajectory

# Rows a11, a12, a21, a22 with the real part (1/s) and the frequency (Hz) of the transcription: an oscillation
# that grows, one that decays, a saddle, a node.
REFERENCE = (
    ((2.58910158, 6.24797989, -5.18300574, -1.71448452), (0.43730853, 0.83844755)),
    ((7.73940346, 9.83314685, -9.99978979, -8.28970242), (-0.27514948, 0.92933872)),
    ((6.09218341, -8.89326658, -6.24300441, 0.13358769), (11.13765459, 0.0)),
    ((-5.36584806, 1.43434687, -0.23814378, -2.63645833), (-2.76794142, 0.0)),
)


def statistics(rows, dtype: type = np.float64):
    """Real part and frequency of rows, in the given precision."""
    with jax.enable_x64(dtype == np.float64):
        named = PRIOR.as_dict(jnp.asarray(rows, dtype))
        found = jax.vmap(lambda theta: simulate(jax.random.key(0), theta))(named)
        return np.stack([found["real_part"], found["frequency"]], axis=1)


def test_statistics_are_those_of_the_transcription():
    rows, expected = (np.array(part) for part in zip(*REFERENCE, strict=True))
    np.testing.assert_allclose(statistics(rows), expected, rtol=1e-7, atol=1e-8)


def test_statistics_are_those_of_the_vectors(shared):
    vectors = np.load(shared / "reference" / "vectors_epi_hnpe" / "lds2d.npz")
    expected = np.stack([vectors["real_lambda1"], vectors["freq_hz"]], axis=1)
    np.testing.assert_allclose(statistics(vectors["A"]), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(statistics(vectors["A"], np.float32), expected, rtol=1e-5, atol=1e-6)


def test_statistics_are_those_of_the_leading_eigenvalue(key):
    rows = np.asarray(PRIOR.sample(key, 500), float)
    values = np.linalg.eigvals(rows.reshape(-1, 2, 2))
    leading = values[np.arange(500), values.real.argmax(axis=1)]
    expected = np.stack([leading.real, np.abs(leading.imag) / (2 * np.pi)], axis=1)
    np.testing.assert_allclose(statistics(rows), expected, rtol=1e-7, atol=1e-7)


def test_a_repeated_eigenvalue_has_a_finite_slope():
    """On both sides of the kink, and on it, where the exact slope is infinite."""
    slopes = jax.jit(jax.jacobian(lambda row: linear_dynamics(jax.random.key(0), row)))
    for a21 in (0.0, 1e-30, -1e-30, 1e-9, -1e-9):
        row = jnp.array([1.0, 1.0, a21, 1.0])
        assert linear_dynamics(jax.random.key(0), row)[0] == pytest.approx(1 + max(a21, 0) ** 0.5, abs=1e-6)
        assert np.isfinite(slopes(row)).all()


def test_the_trajectory_is_the_matrix_exponential(key):
    for row in np.asarray(PRIOR.sample(key, 3), float):
        drawn = np.asarray(trajectory(key, PRIOR.as_dict(row)))
        for place in (0, 50, 100):
            expected = linalg.expm(row.reshape(2, 2) * TIME[place])[:, 0]
            np.testing.assert_allclose(drawn[:, place], expected, atol=1e-3 * np.abs(expected).max())


def test_prior_and_truth():
    """The truth has what the paper asks for: no growth, and 1 Hz."""
    assert PRIOR.names == ("a11", "a12", "a21", "a22")
    assert (PRIOR.low == -10).all()
    assert (PRIOR.high == 10).all()
    assert linear_dynamics.feature_names == ("real_part", "frequency")
    np.testing.assert_allclose(linear_dynamics.default_observation().x, [0.0, 1.0], atol=1e-6)
