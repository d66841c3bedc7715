"""Curvature and modes of densities that are known: a Gaussian, also on a bounded support."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference import DrawnPosterior, Posterior
from inference.analysis import (
    brute_force,
    find_mode,
    hessian,
    modes_along,
    nearest_mode,
    perturbation_curve,
    sample_modes,
    sensitivity_axes,
)
from inference.estimators import EstimatorSpec, make_estimator
from inference.estimators.mixing import MixingSpec
from inference.property_posterior import PropertyPosterior
from simulators import Prior, Simulator

LINE = Prior({"a": dist.Normal(0.0, 1.0), "b": dist.Normal(0.0, 1.0)})
BOX = Prior({"a": dist.Uniform(0.0, 1.0), "b": dist.Uniform(-2.0, 2.0)})
SHIFT, LOG_SCALE = np.array([0.5, -1.0]), np.log([0.5, 2.0])
PRECISION = np.exp(-2 * LOG_SCALE)


def normal_posterior(prior=LINE):
    """Unconstrained parameters independent and normal: all weights zero but the last stretch."""
    spec = EstimatorSpec("emergent", 2, 1, num_layers=2, width=4, mixing=MixingSpec("permutation"))
    flow = make_estimator(jax.random.key(0), spec)
    flow = flow.with_vector(jnp.zeros_like(flow.vector))
    last = lambda f: (f.bijection.bijections[-1].log_scale, f.bijection.bijections[-1].shift)  # noqa: E731
    numbers = tuple(jnp.asarray(part, jnp.float32) for part in (LOG_SCALE, SHIFT))
    return PropertyPosterior(eqx.tree_at(last, flow, numbers), prior)


class TestHessian:
    def test_of_a_gaussian(self):
        found = hessian(normal_posterior(), np.array([0.2, 0.3]))
        np.testing.assert_allclose(found, -np.diag(PRECISION), atol=1e-9)

    def test_in_a_box_against_differences(self):
        """Near the edge too, where single precision would not do."""
        posterior, point, step = normal_posterior(BOX), np.array([0.9995, 1.2]), np.array([1e-5, 1e-3])

        def log_q(theta):
            share = (theta - np.array([0.0, -2.0])) / np.array([1.0, 4.0])
            u = np.log(share / (1 - share))
            inner = -0.5 * (PRECISION * (u - SHIFT) ** 2).sum()
            return inner - np.log(share * (1 - share)).sum()

        def second(i, j):
            e = np.diag(step)
            corners = [log_q(point + a * e[i] + b * e[j]) * a * b for a in (-1, 1) for b in (-1, 1)]
            return sum(corners) / (4 * step[i] * step[j])

        expected = np.array([[second(i, j) for j in range(2)] for i in range(2)])
        np.testing.assert_allclose(hessian(posterior, point), expected, rtol=2e-2, atol=1e-3)

    def test_of_an_amortised_posterior(self):
        """Another observation can be given."""
        estimator = make_estimator(jax.random.key(0), EstimatorSpec("gaussian", 2, 3, width=16))
        posterior = Posterior(estimator, LINE)
        found = hessian(posterior, np.zeros(2), x=np.ones(3, np.float32))
        assert (np.linalg.eigvalsh(found) < 0).all()
        with pytest.raises(ValueError, match="has no observation of its own"):
            hessian(posterior, np.zeros(2))

    @pytest.mark.long
    @pytest.mark.parametrize("name", ["maf", "nsf"])
    def test_of_flows_against_differences(self, name):
        spec = EstimatorSpec(name, 2, 3, num_layers=2, width=16)
        posterior = Posterior(make_estimator(jax.random.key(1), spec), BOX, np.ones(3))
        point, step = np.array([0.3, -1.1]), 1e-4
        with jax.enable_x64(True):
            slope = jax.jit(jax.grad(posterior.log_density()))
            pairs = [(slope(point + move), slope(point - move)) for move in step * np.eye(2)]
            expected = np.stack([np.asarray(up - down) / (2 * step) for up, down in pairs])
        np.testing.assert_allclose(hessian(posterior, point), expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("theta", "words"), [(np.zeros(3), "one row of 2 parameters"), (np.array([2.0, 0.0]), "outside")]
    )
    def test_points_that_are_none(self, theta, words):
        with pytest.raises(ValueError, match=words):
            hessian(normal_posterior(BOX), theta)

    def test_draws_have_none(self):
        with pytest.raises(ValueError, match="no normalised density"):
            hessian(DrawnPosterior(np.zeros((1, 3, 2)), LINE, np.zeros(2)), np.zeros(2))


class TestAxes:
    def test_the_most_sensitive_comes_first(self):
        axes = sensitivity_axes(-np.diag(PRECISION))
        np.testing.assert_allclose(axes.values, -PRECISION)
        np.testing.assert_allclose(axes.vectors, np.eye(2))
        np.testing.assert_allclose(axes.lengths, np.exp(LOG_SCALE))

    def test_signs(self):
        matrix = np.array([[-2.0, 1.0], [1.0, -2.0]])
        assert (sensitivity_axes(matrix, positive=1).vectors[:, 1] > 0).all()
        assert sensitivity_axes(matrix, positive=[0, 1]).vectors[0, 0] > 0

    def test_what_is_no_hessian(self):
        with pytest.raises(ValueError, match="square matrix"):
            sensitivity_axes(np.ones((2, 3)))


class TestModes:
    def test_of_a_gaussian(self):
        mode = find_mode(normal_posterior(), np.array([2.0, 3.0]))
        np.testing.assert_allclose(mode.theta, SHIFT, atol=5e-3)
        assert mode.log_prob == pytest.approx(-np.log(2 * np.pi) - LOG_SCALE.sum(), abs=1e-4)

    def test_a_fixed_parameter_stays(self):
        mode = find_mode(normal_posterior(), np.array([2.0, 3.0]), fixed=("b",))
        assert mode.theta[1] == 3.0
        assert mode.theta[0] == pytest.approx(SHIFT[0], abs=5e-3)
        with pytest.raises(ValueError, match="no parameter 'c'"):
            find_mode(normal_posterior(), np.zeros(2), fixed=("c",))

    def test_along_a_path(self):
        path = modes_along(normal_posterior(), np.array([0.0, 0.0]), "b", np.array([1.0, 0.0, -1.0]))
        np.testing.assert_array_equal(path[:, 1], [1.0, 0.0, -1.0])
        np.testing.assert_allclose(path[:, 0], SHIFT[0], atol=5e-3)

    def test_draws_next_to_modes(self, key):
        modes = np.array([[0.0, -1.0], [1.0, -1.0]])
        np.testing.assert_array_equal(nearest_mode(np.array([[0.1, 5.0], [0.8, -5.0]]), modes), [0, 1])
        groups = sample_modes(key, normal_posterior(), modes, 100)
        assert groups.shape == (2, 100, 2)
        assert (groups[0, :, 0] < 0.5).all()
        far = DrawnPosterior(np.zeros((1, 2_000, 2)), LINE, np.zeros(2))
        with pytest.raises(ValueError, match="instead of 5 each"):
            sample_modes(key, far, np.array([[0.0, 0.0], [1e6, 0.0]]), 5)


NOISY = Simulator(
    "noisy",
    BOX,
    lambda key, theta: {"sum": theta["a"] + theta["b"] + 0.1 * jax.random.normal(key), "b": theta["b"]},
    lambda recording: recording,
)


class TestPerturbations:
    def test_a_curve_has_means_and_errors(self, key):
        offsets = np.array([-0.25, 0.0, 0.25, 3.0])
        curve = perturbation_curve(
            key, NOISY, np.array([0.5, 0.0]), np.array([1.0, 0.0]), offsets, num_repeats=400
        )
        np.testing.assert_allclose(curve.mean[:3, 0], 0.5 + offsets[:3], atol=0.03)
        np.testing.assert_allclose(curve.sem[:3, 0], 0.1 / 20, rtol=0.3)
        np.testing.assert_allclose(np.diff(curve.mean[:3, 0]), 0.25, atol=1e-5)  # the same noise everywhere
        assert np.isnan(curve.mean[3]).all()
        with pytest.raises(ValueError, match="A direction has 2 components"):
            perturbation_curve(key, NOISY, np.array([0.5, 0.0]), np.ones(3), offsets)

    def test_brute_force(self, key):
        """A quarter of the box has b in [0, 1]."""
        found = brute_force(key, NOISY, {"b": 0.0}, {"b": 1.0}, num=3_500)
        assert found.num_tried == 4_000
        assert found.acceptance_rate == pytest.approx(0.25, abs=0.04)
        assert (found.theta[:, 1] >= 0).all()
        assert found.seconds_each > 0
        with pytest.raises(ValueError, match="one of sum, b"):
            brute_force(key, NOISY, {"c": 0.0}, {"c": 1.0})
