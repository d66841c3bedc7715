"""Gaussian mixtures against scipy, quadrature and their own draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from scipy import stats

from inference.gaussians import (
    GaussianMixture,
    divided_by,
    draw,
    draw_heavy,
    fit_gaussian,
    flat,
    log_density,
    log_density_heavy,
    moments,
    padded,
    pruned,
    times,
)

densities = jax.jit(jax.vmap(log_density, (None, 0)))
product = jax.jit(times)
quotient = jax.jit(divided_by)


def random_mixture(seed, num, dim, *, spread=1.0, precision=1.0):
    rng = np.random.default_rng(seed)
    factors = np.triu(0.4 * rng.normal(size=(num, dim, dim)), 1)
    factors += np.exp(0.3 * rng.normal(size=(num, dim, 1))) * np.eye(dim)
    weights = rng.dirichlet(np.full(num, 5.0))
    arrays = (np.log(weights), spread * rng.normal(size=(num, dim)), precision * factors)
    return GaussianMixture(*(jnp.asarray(a, jnp.float32) for a in arrays))


def by_scipy(mix, u):
    """Log density in double precision."""
    weights, means, factors = (np.asarray(a, np.float64) for a in mix)
    covariances = np.linalg.inv(np.swapaxes(factors, 1, 2) @ factors)
    parts = [stats.multivariate_normal(m, c).pdf(u) for m, c in zip(means, covariances, strict=True)]
    return np.log(np.exp(weights) @ np.stack(parts))


def square_grid(half_width, num):
    axis = np.linspace(-half_width, half_width, num)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    return jnp.asarray(points, jnp.float32), (axis[1] - axis[0]) ** 2


@pytest.mark.parametrize(("num", "dim"), [(1, 1), (3, 2), (2, 31)])
def test_the_density_is_that_of_scipy(num, dim):
    mix = random_mixture(0, num, dim)
    u = np.random.default_rng(1).normal(size=(50, dim))
    np.testing.assert_allclose(densities(mix, u), by_scipy(mix, u), rtol=1e-5, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("other_precision", [0.3, 1.0, 20.0])
def test_a_product_is_the_pointwise_product_over_its_integral(other_precision):
    """The integral by quadrature on a grid: exact to rounding for Gaussians that the grid resolves."""
    mix, tilt = random_mixture(0, 3, 2), random_mixture(1, 2, 2, spread=0.5, precision=other_precision)
    points, area = square_grid(8.0, 801)
    both = np.asarray(densities(mix, points), np.float64) + np.asarray(densities(tilt, points), np.float64)
    combined, log_integral = product(mix, tilt)
    assert combined.log_weights.shape == (6,)
    assert float(log_integral) == pytest.approx(np.log(np.exp(both).sum() * area), abs=1e-3)
    where = both > both.max() - 20
    np.testing.assert_allclose(
        densities(combined, points)[where], (both - float(log_integral))[where], atol=2e-3
    )


@pytest.mark.long
def test_a_product_keeps_its_precision_in_31_dimensions_of_very_different_scales():
    mix, tilt = random_mixture(0, 4, 31, spread=0.3), random_mixture(1, 3, 31, spread=0.3)
    z = 0.3 * np.random.default_rng(2).normal(size=(20, 31))
    expected = by_scipy(mix, z) + by_scipy(tilt, z)
    scales = np.geomspace(1e-4, 1e4, 31)  # of product one, so that densities stay
    mix, tilt = (m._replace(means=m.means * scales, factors=m.factors / scales) for m in (mix, tilt))
    combined, log_integral = product(mix, tilt)
    np.testing.assert_allclose(densities(combined, z * scales) + log_integral, expected, rtol=1e-5, atol=2e-3)


@pytest.mark.long
def test_a_quotient_undoes_a_product():
    mix, tilt = random_mixture(0, 4, 10), random_mixture(1, 1, 10, precision=0.8)
    again, is_proper = quotient(product(mix, tilt)[0], tilt)
    assert is_proper
    for found, expected in zip(again, mix, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-4)


@pytest.mark.parametrize(("precision", "expected"), [(0.9, True), (1.1, False)])
def test_a_quotient_that_is_no_density_says_so(precision, expected):
    """Variances 1 and 4 over a Gaussian whose precision is below, or above, the smaller one's."""
    mix = GaussianMixture(
        jnp.log(jnp.array([0.4, 0.6])), jnp.array([[0.0], [1.0]]), jnp.array([[[2.0]], [[1.0]]])
    )
    divisor = GaussianMixture(jnp.zeros(1), jnp.array([[0.5]]), jnp.full((1, 1, 1), np.sqrt(precision)))
    found, is_proper = quotient(mix, divisor)
    assert bool(is_proper) is expected
    u = jnp.linspace(-60.0, 60.0, 24_001)[:, None]
    if expected:
        ratio = np.asarray(densities(mix, u) - densities(divisor, u), np.float64)
        near = np.abs(u[:, 0]) < 8
        ratio -= np.log(np.exp(ratio).sum() * 0.005)
        np.testing.assert_allclose(densities(found, u)[near], ratio[near], atol=5e-3)
    else:
        assert np.isnan(densities(found, u[:1]))


def test_an_improper_component_does_no_harm_once_it_is_pruned():
    mix = GaussianMixture(jnp.log(jnp.array([0.04, 0.96])), jnp.zeros((2, 1)), jnp.array([[[0.5]], [[2.0]]]))
    divisor = GaussianMixture(jnp.zeros(1), jnp.zeros((1, 1)), jnp.ones((1, 1, 1)))
    assert not quotient(mix, divisor)[1]
    found, is_proper = quotient(pruned(mix), divisor)
    assert is_proper
    np.testing.assert_allclose(np.exp(found.log_weights), [0.0, 1.0])
    assert float(densities(found, jnp.zeros((1, 1)))[0]) == pytest.approx(stats.norm.logpdf(0, 0, 3**-0.5))


def test_pruning_keeps_the_heaviest_even_if_all_are_light():
    mix = random_mixture(0, 40, 1)
    np.testing.assert_allclose(np.exp(pruned(mix, 0.5).log_weights).max(), 1.0)
    assert np.isfinite(pruned(mix).log_weights).sum() < 40


@pytest.mark.long
@pytest.mark.parametrize("num_flat", [1, 3])
def test_a_flat_factor_changes_nothing_and_has_finite_gradients(num_flat):
    mix, tilt = random_mixture(0, 3, 4), flat(4, num_flat)
    u = jnp.asarray(np.random.default_rng(1).normal(size=(10, 4)), jnp.float32)
    np.testing.assert_allclose(densities(tilt, u), 0.0, atol=1e-6)
    combined, log_integral = product(mix, tilt)
    assert float(log_integral) == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(densities(combined, u), densities(mix, u), rtol=1e-5)
    assert bool(quotient(mix, flat(4))[1])
    gradient = jax.jit(jax.grad(lambda pair: times(*pair)[1] + log_density(times(*pair)[0], u[0])))
    for leaf in jax.tree.leaves(gradient((mix, tilt))):
        assert np.isfinite(leaf).all()


@pytest.mark.long
def test_the_gradient_of_a_product_is_that_of_finite_differences():
    mix, tilt = random_mixture(0, 2, 3), random_mixture(1, 2, 3)
    tilt = padded(tilt, 3)
    with jax.enable_x64():
        mix, tilt = (jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), m) for m in (mix, tilt))

        def log_integral(means, log_diagonal):
            factors = jnp.triu(mix.factors, 1) + jax.vmap(jnp.diag)(jnp.exp(log_diagonal))
            return times(mix._replace(means=means, factors=factors), tilt)[1]

        log_diagonal = jnp.log(jnp.diagonal(mix.factors, axis1=1, axis2=2))
        check_grads(jax.jit(log_integral), (mix.means, log_diagonal), order=1, modes=["rev"])


@pytest.mark.long
def test_padding_changes_nothing():
    mix, u = random_mixture(0, 2, 3), np.random.default_rng(1).normal(size=(10, 3))
    wide = padded(mix, 5)
    assert wide.means.shape == (5, 3)
    np.testing.assert_allclose(densities(wide, u), densities(mix, u), rtol=1e-6)
    assert float(product(mix, wide)[1]) == pytest.approx(float(product(mix, mix)[1]), abs=1e-5)


@pytest.mark.long
def test_draws_have_the_mixture_s_moments(key):
    """Hotelling on the mean of 20 000 draws and each standard deviation: one false alarm in 10^6 in all."""
    mix, num = random_mixture(0, 3, 3, spread=2.0), 20_000
    draws = np.asarray(jax.jit(jax.vmap(draw, (0, None)))(jax.random.split(key, num), mix), np.float64)
    mean, cov = (np.asarray(a, np.float64) for a in jax.jit(moments)(mix))
    gap = draws.mean(0) - mean
    assert num * gap @ np.linalg.solve(cov, gap) < stats.chi2(3).isf(5e-7)
    # In units of its own standard error, which the fourth moment gives.
    square = (draws - mean) ** 2
    z = (square.mean(0) - np.diag(cov)) / (square.std(0) / np.sqrt(num))
    assert np.abs(z).max() < stats.norm.isf(5e-7 / 6)


@pytest.mark.long
def test_draws_follow_the_density_and_so_do_heavy_ones(key):
    """Kolmogorov-Smirnov on 10 000 draws of a one-dimensional mixture each: one false alarm in 10^6 each."""
    mix, keys = random_mixture(0, 3, 1, spread=3.0), jax.random.split(key, 10_000)
    grid = jnp.sinh(jnp.linspace(-12.0, 12.0, 40_001))
    for sample, density in (
        (lambda k: draw(k, mix), lambda u: log_density(mix, u)),
        (lambda k: draw_heavy(k, mix, 3.0), lambda u: log_density_heavy(mix, u, 3.0)),
    ):
        heights = np.exp(np.asarray(jax.jit(jax.vmap(density))(grid[:, None]), np.float64))
        steps = 0.5 * (heights[1:] + heights[:-1]) * np.diff(np.asarray(grid, np.float64))
        distribution = np.concatenate([[0.0], steps.cumsum()])
        assert distribution[-1] == pytest.approx(1.0, abs=1e-3)
        draws = np.asarray(jax.jit(jax.vmap(sample))(keys))[:, 0]
        assert stats.kstest(np.interp(draws, grid, distribution), "uniform").pvalue > 1e-6


def test_heavy_components_are_the_multivariate_student_t_of_scipy():
    mix, u = random_mixture(0, 1, 4), np.random.default_rng(1).normal(size=(20, 4))
    factor = np.asarray(mix.factors[0], np.float64)
    expected = stats.multivariate_t(np.asarray(mix.means[0]), np.linalg.inv(factor.T @ factor), df=3)
    found = jax.jit(jax.vmap(lambda point: log_density_heavy(mix, point, 3.0)))(u)
    np.testing.assert_allclose(found, expected.logpdf(u), rtol=1e-5, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("dim", [1, 5, 31])
def test_a_fitted_gaussian_has_the_samples_moments(dim):
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(400, dim)) @ rng.normal(size=(dim, dim)) * np.geomspace(1e-3, 1e3, dim)
    samples += 5 * samples.std(0)
    fitted = jax.jit(fit_gaussian)(jnp.asarray(samples, jnp.float32))
    mean, cov = jax.jit(moments)(fitted)
    scale = samples.std(0)
    np.testing.assert_allclose((mean - samples.mean(0)) / scale, 0.0, atol=1e-4)
    np.testing.assert_allclose(cov / np.outer(scale, scale), np.atleast_2d(np.corrcoef(samples.T)), atol=1e-3)
    assert (np.tril(fitted.factors[0], -1) == 0).all()
    assert (np.diagonal(fitted.factors[0]) > 0).all()
