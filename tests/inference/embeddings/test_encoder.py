"""The encoder: today's two views without an embedding, arrays and gaps with one."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.embeddings import EmbeddingSpec, embedding_spec, make_encoder
from inference.scaling import fit_feature_scaling, identity_scaling

SCALARS = (("count", ()), ("rate", ()))
FEATURES = {
    "mlp": (("moments", (3,)), *SCALARS),
    "cnn": (("sta", (13, 15)), *SCALARS),
    "gru": (("voltage", (30,)), *SCALARS, ("current", (30,))),
    "deepset": (SCALARS[0], ("trials", (6, 2)), SCALARS[1]),
}


class Spec(NamedTuple):
    """What an estimator's spec tells an encoder."""

    num_features: int
    imputes: bool = False
    embedding: EmbeddingSpec | None = None


def encoder_for(name, features, *, imputes=False, seed=0, module=None):
    spec = embedding_spec(name, features)
    x = 3.0 + 2.0 * np.random.default_rng(5).normal(size=(200, spec.num_features)).astype(np.float32)
    scaling = fit_feature_scaling(x, groups=spec.groups)
    rng = np.random.default_rng(seed)
    return make_encoder(rng, Spec(spec.num_features, imputes, spec), scaling, module=module), x


def test_without_embedding_an_encoder_is_its_scaling():
    x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    scaling = fit_feature_scaling(x)
    encoder = make_encoder(np.random.default_rng(0), Spec(3), scaling)
    assert encoder.num_outputs == 6
    assert np.array_equal(encoder(jnp.asarray(x[0])), scaling(jnp.asarray(x[0])))
    assert eqx.tree_equal(jax.tree.leaves(encoder), jax.tree.leaves(scaling))
    gap = encoder(jnp.asarray(x[0]).at[1].set(jnp.nan))
    assert np.isnan(gap).tolist() == [False, True, False] * 2


def test_gaps_get_the_learned_constants_and_indicators():
    x = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    scaling = fit_feature_scaling(x)
    encoder = make_encoder(np.random.default_rng(0), Spec(3, imputes=True), scaling)
    assert encoder.num_outputs == 9
    whole, gap = encoder(jnp.asarray(x[0])), encoder(jnp.asarray(x[0]).at[1].set(jnp.nan))
    np.testing.assert_array_equal(whole, [*scaling(jnp.asarray(x[0])), 0, 0, 0])
    constants = encoder.imputation.constants
    np.testing.assert_array_equal(gap, whole.at[1].set(constants[1]).at[4].set(constants[4]).at[7].set(1.0))
    assert 0 < float(jnp.abs(constants).max()) < 0.05


@pytest.mark.long
@pytest.mark.parametrize("imputes", [False, True])
@pytest.mark.parametrize("name", FEATURES)
def test_outputs_are_finite_and_of_the_promised_length(name, imputes):
    encoder, x = encoder_for(name, FEATURES[name], imputes=imputes)
    h = jax.jit(jax.vmap(encoder))(jnp.asarray(x[:50]))
    assert h.shape == (50, encoder.num_outputs)
    assert bool(jnp.isfinite(h).all())
    num_bypassing = 0 if name == "mlp" else 4 + imputes * {"cnn": 3, "gru": 4, "deepset": 2}[name]
    default = {"gru": 25}.get(name, 20)
    assert encoder.num_outputs == default + num_bypassing
    outputs = h[:, :default]
    assert 0.02 < float(outputs.std(0).mean()) < 20  # the signal is neither lost nor blown up at first
    again, other = (encoder_for(name, FEATURES[name], imputes=imputes, seed=seed)[0] for seed in (0, 1))
    assert eqx.tree_equal(again, encoder)
    assert not eqx.tree_equal(other, encoder)


@pytest.mark.long
@pytest.mark.parametrize("name", FEATURES)
def test_gradients_are_finite_with_gaps_and_the_gaps_matter(name):
    encoder, x = encoder_for(name, FEATURES[name], imputes=True)
    row = jnp.asarray(x[0])
    gaps = row.at[0].set(jnp.nan).at[5 if name != "mlp" else 3].set(jnp.nan).at[-1].set(jnp.nan)

    @eqx.filter_jit
    def gradients(encoder, x):
        trainable, fixed = eqx.partition(encoder, eqx.is_inexact_array)
        total = lambda weights, x: jnp.sin(eqx.combine(weights, fixed)(x)).sum()  # noqa: E731
        return jax.grad(total, argnums=(0, 1))(trainable, x), eqx.combine(trainable, fixed)(x)

    (by_weight, by_x), h = gradients(encoder, gaps)
    assert bool(jnp.isfinite(h).all())
    for leaf in jax.tree.leaves((by_weight.imputation, by_weight.embedding, by_x)):
        assert bool(jnp.isfinite(leaf).all())
    assert float(jnp.abs(by_weight.imputation.constants).max()) > 0
    assert not np.allclose(h, gradients(encoder, row)[1], atol=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mlp", "cnn", "gru"])
def test_without_imputation_a_gap_stays_a_gap(name):
    encoder, x = encoder_for(name, FEATURES[name])
    assert np.isnan(eqx.filter_jit(encoder)(jnp.asarray(x[0]).at[0].set(jnp.nan))).any()


@pytest.mark.long
def test_an_array_shares_one_scale_and_scalars_keep_two_views():
    spec = embedding_spec("gru", (("voltage", (40,)), ("count", ())))
    x = np.random.default_rng(0).normal(size=(300, 41)) * np.linspace(0.1, 10.0, 41) + 5.0
    scaling = fit_feature_scaling(x.astype(np.float32), groups=spec.groups)
    assert len(set(np.asarray(scaling.scale[:40]).tolist())) == 1
    assert len(set(np.asarray(scaling.location[:40]).tolist())) == 1
    assert scaling.num_outputs == 42
    alone = fit_feature_scaling(x[:, 40:].astype(np.float32))
    np.testing.assert_allclose(
        scaling(jnp.asarray(x[0], jnp.float32))[40:], alone(jnp.asarray(x[0, 40:], jnp.float32)), rtol=1e-5
    )
    with pytest.raises(ValueError, match="hold 41 features; x has 40"):
        fit_feature_scaling(x[:, :40].astype(np.float32), groups=spec.groups)


@pytest.mark.long
def test_a_module_of_ones_own():
    def module(x):
        return jnp.tanh(x.reshape(2, 3).sum(0))

    encoder, x = encoder_for("custom", (("trials", (2, 3)),), imputes=True, module=module)
    assert encoder.num_outputs == 4  # and the share of missing entries
    row = jnp.asarray(x[0])
    scaled = encoder.scaling(row)
    np.testing.assert_allclose(encoder(row), [*module(scaled), 0.0], rtol=1e-6)
    with pytest.raises(ValueError, match="one vector; yours gives shape"):
        encoder_for("custom", (("trials", (2, 3)),), module=lambda x: x.reshape(2, 3))
    with pytest.raises(ValueError, match="needs your module"):
        encoder_for("custom", (("trials", (2, 3)),))


def test_scalings_and_specs_that_do_not_belong_together_are_refused():
    rng, spec = np.random.default_rng(0), embedding_spec("gru", (("voltage", (30,)),))
    with pytest.raises(ValueError, match="fitted for other arrays"):
        make_encoder(rng, Spec(30, embedding=spec), identity_scaling(1, 30)[1])
    with pytest.raises(ValueError, match="for 30 features; x has 31"):
        make_encoder(rng, Spec(31, embedding=spec), identity_scaling(1, 31)[1])
    with pytest.raises(ValueError, match="scaling has 30 features, the estimator 31"):
        make_encoder(rng, Spec(31), identity_scaling(1, 30)[1])
    make_encoder(rng, Spec(30, embedding=spec), identity_scaling(1, 30, groups=spec.groups)[1])
