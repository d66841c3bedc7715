"""The laws of a density for the coupling flow with each transformer."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.embeddings.encoder import make_encoder
from inference.estimators.base import EstimatorSpec
from inference.estimators.flows import coupling_flow, spline_coupling_flow
from inference.scaling import ParameterScaling, identity_scaling

SPEC = EstimatorSpec("coupling", 3, 2, num_layers=3, width=16)


def build(builder, spec):
    rng = np.random.default_rng(0)
    encoder = make_encoder(rng, spec, identity_scaling(spec.dim, spec.num_features)[1])
    scaling = ParameterScaling(jnp.linspace(-1.0, 1.0, spec.dim), jnp.linspace(0.5, 2.0, spec.dim))
    flow = builder(rng, spec, scaling, encoder)

    def shaken(leaf):
        is_weight = eqx.is_inexact_array(leaf)
        return leaf + jnp.asarray(0.2 * rng.normal(size=leaf.shape), jnp.float32) if is_weight else leaf

    return eqx.tree_at(lambda f: f.bijection, flow, jax.tree.map(shaken, flow.bijection))


@pytest.mark.long
@pytest.mark.parametrize("dim", [1, 3])
def test_affine_coupling_undoes_itself_with_the_determinant_of_its_jacobian(dim):
    flow = build(coupling_flow, dataclasses.replace(SPEC, dim=dim))
    u, h = jnp.linspace(-1.5, 1.0, dim), flow.encode(jnp.array([0.5, -1.0]))

    @jax.jit
    def there_and_back(u):
        noise, log_det = flow.bijection.transform_and_log_det(u, h)
        jacobian = jax.jacfwd(lambda v: flow.bijection.transform(v, h))(u)
        return log_det, jnp.linalg.slogdet(jacobian)[1], flow.bijection.inverse(noise, h)

    log_det, expected, back = there_and_back(u)
    np.testing.assert_allclose(log_det, expected, atol=1e-4)
    np.testing.assert_allclose(back, u, atol=2e-5)


def test_affine_coupling_integrates_to_one():
    flow = build(coupling_flow, dataclasses.replace(SPEC, dim=2))
    axis = jnp.linspace(-25.0, 25.0, 501)
    points = jnp.stack(jnp.meshgrid(axis, axis), -1).reshape(-1, 2)
    log_prob = jax.jit(jax.vmap(flow.log_prob, (0, None)))(points, jnp.array([0.5, -1.0]))
    assert float(np.exp(np.asarray(log_prob, np.float64)).sum()) * 0.01 == pytest.approx(1.0, abs=2e-3)


def test_spline_coupling_is_the_neural_spline_flow():
    spec = dataclasses.replace(SPEC, transformer="spline")
    coupling, nsf = build(coupling_flow, spec), build(spline_coupling_flow, spec)
    assert eqx.tree_equal(coupling.bijection, nsf.bijection)


def test_an_unknown_transformer_is_refused():
    with pytest.raises(ValueError, match="no transformer 'cubic'.*affine, spline"):
        build(coupling_flow, dataclasses.replace(SPEC, transformer="cubic"))
