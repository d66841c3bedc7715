"""The laws of each network: orders, channels, and what bypasses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.embeddings import EMBEDDINGS, embedding_spec


def network_for(name, features, num_indicators=0, **sizes):
    spec = embedding_spec(name, features, **sizes)
    num_scalars = sum(not shape for shape in spec.groups)
    num_inputs = spec.num_features + num_scalars + num_indicators
    rng = np.random.default_rng(0)
    return EMBEDDINGS[name](rng, spec, num_inputs), num_inputs


def inputs(num, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=num), jnp.float32)


@pytest.mark.long
def test_a_set_has_no_order_and_missing_rows_no_influence():
    network, num = network_for("deepset", (("trials", (7, 2)), ("count", ())))
    h = inputs(num)
    rows = h[:14].reshape(7, 2).at[2, 1].set(jnp.nan)

    @jax.jit
    def outputs(rows):
        return network(jnp.concatenate([rows.ravel(), h[14:]]))

    first = outputs(rows)
    assert bool(jnp.isfinite(first).all())
    np.testing.assert_allclose(outputs(rows[jnp.array([3, 1, 6, 0, 2, 5, 4])]), first, atol=1e-5)
    np.testing.assert_allclose(outputs(rows.at[2, 0].set(100.0)), first, atol=1e-6)
    assert not np.allclose(outputs(rows.at[3, 0].set(3.0)), first, atol=1e-3)
    # The same row seven times and once: the mean is the same, the share is not.
    copies, one = jnp.tile(rows[:1], (7, 1)), jnp.full((7, 2), jnp.nan).at[4].set(rows[0])
    assert not np.allclose(outputs(copies), outputs(one), atol=1e-3)
    assert bool(jnp.isfinite(outputs(jnp.full((7, 2), jnp.nan))).all())


def test_a_gru_takes_series_as_channels_of_one_array():
    apart, num = network_for("gru", (("voltage", (20,)), ("current", (20,)), ("count", ())), num_outputs=9)
    joint, _ = network_for("gru", (("both", (20, 2)), ("count", ())), num_outputs=9)
    h = inputs(num)
    together = jnp.concatenate([h[:40].reshape(2, 20).T.ravel(), h[40:]])
    assert apart(h).shape == (11,)
    np.testing.assert_allclose(apart(h), joint(together), atol=1e-6)
    assert not np.allclose(apart(h), apart(h.at[0].add(1.0)), atol=1e-4)  # the first sample is remembered
    swapped = h.at[3].set(h[4]).at[4].set(h[3])
    assert not np.allclose(apart(h), apart(swapped), atol=1e-4)  # and the order matters


def test_the_recursion_is_that_of_its_equations():
    network, num = network_for("gru", (("voltage", (5,)),), num_outputs=3)
    gru, x = network.network, np.asarray(inputs(num), np.float64)
    arrays = (gru.weights, gru.biases, gru.recurrent, gru.recurrent_bias)
    w, b, u, c = (np.asarray(array, np.float64) for array in arrays)
    state = np.zeros(3)
    for value in x:
        drive, heard = value * w[0] + b, state @ u
        r, z = (1 / (1 + np.exp(-(drive + heard)[i : i + 3])) for i in (0, 3))
        state = z * state + (1 - z) * np.tanh(drive[6:] + r * (heard[6:] + c))
    np.testing.assert_allclose(network(jnp.asarray(x, jnp.float32)), state, atol=1e-5)


@pytest.mark.long
def test_the_count_reaches_the_output_past_the_cnn():
    network, num = network_for("cnn", (("sta", (41, 41)), ("count", ())), num_indicators=1)
    h = inputs(num)
    before, after = jax.jit(jax.vmap(lambda h: network(h)))(jnp.stack([h, h.at[1681].set(7.5)]))
    assert before.shape == (20 + 2 + 1,)
    np.testing.assert_allclose(before[20:], h[1681:])
    np.testing.assert_allclose(after, before.at[20].set(7.5))


def test_the_layers_are_those_of_the_paper_for_its_image_and_fewer_for_a_small_one():
    cnn = network_for("cnn", (("sta", (41, 41)),))[0].network
    assert [kernel.shape for kernel in cnn.kernels] == [
        (3, 3, 1, 16),
        (3, 3, 16, 16),
        (3, 3, 16, 32),
        (3, 3, 32, 32),
        (2, 2, 32, 32),
    ]
    assert cnn.pools == (1, 2, 2, 2, 2)
    assert [weight.shape for weight in cnn.head.weights] == [(32, 50), (50, 50), (50, 20)]
    for shape in ((1, 1), (4, 9), (100, 60)):
        network, num = network_for("cnn", (("image", shape),))
        assert eqx.filter_eval_shape(network, inputs(num)).shape == (20,)


@pytest.mark.long
def test_a_cnn_is_what_its_equations_say():
    """Against correlations written out, ReLU and maximum in their published order."""
    cnn = network_for("cnn", (("image", (5, 5)),), num_outputs=3)[0].network
    image = np.asarray(inputs(25)).reshape(5, 5)
    maps = [image[None]]
    for kernel, bias, pool in zip(cnn.kernels, cnn.biases, cnn.pools, strict=True):
        kernel, size = np.asarray(kernel), kernel.shape[0]
        windows = np.lib.stride_tricks.sliding_window_view(maps[-1], (size, size), axis=(1, 2))
        out = np.maximum(np.einsum("chwij,ijco->ohw", windows, kernel) + np.asarray(bias)[:, None, None], 0)
        height, width = out.shape[1] // pool, out.shape[2] // pool
        out = out[:, : height * pool, : width * pool].reshape(-1, height, pool, width, pool).max((2, 4))
        maps.append(out)
    expected = cnn.head(jnp.asarray(maps[-1].transpose(1, 2, 0).ravel(), jnp.float32))
    np.testing.assert_allclose(cnn(jnp.asarray(image)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_specs_share_compiled_code(name):
    features = {"cnn": (("sta", (9, 9)),), "mlp": (("a", ()), ("b", ()))}.get(name, (("series", (6, 2)),))
    spec = embedding_spec(name, features)
    num_inputs = spec.num_features * (2 if name == "mlp" else 1)
    traces = []
    call = eqx.filter_jit(lambda network, h: (traces.append(1), network(h))[1])
    for seed in (0, 1):
        call(EMBEDDINGS[name](np.random.default_rng(seed), spec, num_inputs), inputs(num_inputs))
    assert len(traces) == 1
