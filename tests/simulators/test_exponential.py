"""Short exponentials are as exact as they say, and the library's own in double precision."""

import jax
import jax.numpy as jnp
import numpy as np

from simulators.exponential import exp, one_minus_exp

X = np.linspace(-86, 86, 100_001)
Z = np.concatenate([np.geomspace(1e-12, 79, 100_001), [0.0, 1e3, np.inf]])


def test_exp_is_good_to_a_few_roundings():
    single = X.astype(np.float32)
    wanted = np.exp(single.astype(float))
    np.testing.assert_allclose(exp(jnp.asarray(single)), wanted, rtol=1e-5)
    assert float(exp(jnp.float32(0.0))) == np.float32(1.0000001)


def test_one_minus_exp_is_exact_where_its_argument_is_small():
    single = Z.astype(np.float32)
    np.testing.assert_allclose(
        one_minus_exp(jnp.asarray(single)), -np.expm1(-single.astype(float)), rtol=5e-7
    )
    short = single[single < 0.1]
    found = one_minus_exp(jnp.asarray(short), degree=4)
    np.testing.assert_allclose(found, -np.expm1(-short.astype(float)), rtol=4e-6)
    assert np.isnan(one_minus_exp(jnp.float32(np.nan)))


def test_double_precision_is_the_library_s():
    with jax.enable_x64(True):
        np.testing.assert_allclose(exp(jnp.asarray(X)), np.exp(X), rtol=1e-14)
        np.testing.assert_allclose(one_minus_exp(jnp.asarray(Z)), -np.expm1(-Z), rtol=1e-14)
