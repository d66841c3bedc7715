"""The potassium channel against runs of the original, its protocols, its noise and its features.

The reference arrays and the recorded commands lie in ``shared/`` beside the repository; where that is
missing, the kinetics are still tested against the formulas.
"""

import dataclasses
from functools import partial

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import simulate_batch
from simulators.models import ion_channel as model
from simulators.models import ion_channel_basis as basis
from simulators.models import voltage_clamp
from simulators.models.ion_channel import PRIOR, Experiment, ion_channel, make_ion_channel
from simulators.models.omnimodel import BIN, VoltageClamp, currents, projections
from simulators.models.voltage_clamp import Protocol

KEYS = {
    "activation": "v_act",
    "inactivation": "v_inact",
    "deactivation": "v_deact",
    "action_potential": "v_ap",
    "ramp": "v_ramp",
}
THETA = np.array(model.TRUE_THETA)
NO_KEY = np.zeros((1, 2), np.uint32)


def run(protocols, rows, dtype=np.float32, words=None, noise_sd=0.0):
    """Currents by protocol, each (rows, sweeps, samples)."""
    clamp = VoltageClamp(tuple(protocols), noise_sd)
    rows = np.atleast_2d(rows)
    words = np.repeat(NO_KEY, len(rows), axis=0) if words is None else words
    with jax.enable_x64(dtype == np.float64):
        flat = np.asarray(jax.jit(partial(currents, clamp=clamp))(words, rows.astype(dtype)))
    ends = np.cumsum([sweeps * samples for sweeps, samples in clamp.shapes])[:-1]
    parts = np.split(flat, ends, axis=1)
    return [part.reshape(len(rows), *shape) for part, shape in zip(parts, clamp.shapes, strict=True)]


def whole_bins(command):
    """The command held for the rest of its last bin, so that none of its samples is cut off."""
    return np.pad(command, ((0, 0), (0, -command.shape[1] % BIN)), mode="edge")


@np.errstate(over="ignore", divide="ignore")  # in tau, where the gate then follows at once
def plain_currents(protocol, theta, noise=0.0):
    """The specification in NumPy: (..., samples) for noise of that shape that broadcasts with the command."""
    command = protocol.command.astype(float) + noise
    u = command - theta[2]
    steady = 1 / (1 + np.exp(-theta[0] * command + theta[1]))
    tau = theta[3] / (np.exp(-(theta[4] * u + theta[5] * u**2)) + np.exp(theta[6] * u + theta[7] * u**2))
    decay = np.exp(np.maximum(-protocol.dt * 2.3**1.4 / tau, -500))
    gate = np.empty_like(command)
    gate[..., 0] = steady[..., 0]
    for i in range(1, command.shape[-1]):
        gate[..., i] = steady[..., i - 1] + (gate[..., i - 1] - steady[..., i - 1]) * decay[..., i - 1]
    return gate * (command + 86.7)


@pytest.fixture(scope="module")
def reference(shared):
    return np.load(shared / "reference" / "vectors_snpe" / "omnimodel.npz")


@pytest.fixture(scope="module")
def published(shared):
    """Commands of the original, by protocol."""
    found = np.load(shared / "data" / "ion_channels" / "voltage_clamp_protocols.npz")
    return {name: (found[f"time_ms_{key}"], found[f"command_mV_{key}"]) for name, key in KEYS.items()}


# The model as published


def test_prior_is_the_published_table():
    assert PRIOR.names == tuple(f"theta{i}" for i in range(1, 9))
    np.testing.assert_allclose(PRIOR.low, [0, -10, -120, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(PRIOR.high, [1, 10, 120, 2000, 0.5, 0.05, 0.5, 0.05])


def test_features_are_eleven_per_protocol_in_the_published_order():
    assert [name for name, _ in ion_channel.feature_shapes] == list(KEYS)
    assert {shape for _, shape in ion_channel.feature_shapes} == {(11,)}
    assert ion_channel.num_features == 55
    assert ion_channel.feature_labels["action_potential[10]"] == "action potential, mean"


def test_protocols_are_the_recorded_commands(published):
    """At the recorded times, but for one sample: there a jump may come 0.025 ms earlier."""
    ours = {p.name: p for p in model._clamp(Experiment()).protocols}
    for name in ("activation", "inactivation", "deactivation", "ramp"):
        time, command = published[name]
        assert ours[name].command.shape[0] == command.shape[0]
        assert ours[name].time[-1] == pytest.approx(time[-1], abs=0.06)
        place = np.minimum(np.round(time / 0.025).astype(int), ours[name].command.shape[1] - 1)
        later = np.minimum(place + 1, ours[name].command.shape[1] - 1)
        apart = np.minimum(*(np.abs(ours[name].command[:, at] - command) for at in (place, later)))
        assert apart.max() < 0.08  # 3 mV/ms for a sample


def test_action_potentials_have_the_described_statistics():
    """27 spikes of 30 to 34 mV from 127 to 1580 ms, 36 to 63 ms apart, 2.7 ms wide, on -42 mV."""
    train = basis.stored_action_potential()
    voltage, time = train.command[0], train.time
    above = voltage > -20
    starts, ends = (
        np.flatnonzero(np.diff(above.astype(int)) == 1),
        np.flatnonzero(np.diff(above.astype(int)) == -1),
    )
    tops = np.array([start + voltage[start:end].argmax() for start, end in zip(starts, ends, strict=True)])
    assert len(tops) == 27
    assert voltage[tops].min() >= 30
    assert voltage[tops].max() <= 34
    np.testing.assert_allclose(time[tops[[0, -1]]], [127.2, 1579.7], atol=3)
    assert np.diff(time[tops]).min() >= 35
    assert np.diff(time[tops]).max() <= 63
    assert (time[ends] - time[starts]).mean() == pytest.approx(2.7, abs=0.1)
    between = voltage[(time > 150) & (time < 1580) & (voltage < -30)]
    assert between.mean() == pytest.approx(-42, abs=1)
    assert voltage[time < 100].mean() == pytest.approx(-66, abs=0.5)
    assert voltage[-1] == pytest.approx(-68, abs=0.6)


# Against the original and against the formulas


@pytest.mark.long
def test_float64_is_the_original(reference, published):
    """To the rounding of the stored float32, at every stored sample of every protocol."""
    protocols = [
        Protocol(name, whole_bins(published[name][1]), float(reference[f"dt_used_ms_{key}"]))
        for name, key in KEYS.items()
    ]
    found = run(protocols, reference["theta"], np.float64)
    single = run(protocols, reference["theta"])
    for part, coarse, key in zip(found, single, KEYS.values(), strict=True):
        for case in range(2):
            expected = reference[f"I_noise0_{key}_{case}"]
            np.testing.assert_allclose(part[case, :, ::20][:, : expected.shape[1]], expected, atol=7e-8)
            # Single precision: of slow gates a step adds less than a rounding error would show.
            np.testing.assert_allclose(coarse[case, :, ::20][:, : expected.shape[1]], expected, atol=2e-4)


@pytest.mark.long
@pytest.mark.parametrize("case", [0, 1])
def test_float64_with_the_original_noise_is_the_original(reference, published, case):
    random = np.random.RandomState(int(reference["noise_seeds"][case]))  # noqa: NPY002
    protocols = []
    for name, key in KEYS.items():
        command = published[name][1]
        noisy = command + 0.5 * random.randn(*command.shape)
        protocols.append(Protocol(name, whole_bins(noisy), float(reference[f"dt_used_ms_{key}"])))
    found = run(protocols, reference["theta"][case], np.float64)
    for part, key in zip(found, KEYS.values(), strict=True):
        expected = reference[f"I_noise_{key}_{case}"]
        np.testing.assert_allclose(part[0, :, ::20][:, : expected.shape[1]], expected, atol=1e-7)


@pytest.mark.long
def test_currents_follow_the_formulas_for_prior_draws(key):
    """Also with extreme exponents, and in the order of the protocols, whichever is the longest."""
    rows = np.asarray(PRIOR.sample(key, 6), np.float64)
    short = [
        dataclasses.replace(p, command=p.command[:, : 200 * (index + 20)])
        for index, p in enumerate(model._clamp(Experiment()).protocols)
    ]
    short = [short[3], *short[:3], short[4]]  # the longest is not last
    found = run(short, rows, np.float64)
    for protocol, part in zip(short, found, strict=True):
        for row, current in zip(rows, part, strict=True):
            expected = plain_currents(protocol, row)
            np.testing.assert_allclose(current, expected / expected.max(), atol=1e-9)


# Noise


@pytest.mark.long
def test_noise_acts_on_every_sample_of_gate_and_driving_force(key):
    """Repeats at a few samples, and NumPy's: mean and sd within 5 standard errors: false alarms < 3e-5."""
    num, places = 400, [0, 150, 390, 420, 599]
    protocol = Protocol("step", np.repeat([-80.0, 20.0, -60.0], 200)[None].astype(np.float32))
    words = np.asarray(jax.vmap(jax.random.key_data)(jax.random.split(key, num)))
    found = run([protocol], np.tile(THETA, (num, 1)), words=words, noise_sd=0.5)[0][:, 0, places]
    noise = 0.5 * np.random.default_rng(0).standard_normal((4 * num, 600))
    theirs = plain_currents(protocol, THETA, noise)
    theirs = (theirs / theirs.max(axis=1, keepdims=True))[:, places]
    error = np.sqrt(found.var(0) / num + theirs.var(0) / len(theirs))
    assert (np.abs(found.mean(0) - theirs.mean(0)) < 5 * error).all()
    kurtosis = stats.kurtosis(theirs, axis=0, fisher=False)
    log_sd_error = np.sqrt((kurtosis - 1) / 4 * (1 / num + 1 / len(theirs)))
    assert (np.abs(np.log(found.std(0) / theirs.std(0))) < 5 * log_sd_error).all()


# Features


@pytest.mark.long
def test_features_are_least_squares_coefficients(key):
    """Of the flattened current, on components of unit norm over all samples and on 1, by NumPy."""
    recording = np.asarray(jax.jit(ion_channel.simulate)(key, PRIOR.as_dict(THETA)))
    found = ion_channel.features(jnp.asarray(recording))
    for name, current in model.split(recording, Experiment()).items():
        courses = np.repeat(basis.stored()[name].astype(float), BIN, axis=1).reshape(current.size, -1)
        design = np.column_stack([courses / np.linalg.norm(courses, axis=0), np.ones(current.size)])
        gram = design.T @ design
        expected = np.linalg.solve(gram, design.T @ current.ravel().astype(float))
        np.testing.assert_allclose(found[name], expected, rtol=1e-3, atol=2e-3)
        assert current.max() == pytest.approx(1.0, abs=1e-6)  # a division, rounded


def test_components_are_orthogonal_time_courses_with_zero_mean():
    """To the rounding of half precision, in which they are stored."""
    for name in KEYS:
        courses = basis.stored()[name].astype(float)
        flat = courses.reshape(-1, basis.NUM_COMPONENTS)
        np.testing.assert_allclose(flat.T @ flat / len(flat), np.eye(basis.NUM_COMPONENTS), atol=2e-3)
        np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-3)


def test_stored_components_are_those_of_the_made_up_channels():
    """Of the action potentials, made again: the spanned space, to half precision."""
    rows = basis.channels(PRIOR.low, PRIOR.high)
    made = basis.components(basis.stored_action_potential(), rows).reshape(-1, basis.NUM_COMPONENTS)
    kept = basis.stored()["action_potential"].astype(float).reshape(made.shape)
    np.testing.assert_allclose(kept.T @ made / len(made), np.eye(basis.NUM_COMPONENTS), atol=2e-3)


def test_components_explain_the_channels_that_they_were_not_made_from(shared):
    """Channels of the ICG database inside the prior: 99.8 % of the variance of their responses, or more."""
    table = np.genfromtxt(shared / "data" / "ion_channels" / "icg_k_fits_dev.csv", delimiter=",", names=True)
    rows = np.column_stack([table[name] for name in (f"theta{i}" for i in (1, 2))])
    rows = np.column_stack([rows, table["theta3_mV"], *(table[f"theta{i}"] for i in range(4, 9))])
    rows = rows[((rows >= PRIOR.low) & (rows <= PRIOR.high)).all(axis=1)]
    assert len(rows) > 10
    for protocol in (voltage_clamp.activation(), basis.stored_action_potential()):
        series = basis.standardised(basis.responses(protocol, rows))
        courses = basis.stored()[protocol.name].astype(float).reshape(-1, basis.NUM_COMPONENTS)
        span, _ = np.linalg.qr(courses)
        assert np.sum((series @ span) ** 2) / np.sum(series**2) > 0.998


@pytest.mark.slow
def test_single_precision_is_faithful():
    """Features of 64 prior draws with the same noise: apart by 0.2 % of their spread over the prior."""
    single = simulate_batch(ion_channel, jax.random.key(2), num=64, chunk_size=64)
    double = simulate_batch(
        make_ion_channel(precision="double"), jax.random.key(2), theta=single.theta, chunk_size=64
    )
    assert (np.abs(single.x - double.x) < 2e-3 * single.x.std(axis=0)).all()


@pytest.mark.long
def test_features_of_a_batch_do_not_store_currents():
    """The working memory of 256 simulations is a hundredth of their currents: 100 000 need less than 2 GB."""
    experiment = Experiment()
    run = jax.jit(partial(projections, clamp=model._clamp(experiment), weights=model._weights(experiment)))
    shapes = jax.ShapeDtypeStruct((256, 2), np.uint32), jax.ShapeDtypeStruct((256, 8), np.float32)
    needed = run.lower(*shapes).compile().memory_analysis().temp_size_in_bytes
    assert needed < 256 * 1_896_000 * 4 / 100


# What goes in and out


def test_the_picture_is_the_activation_family_of_the_recording(key):
    theta = PRIOR.as_dict(jnp.asarray(THETA, jnp.float32))
    picture = np.asarray(jax.jit(ion_channel.picture)(key, theta))
    family = model.split(jax.jit(ion_channel.simulate)(key, theta), Experiment())["activation"]
    np.testing.assert_allclose(picture, family[:, :: model.PICTURE_STEP], atol=1e-6)
    assert picture.shape == (len(ion_channel.axes.rows), len(ion_channel.axes.time))


def test_a_command_is_taken_from_an_array_or_a_file(tmp_path):
    """Here the first half of the built-in one; its components are its own."""
    command = basis.stored_action_potential().command[0, :36_005]
    np.save(tmp_path / "command.npy", command)
    np.savetxt(tmp_path / "command.txt", command)
    np.savez(tmp_path / "command.npz", command_mV_v_ap=command[None], other=np.zeros(3))
    for name in ("command.npy", "command.txt", "command.npz"):
        np.testing.assert_allclose(voltage_clamp.read_command(tmp_path / name).ravel(), command, rtol=1e-6)
    simulator = make_ion_channel(action_potential=command)
    parts = model.split(np.zeros(10_000_000), simulator.simulate.keywords["experiment"])
    assert parts["action_potential"].shape == (1, 36_000)  # whole bins
    assert simulator.simulate_features.keywords["experiment"].train_weights.shape == (1, 1800, 11)


@pytest.mark.slow
def test_another_command_changes_only_its_own_features(key):
    """And travels to another process."""
    simulator = make_ion_channel(action_potential=basis.stored_action_potential().command[0, :36_005])
    x = cloudpickle.loads(cloudpickle.dumps(simulator))(key, jnp.asarray(THETA))
    theirs = ion_channel(key, jnp.asarray(THETA))
    is_other = np.array([name.startswith("action_potential") for name in ion_channel.feature_names])
    np.testing.assert_array_equal(x[~is_other], theirs[~is_other])
    assert np.isfinite(x).all()
    assert (x[is_other] != theirs[is_other]).all()


@pytest.mark.long
def test_the_model_travels_light():
    """To the workers of a cluster: arrays are made there."""
    ion_channel(jax.random.key(0), jnp.asarray(THETA))
    assert len(cloudpickle.dumps(ion_channel)) < 20_000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"action_potential": np.zeros((2, 100))}, "one row of finite voltages"),
        ({"action_potential": np.full(100, np.nan)}, "one row of finite voltages"),
        ({"action_potential": "nowhere.npy"}, "no command file"),
    ],
)
def test_what_cannot_be_run_says_why(given, message):
    with pytest.raises(ValueError, match=message):
        make_ion_channel(**given)


@pytest.mark.long
def test_gradients_through_a_batch_are_finite_differences():
    """By theta3, with the same noise."""
    clamp = VoltageClamp((Protocol("step", np.repeat([-80.0, 20.0, -60.0], 200)[None].astype(np.float32)),))
    weights = (np.ones((1, 30, 1), np.float32),)

    @jax.jit
    def total(shift):
        rows = jnp.asarray(THETA, jnp.float32)[None].at[0, 2].add(shift)
        return projections(jnp.asarray(NO_KEY), rows, clamp, weights).sum()

    slope = float(total(0.5) - total(-0.5))
    assert float(jax.jit(jax.grad(total))(0.0)) == pytest.approx(slope, rel=2e-2)
