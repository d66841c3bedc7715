"""The model page without a browser: sliders, simulation, features and address say the same."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard import links, live
from dashboard.pages import model
from dashboard.views.exploration import Exploration
from dashboard.views.live_cloud import LiveCloud, positions
from dashboard.views.live_features import LiveFeatures
from dashboard.views.live_trace import LiveTrace
from dashboard.views.sliders import Sliders
from simulators import FeatureAxis, Prior, RecordingAxes, Simulator, get_simulator


def make_decay():
    """A recording that decays from ``start`` with rate ``rate``; one spike at sample 501, one sample wide."""
    time = np.arange(5000) * 0.01
    prior = Prior(
        {"start": dist.Uniform(1.0, 9.0), "rate": dist.Uniform(0.0, 1.0)},
        units={"start": "mV", "rate": "1/ms"},
    )

    def simulate(key, theta):
        noise = 1e-3 * jax.random.normal(key, time.shape)
        return (theta["start"] * jax.numpy.exp(-theta["rate"] * time) + noise).at[501].set(50.0)

    axes = RecordingAxes(time, "voltage", "mV", stimulus=np.sin(time), stimulus_unit="uA/cm2")

    def features(recording):
        return {"first": recording[0], "peak": recording.max()}

    true_theta = np.array([5.0, 0.1], np.float32)
    return Simulator(
        "decay", prior, simulate, features, feature_units={"first": "mV"}, axes=axes, true_theta=true_theta
    )


@pytest.fixture(scope="module")
def decay():
    return make_decay()


def test_a_slider_moves_the_simulation(decay):
    exploration = Exploration(decay)
    sliders, trace, features = (
        Sliders(exploration),
        LiveTrace(exploration, decay.axes),
        LiveFeatures(exploration),
    )
    sliders.sliders["start"].value = 7.0
    assert exploration.named["start"] == 7.0
    assert exploration.simulated.x[0] == pytest.approx(7.0, abs=0.01)
    assert trace.plot.sources["now"].data["y0"][0] == pytest.approx(7.0, abs=0.1)
    assert trace.plot.sources["before"].data["y0"][0] == pytest.approx(5.0, abs=0.1)
    assert 'data-testid="feature-first">7.00<' in features.table.object


def test_features_along_an_axis_are_drawn_as_curves(decay):
    """Of five samples in time: the curve follows a slider, over that of the built-in observation."""

    def samples(recording):
        return {"samples": recording[:50:10]}

    axis = FeatureAxis(np.arange(5) * 0.1, "time", "ms")
    simulator = replace(
        decay, features=samples, feature_units={"samples[0]": "mV"}, feature_axes={"samples": axis}
    )
    exploration = Exploration(simulator)
    (curve,) = LiveFeatures(exploration).curves.values()
    assert (curve.figure.xaxis.axis_label, curve.figure.yaxis.axis_label) == ("time (ms)", "samples (mV)")
    exploration.set("start", 8.0)
    np.testing.assert_allclose(curve.sources["now"].data["y"], exploration.simulated.x)
    np.testing.assert_allclose(curve.sources["observation"].data["y"], exploration.reference.x)
    assert curve.figure.y_range.end > 8.0


def test_a_spike_of_one_sample_is_still_drawn(decay):
    trace = LiveTrace(Exploration(decay), decay.axes)
    assert len(trace.plot.sources["now"].data["y0"]) <= 3000
    assert trace.plot.sources["now"].data["y0"].max() == 50.0
    assert trace.plot.figures[0].y_range.end > 50.0
    assert "to 50 mV" in trace.summary.text


def test_sliders_follow_and_do_not_echo(decay):
    exploration = Exploration(decay)
    sliders = Sliders(exploration)
    exploration.set("rate", 0.123456)
    assert sliders.sliders["rate"].value == pytest.approx(0.1235, abs=1e-3)
    assert exploration.named["rate"] == pytest.approx(0.123456)  # the rounded slider does not write back


def test_reset_draw_and_noise(decay):
    exploration = Exploration(decay)
    first = exploration.simulated
    exploration.draw_from_prior()
    assert np.isfinite(decay.prior.log_prob(jax.numpy.asarray(exploration.theta)))
    assert not np.allclose(exploration.theta, first.theta)
    exploration.reset()
    np.testing.assert_array_equal(
        exploration.simulated.x, first.x
    )  # same parameters, same noise, same numbers
    exploration.new_noise()
    assert not np.array_equal(exploration.simulated.recording, first.recording)


def test_a_value_outside_the_prior_is_moved_to_its_edge(decay):
    exploration = Exploration(decay)
    exploration.set("start", 100.0)
    assert exploration.named["start"] == 9.0


def test_a_model_that_fails_says_so(decay):
    def fails(key, theta):
        raise RuntimeError("no such channel")

    broken = Simulator("broken", decay.prior, fails, true_theta=decay.true_theta, title="Broken")
    exploration = Exploration(broken)
    assert exploration.problem == "Broken failed: no such channel"
    assert not exploration.is_waiting


def test_the_address_says_what_differs_and_opens_the_same(decay):
    exploration = Exploration(decay)
    assert model.choices(exploration) == {"name": "decay", "noise": ""}
    exploration.param.update(theta=np.array([7.25, 0.1], np.float32), noise=4)
    said = {key: str(value) for key, value in model.choices(exploration).items()}
    assert said == {"name": "decay", "start": "7.25", "noise": "4"}
    opened = model.from_query(decay, links.Query(said))
    np.testing.assert_array_equal(opened.theta, exploration.theta)
    np.testing.assert_array_equal(opened.simulated.recording, exploration.simulated.recording)


def test_a_wrong_address_shows_the_default_and_says_why(decay):
    query = links.Query({"start": "100", "rate": "fast", "noise": "-1"})
    assert model.from_query(decay, query).named == {"start": 5.0, "rate": pytest.approx(0.1)}
    assert len(query.problems) == 3


def test_without_a_trace_the_features_are_drawn():
    exploration = Exploration(get_simulator("two_moons"))
    cloud = LiveCloud(exploration)
    assert len(cloud.sources["prior"].data["x"]) == live.CLOUD_SIZE
    assert len(cloud.sources["repeats"].data["x"]) == live.NUM_REPEATS
    assert cloud.summary.text == "This is the built-in observation itself."
    exploration.set("theta[1]", 0.9)
    np.testing.assert_allclose(cloud.sources["now"].data["y"], exploration.simulated.x[1])
    assert cloud.summary.text.startswith("Farthest from the observation: x[1] is")


def test_more_than_two_features_get_a_column_each():
    placed = positions(np.arange(30.0).reshape(3, 10))
    assert placed["x"].shape == placed["y"].shape == (30,)
    np.testing.assert_array_equal(np.round(placed["x"]), np.tile(np.arange(10), 3))


@pytest.mark.parametrize("name", ["linear_gaussian", "two_moons", "hnpe_toy"])
def test_the_page_is_made(name, monkeypatch):
    monkeypatch.setattr(links, "read_query", lambda: links.Query({"name": name}))
    assert model.page().meta.title.endswith("Posterior Lab")
