"""What a simulator says about its features before anything is simulated."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from simulators import Prior, Simulator, get_simulator, simulate_batch


def simulator(features):
    prior = Prior({"mu": dist.Normal(0.0, 1.0)})
    return Simulator(
        "probe", prior, lambda key, theta: theta["mu"] + jax.random.normal(key, (4, 3)), features
    )


@pytest.mark.parametrize(
    ("features", "shapes"),
    [
        (None, (("x", (4, 3)),)),
        (lambda y: y[0], (("x", (3,)),)),
        (
            lambda y: {"trace": y[:, 0], "count": y.sum(), "image": y, "a": y[0, 0]},
            (("trace", (4,)), ("count", ()), ("image", (4, 3)), ("a", ())),
        ),
    ],
)
def test_feature_shapes_are_in_the_order_of_x(features, shapes):
    probe = simulator(features)
    assert probe.feature_shapes == shapes
    assert probe(jax.random.key(0), jnp.zeros(1)).shape == (probe.num_features,)
    names = [name.split("[")[0] for name in probe.feature_names]
    assert list(dict.fromkeys(names)) == [name for name, _ in shapes]


def test_what_is_drawn_is_the_picture_or_else_the_recording():
    def simulate(key, theta):
        return {"spikes": theta["a"][None], "count": theta["a"]}

    prior = Prior({"a": dist.Uniform(0.0, 1.0)})
    described = {"features": lambda recording: recording["count"], "true_theta": np.array([0.5], np.float32)}
    blind = Simulator("blind", prior, simulate, **described)
    assert blind.default_observation().recording is None  # a dictionary is nothing to draw
    seen = Simulator(
        "seen", prior, simulate, picture=lambda key, theta: theta["a"] * jnp.ones(3), **described
    )
    np.testing.assert_array_equal(seen.default_observation().recording, [0.5, 0.5, 0.5])


@pytest.mark.long
def test_a_model_seen_through_some_of_its_features_gives_the_same_numbers():
    neuron = get_simulator("hodgkin_huxley")
    few = neuron.only("rest_mean", "spike_count")
    assert few.feature_names == ("spike_count", "rest_mean")  # in the model's order
    everything = simulate_batch(neuron, jax.random.key(0), num=4)
    some = simulate_batch(few, jax.random.key(0), num=4)
    np.testing.assert_array_equal(some.x, everything.x[:, :2])
    np.testing.assert_array_equal(some.x, everything.only(few).x)
    np.testing.assert_array_equal(few.default_observation().x, neuron.default_observation().x[:2])


def test_an_array_feature_is_chosen_whole_and_an_unknown_one_named():
    made = simulator(lambda recording: {"mean": recording.mean(), "rows": recording[0]})
    assert made.only("rows").feature_names == ("rows[0]", "rows[1]", "rows[2]")
    with pytest.raises(ValueError, match="'probe' has no feature 'sum'; choose from mean, rows"):
        made.only("sum")
