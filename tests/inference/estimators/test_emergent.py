"""The flow of EPI: its density is that of its draws, there and back, and it survives storage."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.estimators import EstimatorSpec, load_estimator, make_estimator, save_estimator
from inference.estimators.mixing import MixingSpec

NOTHING = jnp.zeros(1)
KINDS = {
    "real NVP": ("affine", MixingSpec()),
    "directions": ("affine", MixingSpec("linear", rank=2, has_skip=True)),
    "permutations": ("affine", MixingSpec("permutation", rank=4, has_skip=True)),
    "spline": ("spline", MixingSpec()),
}


def make(kind, dim, key):
    """One that has moved from its start."""
    transformer, mixing = KINDS[kind]
    spec = EstimatorSpec(
        "emergent", dim, 1, num_layers=3, width=8, num_bins=4, transformer=transformer, mixing=mixing
    )
    flow = make_estimator(key, spec)
    vector = flow.vector
    return flow.with_vector(vector + 0.2 * jax.random.normal(key, vector.shape))


@eqx.filter_jit
def there_and_back(flow, key):
    u, log_q = flow.draw(key)
    noise = jax.random.normal(key, (flow.spec.dim,))
    moved, log_det = flow.bijection.transform_and_log_det(noise)
    back, log_det_back = flow.bijection.inverse_and_log_det(moved)
    volume = jnp.linalg.slogdet(jax.jacobian(flow.bijection.transform)(noise))[1]
    return jnp.stack(
        [log_q - flow.log_prob(u, NOTHING), log_det + log_det_back, volume - log_det]
    ), back - noise


@pytest.mark.parametrize(("kind", "dim"), [(kind, 5) for kind in KINDS] + [("directions", 1), ("spline", 2)])
def test_the_density_is_that_of_the_draws(kind, dim, key):
    for error in there_and_back(make(kind, dim, key), key):
        np.testing.assert_allclose(error, 0.0, atol=3e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_survives_storage(kind, key, tmp_path):
    flow = make(kind, 5, key)
    save_estimator(tmp_path / "weights.eqx", flow)
    loaded = load_estimator(tmp_path / "weights.eqx")
    assert loaded.spec == flow.spec
    assert eqx.tree_equal(loaded, flow)
    assert json_line(tmp_path / "weights.eqx")["format"] == 3


def test_it_starts_near_the_identity(key):
    """Up to a rotation: a standard normal."""
    spec = EstimatorSpec("emergent", 6, 1, num_layers=3, width=16, mixing=MixingSpec(rank=2, has_skip=True))
    u, log_q = jax.vmap(make_estimator(key, spec).draw)(jax.random.split(key, 4_000))
    np.testing.assert_allclose(np.cov(np.asarray(u).T), np.eye(6), atol=0.15)
    assert -float(log_q.mean()) == pytest.approx(3 * (1 + np.log(2 * np.pi)), abs=0.2)


def test_unknown_maps():
    with pytest.raises(ValueError, match="There are no maps 'spiral'"):
        MixingSpec("spiral")


def json_line(path):
    import json

    with path.open("rb") as file:
        return json.loads(file.readline())
