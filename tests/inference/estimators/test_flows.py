"""Laws that every conditional density keeps, checked for each entry of the registry."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.estimators import (
    EstimatorSpec,
    load_estimator,
    make_estimator,
    save_estimator,
)
from inference.scaling import ParameterScaling, identity_scaling

FLOWS = ("nsf", "maf", "coupling")  # mixtures have laws of their own in test_mixtures.py
FORMAT_1 = "weights_format_1.eqx"


def rough_estimator(name, dim, *, num_features=3, **spec):
    """An estimator far from its smooth start, with scalings that matter."""
    scalings = (
        ParameterScaling(jnp.linspace(-1.0, 1.0, dim), jnp.linspace(0.5, 2.0, dim)),
        identity_scaling(dim, num_features)[1],
    )
    spec = {"num_layers": 3, "width": 16, **spec}
    estimator = make_estimator(
        jax.random.key(0), EstimatorSpec(name, dim, num_features, **spec), scalings=scalings
    )
    rng = np.random.default_rng(0)

    def shake(leaf):
        return leaf + jnp.asarray(0.2 * rng.normal(size=leaf.shape), jnp.float32) if is_weight(leaf) else leaf

    def is_weight(leaf):
        return eqx.is_inexact_array(leaf)

    return eqx.tree_at(lambda e: e.bijection, estimator, jax.tree.map(shake, estimator.bijection))


@pytest.mark.long
@pytest.mark.parametrize(("name", "dim"), [(name, dim) for name in FLOWS for dim in (1, 3)])
def test_sampling_undoes_the_density_and_the_log_determinant_is_that_of_the_jacobian(name, dim):
    bijection, u = rough_estimator(name, dim).bijection, jnp.linspace(-1.5, 1.0, dim)

    @jax.jit
    def there_and_back(u, x):
        noise, log_det = bijection.transform_and_log_det(u, x)
        jacobian = jax.jacfwd(lambda v: bijection.transform(v, x))(u)
        return log_det, jnp.linalg.slogdet(jacobian)[1], *bijection.inverse_and_log_det(noise, x)

    log_det, log_det_of_jacobian, back, log_det_back = there_and_back(u, jnp.linspace(-1.0, 2.0, 6))
    np.testing.assert_allclose(log_det, log_det_of_jacobian, atol=1e-4)
    np.testing.assert_allclose(back, u, atol=2e-5)
    np.testing.assert_allclose(log_det_back, -log_det, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("name", FLOWS)
def test_density_integrates_to_one_and_depends_on_x(name):
    estimator, grid = rough_estimator(name, 1), jnp.linspace(-60.0, 60.0, 60_001)
    log_prob = jax.jit(jax.vmap(estimator.log_prob, in_axes=(0, None)))
    densities = [jnp.exp(log_prob(grid[:, None], jnp.full(3, value))) for value in (-1.0, 1.0)]
    for density in densities:
        assert float(jnp.trapezoid(density, grid)) == pytest.approx(1.0, abs=2e-3)
    assert float(jnp.abs(densities[0] - densities[1]).max()) > 0.01


@pytest.mark.long
@pytest.mark.parametrize("name", FLOWS)
def test_samples_follow_the_density(name, key):
    """Kolmogorov-Smirnov on 4000 draws of a one-dimensional density: one false alarm in 10^6."""
    estimator, x = rough_estimator(name, 1), jnp.array([0.5, 0.0, -0.5])
    draws = jax.jit(jax.vmap(estimator.sample, in_axes=(0, None)))(jax.random.split(key, 4000), x)[:, 0]
    grid = jnp.linspace(-60.0, 60.0, 60_001)
    density = jnp.exp(jax.jit(jax.vmap(estimator.log_prob, in_axes=(0, None)))(grid[:, None], x))
    distribution = np.cumsum(np.asarray(density, np.float64)) * (grid[1] - grid[0])
    ranks = np.sort(np.interp(np.asarray(draws), grid, distribution))
    distance = np.abs(ranks - (np.arange(4000) + 0.5) / 4000).max()
    assert distance < 2.7 / np.sqrt(4000)


@pytest.mark.long
@pytest.mark.parametrize("name", FLOWS)
def test_same_key_same_weights_and_specs_share_compiled_code(name):
    spec = EstimatorSpec(name, 3, 2, num_layers=2, width=8)
    first, again, other = (make_estimator(jax.random.key(seed), spec) for seed in (1, 1, 2))
    assert eqx.tree_equal(first, again)
    assert not eqx.tree_equal(first, other)
    traces = []

    @eqx.filter_jit
    def log_prob(estimator):
        traces.append(1)
        return estimator.log_prob(jnp.array([0.5, -1.0, 2.0]), jnp.array([1.0, -1.0]))

    assert log_prob(first) != log_prob(other)
    assert len(traces) == 1


@pytest.mark.parametrize("name", FLOWS)
def test_weights_survive_a_file(name, tmp_path):
    estimator = rough_estimator(name, 3)
    save_estimator(tmp_path / "weights.eqx", estimator)
    loaded = load_estimator(tmp_path / "weights.eqx")
    assert eqx.tree_equal(loaded, estimator)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.eqx"]


@pytest.mark.parametrize("name", ["nsf", "maf"])
def test_a_file_of_format_1_still_opens(name, root):
    """Written on 2026-11-20 by this project; the numbers are what it computed then."""
    folder = root / "tests/inference/data"
    expected = json.loads((folder / "weights_format_1.json").read_text())[name]
    estimator = load_estimator(folder / f"{name}_{FORMAT_1}")
    value = eqx.filter_jit(estimator.log_prob)(jnp.array([0.1, -0.7]), jnp.array([0.3, -1.0, 2.0]))
    assert float(value) == pytest.approx(expected, abs=1e-4)


def test_damaged_and_foreign_files_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "weights.eqx"
    path.write_text("voltage,current\n1,2\n")
    with pytest.raises(ValueError, match=r"weights\.eqx is not a file of estimator weights"):
        load_estimator(path)
    save_estimator(path, rough_estimator("nsf", 2))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        load_estimator(path)
    path.write_text('{"format": 99, "spec": {}}\n')
    with pytest.raises(ValueError, match="format 99; this version reads up to 3"):
        load_estimator(path)


def test_unknown_names_and_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match=r"no estimator 'nfs'.*nsf, maf"):
        make_estimator(jax.random.key(0), EstimatorSpec("nfs", 2, 2))
    with pytest.raises(ValueError, match="positive whole number for width; got 0"):
        EstimatorSpec("nsf", 2, 2, width=0)
