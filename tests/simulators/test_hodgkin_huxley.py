"""Hodgkin-Huxley against runs of the published code, noise-free and noisy, and driven by real recordings.

``data/hodgkin_huxley.json`` holds a few numbers of those runs. The full arrays lie in ``shared/`` beside the
repository; tests of whole traces and of recordings are skipped where that folder is missing.
"""

import dataclasses
import json
from pathlib import Path

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.features import current_clamp
from simulators.features.current_clamp import Timing
from simulators.integrate import scan_blocks
from simulators.models import hodgkin_huxley as model
from simulators.models.hodgkin_huxley import Protocol, drive, hodgkin_huxley
from simulators.models.pospischil import at_rest, kinetics, step
from simulators.recordings import Recording, read_recording

NUM_NOISY = 400
REFERENCE = json.loads((Path(__file__).parent / "data" / "hodgkin_huxley.json").read_text())
NAMES = hodgkin_huxley.prior.names
FEATURES = tuple(current_clamp.UNITS)
# Half a percent; and 1 uV for the sd at rest: without noise the membrane drifts by 0.02 mV in 1000 steps,
# two roundings of a float32 per step.
RELATIVE = 0.005
ABSOLUTE = np.array([0, 0, 1e-3, 0, 0, 0, 0])


def named(row, dtype=np.float32, **changed):
    theta = dict(zip(NAMES, np.asarray(row, dtype), strict=True)) | changed
    return {name: jnp.asarray(value, dtype) for name, value in theta.items()}


def noise_free(row, dtype=np.float32):
    return named(row, dtype, sigma=0.0)


def as_row(features):
    return np.array([features[name] for name in FEATURES], np.float64)


@jax.jit
def trace_and_features(key, theta):
    """Of the built-in step; the features both ways."""
    voltage = hodgkin_huxley.simulate(key, theta)
    return voltage, hodgkin_huxley.features(voltage), hodgkin_huxley.simulate_features(key, theta)


@pytest.fixture(scope="module")
def batch():
    """A compiled batch of 400 repeats at each of the two noisy reference parameter sets, and its features."""
    rows = np.repeat(np.array(REFERENCE["theta_noisy"], np.float32), NUM_NOISY, axis=0)
    keys = jax.random.split(jax.random.key(20), len(rows))
    compiled = jax.jit(jax.vmap(hodgkin_huxley)).lower(keys, rows).compile()
    return compiled, np.asarray(compiled(keys, rows), np.float64).reshape(2, NUM_NOISY, 7)


@pytest.fixture(scope="module")
def noisy(batch):
    """Features of the noisy repeats: (2, 400, 7)."""
    return batch[1]


# The model as published


def test_prior_is_the_published_table():
    prior = hodgkin_huxley.prior
    assert NAMES == ("g_Na", "g_K", "g_leak", "g_M", "tau_max", "-V_T", "sigma", "-E_leak")
    np.testing.assert_allclose(prior.low, [0.5, 1e-4, 1e-4, 1e-4, 50, 40, 1e-4, 35])
    np.testing.assert_allclose(prior.high, [80, 15, 0.6, 0.6, 3000, 90, 0.15, 100])
    assert prior.units["g_Na"] == "mS/cm2"
    assert all(label.startswith("$") for label in prior.labels.values())


@pytest.mark.long
def test_features_are_named_in_the_published_order(noisy):
    assert hodgkin_huxley.feature_names == FEATURES
    np.testing.assert_allclose(noisy[0].mean(0), REFERENCE["features_noisy_mean"][0], rtol=0.1)


def test_stimulus_is_the_published_step():
    axes = hodgkin_huxley.axes
    on = np.flatnonzero(axes.stimulus)
    assert (len(axes.time), axes.time[0], axes.time[-1]) == (12_001, 0.0, pytest.approx(120.0))
    assert (on[0], on[-1], len(on)) == (1000, 10_999, 10_000)
    np.testing.assert_allclose(axes.stimulus[on], 3.248, atol=5e-4)


@pytest.mark.long
def test_rates_are_continued_where_they_are_undefined():
    """At u = 13, 15 and 40 mV a rate is 0/0; its neighbours differ by a ten-thousandth."""
    theta = named(REFERENCE["theta_noise_free"][0])
    for u in (13.0, 15.0, 40.0):
        voltages = u - theta["-V_T"] + jnp.array([-1e-3, 0.0, 1e-3])
        for steady_state, rate in jax.vmap(kinetics, (0, None))(voltages, theta):
            assert np.isfinite(steady_state).all()
            np.testing.assert_allclose(rate, rate[1], rtol=2e-4)


# Noise-free, against the published code


@pytest.mark.long
@pytest.mark.parametrize("case", range(4))
def test_float32_follows_the_published_trace(case):
    """0.1 mV: rounding moves a spike by a fraction of a microsecond, on a flank of 300 mV/ms."""
    voltage, whole, fused = trace_and_features(
        jax.random.key(0), noise_free(REFERENCE["theta_noise_free"][case])
    )
    expected = REFERENCE["voltage_noise_free_every_1000th_mV"][case]
    assert voltage.dtype == jnp.float32
    np.testing.assert_allclose(voltage[::1000], expected, atol=0.1)
    for features in (whole, fused):
        difference = np.abs(as_row(features) - REFERENCE["features_noise_free"][case])
        assert (difference <= ABSOLUTE + RELATIVE * np.abs(REFERENCE["features_noise_free"][case])).all()


@pytest.mark.long
@pytest.mark.parametrize("case", range(4))
def test_float64_is_the_published_trace(case):
    """A nanovolt, and features to 1e-9: the same arithmetic."""
    with jax.enable_x64(True):
        theta = noise_free(REFERENCE["theta_noise_free"][case], np.float64)
        voltage, whole, fused = trace_and_features(jax.random.key(0), theta)
    assert voltage.dtype == jnp.float64
    expected = REFERENCE["voltage_noise_free_every_1000th_mV"][case]
    np.testing.assert_allclose(voltage[::1000], expected, atol=1e-6, rtol=0)
    for features in (whole, fused):
        np.testing.assert_allclose(as_row(features), REFERENCE["features_noise_free"][case], rtol=1e-9)


def test_float64_agrees_with_the_full_reference_arrays(shared):
    """1e-6 mV at every sample, gates to 1e-9."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "hodgkin_huxley.npz")

    def states(theta):
        start = at_rest(jnp.asarray(reference["V0_mV"]), theta)

        def advance(neuron, current, noise):
            return step(neuron, current, noise, theta=theta, dt=0.01)[0], jnp.stack(neuron)

        _, blocks = scan_blocks(
            jax.random.key(0),
            advance,
            start,
            reference["I_uA_cm2"],
            lambda nothing, _, block: (nothing, block),
            (),
            block_length=200,
        )
        return blocks.reshape(-1, 5)[:12_001]

    with jax.enable_x64(True):
        rows = [noise_free(row, np.float64) for row in reference["theta_noisefree"]]
        theta = jax.tree.map(lambda *parts: jnp.stack(parts), *rows)
        found = np.asarray(jax.jit(jax.vmap(states))(theta))
    np.testing.assert_allclose(found[..., 0], reference["V_noisefree_mV"], atol=1e-6, rtol=0)
    gates = found[:, ::100, 1:].transpose(0, 2, 1)
    np.testing.assert_allclose(gates, reference["gates_mnhp_every100"][:, [0, 2, 1, 3]], atol=1e-9)


# Noise


@pytest.mark.parametrize("case", [0, 1])
def test_noise_has_the_published_statistics(noisy, case):
    """Mean and sd of each feature over repeats, both within 5 standard errors.

    24 comparisons of about normal quantities: false-alarm rate 1.4e-5 per seed, and the seed is fixed.
    """
    x, num = noisy[case], REFERENCE["num_repeats"]
    mean, sd = (
        np.array(REFERENCE["features_noisy_mean"][case]),
        np.array(REFERENCE["features_noisy_sd"][case]),
    )
    assert (x[:, 0] == mean[0]).all()  # the spike count does not vary here
    error = np.sqrt(x.var(0) / NUM_NOISY + sd**2 / num)[1:]
    assert (np.abs(x.mean(0) - mean)[1:] < 5 * error).all()
    kurtosis = stats.kurtosis(x[:, 1:], axis=0, fisher=False)
    log_sd_error = np.sqrt((kurtosis - 1) / 4 * (1 / NUM_NOISY + 1 / num))
    assert (np.abs(np.log(x.std(0)[1:] / sd[1:])) < 5 * log_sd_error).all()


@pytest.mark.parametrize("case", [0, 1])
def test_noisy_features_have_the_published_distribution(noisy, shared, case):
    """Two-sample Kolmogorov-Smirnov, p > 1e-6 for each of 6 features: false-alarm rate 6e-6."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "hodgkin_huxley.npz")["features_noisy"][case]
    for column in range(1, 7):
        assert stats.ks_2samp(noisy[case, :, column], reference[:, column]).pvalue > 1e-6, FEATURES[column]


def test_both_ways_see_the_same_noise(key):
    """Twenty prior draws, to 1e-4: only the order of summation differs."""
    for index, row in enumerate(hodgkin_huxley.prior.sample(key, 20)):
        _, whole, fused = trace_and_features(jax.random.fold_in(key, index), named(row))
        assert float(whole["spike_count"]) == float(fused["spike_count"])
        np.testing.assert_allclose(as_row(fused), as_row(whole), rtol=1e-4, atol=1e-5)


def test_features_of_a_batch_do_not_store_traces(batch):
    """The working memory of 800 simulations is far below their traces."""
    trace_bytes = 2 * NUM_NOISY * 12_001 * 4
    assert batch[0].memory_analysis().temp_size_in_bytes < trace_bytes / 4


# What is undefined stays undefined


def test_a_simulation_that_is_not_finite_is_flagged():
    theta = named(hodgkin_huxley.true_theta, g_Na=0.0, g_K=0.0, g_leak=0.0, g_M=0.0)
    _, whole, fused = trace_and_features(jax.random.key(0), theta)
    for features in (whole, fused):
        assert np.isinf(as_row(features)).all()  # rather than undefined


def test_a_membrane_that_stays_put_has_no_skewness():
    """Only the leak, at its own potential: V does not move at all."""
    theta = named(
        hodgkin_huxley.true_theta, g_Na=0.0, g_K=0.0, g_leak=0.5, g_M=0.0, sigma=0.0, **{"-E_leak": 70.0}
    )
    protocol = Protocol(np.zeros(1000), Timing(1000, 0.05, 10.0, 40.0), -70.0)
    features = model.simulate_features(jax.random.key(0), theta, protocol)
    row = as_row(features)
    np.testing.assert_array_equal(row[:5], [0, -70, 0, -70, 0])
    assert np.isnan(row[5:]).all()


# Driven by a recording


def made_recording(**changed):
    time = np.arange(2000) * 0.05
    current = np.where((time >= 20) & (time < 80), 2e-4, 0.0)
    recording = Recording(
        time, np.linspace(-60, -50, 2000), current, 0.05, 20.0, 80.0, area=1e-4, label="made"
    )
    return dataclasses.replace(recording, **changed)


def test_a_recording_gives_stimulus_step_start_and_observation():
    driven = drive(made_recording(junction_potential=-14.0))
    assert driven.axes.time[1] == pytest.approx(0.05)
    assert driven.axes.stimulus.max() == pytest.approx(2.0)  # 2e-4 uA over 1e-4 cm2
    trace = driven.simulate(jax.random.key(0), named(hodgkin_huxley.true_theta))
    assert trace.shape == (2000,)
    assert float(trace[0]) == pytest.approx(-74.0)
    observed = driven.default_observation()
    assert observed.label == "made"
    assert observed.told == (
        "The voltage includes the junction potential, −14 mV, and the current is divided by the membrane "
        "area, 0.0001 cm²."
    )
    plain = drive(made_recording()).default_observation()
    assert plain.told.startswith("The voltage is not corrected for a junction potential, and the current")
    assert observed.theta is None
    np.testing.assert_allclose(observed.recording, np.linspace(-74, -64, 2000), rtol=1e-6)
    assert observed.x[FEATURES.index("rest_mean")] == pytest.approx(-74 + 10 * 199.5 / 1999, rel=1e-5)


def test_a_recording_that_does_not_begin_at_zero_is_the_same():
    later = dataclasses.replace(
        made_recording(), time=np.arange(2000) * 0.05 + 500, stimulus_on=520.0, stimulus_off=580.0
    )
    np.testing.assert_array_equal(
        drive(later).default_observation().x, drive(made_recording()).default_observation().x
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"area": None}, "no cell area .* give the membrane time constant and input resistance"),
        (
            {"time": np.arange(2000) * 0.2, "dt": 0.2, "stimulus_on": 80.0, "stimulus_off": 320.0},
            "one sample per 0.2 ms, .* at most 0.1 ms",
        ),
        ({"stimulus_on": 0.1}, "at least 10 samples before the stimulus"),
    ],
)
def test_a_recording_that_cannot_drive_says_why(changed, message):
    with pytest.raises(ValueError, match=message):
        drive(made_recording(**changed))


def test_real_recordings_have_the_published_features(shared):
    """To 1e-6: the voltage is the same float32 as there."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "allen_features.npz")
    for cell, sweep, expected in zip(
        reference["cell_id"], reference["sweep"], reference["features_float64"], strict=True
    ):
        recording = read_recording(shared / "data" / "allen" / f"cell_{cell}_sweep_{sweep}.nc")
        np.testing.assert_allclose(drive(recording).default_observation().x, expected, rtol=1e-6)


@pytest.mark.long
def test_response_to_a_real_current_is_the_published_one(shared):
    """Float64 to a nanovolt, float32 to 0.01 mV; there are no spikes whose flanks would magnify rounding."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "hh_on_allen_current_518290966.npz")
    driven = drive(read_recording(shared / "data" / "allen" / "cell_518290966_sweep_57.nc"))

    @jax.jit
    def both(theta):
        key = jax.random.key(0)
        return driven.simulate(key, theta), driven.simulate_features(key, theta)

    for is_double, atol, relative in ((True, 1e-6, 1e-6), (False, 0.01, RELATIVE)):
        with jax.enable_x64(is_double):
            voltage, features = both(named(reference["theta"], np.float64 if is_double else np.float32))
        assert voltage.shape == (72_500,)
        np.testing.assert_allclose(voltage[::10], reference["V_every10_mV"], atol=atol, rtol=0)
        difference = np.abs(as_row(features) - reference["features"])
        assert (difference <= ABSOLUTE + relative * np.abs(reference["features"])).all()


def test_a_driven_simulator_travels_to_another_process():
    driven = drive(made_recording())
    copy = cloudpickle.loads(cloudpickle.dumps(driven))
    assert copy.feature_names == driven.feature_names
    np.testing.assert_array_equal(copy.observed.x, driven.observed.x)
    np.testing.assert_array_equal(copy.axes.stimulus, driven.axes.stimulus)
