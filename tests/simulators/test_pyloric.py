"""The pyloric network against runs of the published compiled code, and against itself in single precision.

``data/pyloric.json`` holds features and a few voltages of those runs. The full arrays lie in ``shared/``
beside the repository; tests of whole traces are skipped where that folder is missing.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import simulate_batch
from simulators.counter_noise import key_words
from simulators.features import pyloric as features
from simulators.features.pyloric import features_from_spikes, features_from_voltage
from simulators.models import pyloric as model
from simulators.models.pyloric import PRIOR, conductances, make_pyloric, pyloric
from simulators.models.stg_kinetics import AREA, at_start, step

REFERENCE = json.loads((Path(__file__).parent / "data" / "pyloric.json").read_text())
THETA = np.array(REFERENCE["theta"])
NOISE_FREE = np.array(REFERENCE["features_noise_free"], float)
NOISY = np.array(REFERENCE["features_noisy"], float)  # (set, seed, feature)
NUM = len(THETA)
NAMES = REFERENCE["names"]
RHYTHMIC = [i for i, name in enumerate(NAMES) if "unit_test" in name]  # robust: valid for every noise
# What the rounding of single precision changes where there is no noise: a set whose bursts end by spikes on
# the edge of the threshold, one that is chaotic, also for the published formulas in another order, and one
# whose LP falls into the other rhythm that it has under the published noise, too.
SENSITIVE = [NAMES.index(name) for name in ("database_like_valid_0", "prior_draw_1", "prior_draw_3")]


def no_noise(theta):
    quiet = jnp.zeros((40, 3, *[1] * (theta.ndim - 1)), theta.dtype)
    return lambda index: quiet


def given_noise(current):
    """The published noise, uA, shape (3, T): column i enters step i."""
    steps = jnp.asarray(np.pad(current.T[1:] / model.NOISE, ((0, 80), (0, 0))))
    return lambda index: jax.lax.dynamic_slice_in_dim(steps, index * 40, 40)[..., None]


def both_undefined_or_close(x, expected, rtol):
    return (np.isnan(x) == np.isnan(expected)) & ~(np.abs(x - expected) > rtol * np.abs(expected))


# The model as published


def test_prior_is_the_published_table():
    assert PRIOR.dim == 31
    assert PRIOR.names[:8] == tuple(f"ABPD_{c}" for c in ("Na", "CaT", "CaS", "A", "KCa", "Kd", "H", "leak"))
    assert PRIOR.names[24:] == ("AB-LP", "PD-LP", "AB-PY", "PD-PY", "LP-PD", "LP-PY", "PY-LP")
    low, high = np.asarray(PRIOR.low, float), np.asarray(PRIOR.high, float)
    np.testing.assert_allclose(low[8:16], [0, 0, 2, 10, 0, 0, 0, 0.01], rtol=1e-6)
    np.testing.assert_allclose(high[:8], [500, 7.5, 8, 60, 15, 150, 0.02, 0.01], rtol=1e-6)
    np.testing.assert_allclose(high[16:24], [600, 12.5, 4, 60, 5, 150, 0.06, 0.04], rtol=1e-6)
    np.testing.assert_allclose(np.exp(low[24:]), 1e-8, rtol=1e-5)
    np.testing.assert_allclose(np.exp(high[24:]), [1e-2] + [1e-3] * 6, rtol=1e-5)
    assert all(label.startswith("$") for label in PRIOR.labels.values())
    assert {PRIOR.units[name] for name in PRIOR.names} == {"mS/cm2", "ln mS"}


def test_observation_is_the_published_one(shared):
    lines = (shared / "data" / "stg" / "observed_features.csv").read_text().splitlines()[1:]
    names, values = zip(*[(line.split(",")[1], float(line.split(",")[3])) for line in lines], strict=True)
    assert pyloric.feature_names == names
    observed = pyloric.default_observation()
    np.testing.assert_allclose(observed.x, values, rtol=1e-6)
    assert observed.theta is None
    assert bool(pyloric.is_valid(jnp.asarray(observed.x)))


def test_features_are_those_of_the_first_axis_order():
    """Features 9 to 15 are ratios of the others, in the published order."""
    x = NOISE_FREE[RHYTHMIC[1]]
    np.testing.assert_allclose(x[8:15], np.r_[x[1:4], x[4:6], x[6:8]] / x[0], rtol=1e-9)
    assert features.TRIPHASIC == 4


# Against the published code


@pytest.mark.long
def test_float64_follows_the_published_voltage():
    """To 2e-5 mV, which is how float32 stored it, over the first 200 ms of thirteen networks."""
    with jax.enable_x64(True):
        theta = jnp.asarray(THETA.T)
        found = jax.jit(lambda t: model.voltage_of(t, no_noise(t), 200, 40))(theta)
    expected = np.moveaxis(np.array(REFERENCE["voltage_noise_free"]), 0, -1)
    np.testing.assert_allclose(np.asarray(found)[:, 20::20], expected, atol=2e-5, rtol=0)


@pytest.mark.long
def test_float32_follows_the_published_features():
    """Within half a percent and with the same ones undefined; the sensitive sets: as valid or not."""
    theta = jnp.asarray(THETA.T, jnp.float32)
    x = np.asarray(jax.jit(lambda t: model.features_of(t, no_noise(t)))(theta)).T
    is_close = both_undefined_or_close(x, NOISE_FREE, 0.005).all(1)
    assert set(np.flatnonzero(~is_close)) <= set(SENSITIVE)
    assert (np.isnan(x[:, 4]) == np.isnan(NOISE_FREE[:, 4])).all()


@pytest.mark.slow
def test_float64_has_the_published_features():
    """To 1e-9 where the published network is not chaotic, and for it the same features undefined."""
    with jax.enable_x64(True):
        theta = jnp.asarray(THETA.T)
        x = np.asarray(jax.jit(lambda t: model.features_of(t, no_noise(t)))(theta)).T
    chaotic = NAMES.index("prior_draw_1")
    assert (np.isnan(x) == np.isnan(NOISE_FREE)).all()
    is_close = both_undefined_or_close(x, NOISE_FREE, 1e-9).all(1)
    assert set(np.flatnonzero(~is_close)) <= {chaotic}
    np.testing.assert_allclose(x[chaotic], NOISE_FREE[chaotic], rtol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1])
def test_float64_has_the_published_features_under_the_published_noise(which):
    """The robust sets to 0.1 %; every set as valid or not as there (noise makes the others chaotic)."""
    seed = REFERENCE["noise_seeds"][which]
    with jax.enable_x64(True):
        current = np.random.RandomState(seed).normal(scale=0.001, size=(3, 440_000))  # noqa: NPY002
        simulate = jax.jit(lambda t: model.features_of(t, given_noise(current)))
        x, expected = np.asarray(simulate(jnp.asarray(THETA.T))).T, NOISY[:, which]
    assert (np.isnan(x[:, 4]) == np.isnan(expected[:, 4])).all()
    assert both_undefined_or_close(x[RHYTHMIC], expected[RHYTHMIC], 1e-3).all()


@pytest.mark.long
def test_float64_agrees_with_the_full_reference_arrays(shared):
    """500 ms with spikes: voltage to 1e-7 mV with and without noise, calcium, gates and synapses to 1e-9."""
    reference = np.load(shared / "reference" / "vectors_snpe" / "stg.npz")

    def states(theta, noise):
        def body(network, current):
            return step(network, conductances(theta), current), network

        currents = jax.vmap(noise)(jnp.arange(500, dtype=jnp.int32)).reshape(20_000, 3) * model.NOISE
        return jax.lax.scan(body, at_start((), theta.dtype), currents)[1]

    with jax.enable_x64(True):
        row = reference["full_theta"].copy()
        row[:24] /= AREA
        theta = jnp.asarray(row)
        quiet = jax.jit(lambda t: states(t, no_noise(t)))(theta)
        current = np.random.RandomState(1234).normal(scale=0.001, size=(3, 20_000))  # noqa: NPY002
        noisy = jax.jit(lambda t: states(t, given_noise(current)))(theta)
    np.testing.assert_allclose(quiet.voltage.T, reference["full_V"], atol=1e-7, rtol=0)
    np.testing.assert_allclose(quiet.calcium.T, reference["full_Ca"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(noisy.voltage.T, reference["full_V_noise_seed1234"], atol=1e-7, rtol=0)
    for name, gate in quiet.gates._asdict().items():
        expected = reference[f"full_{name.replace('_', '')}"]
        np.testing.assert_allclose(gate[::20].T, expected, atol=1e-9, err_msg=name)
    s = quiet.synapses
    seven = np.stack([s.ab, s.pd, s.ab, s.pd, s.lp, s.lp, s.py])[:, ::20]
    np.testing.assert_allclose(seven, reference["full_s"], atol=1e-9)


def test_published_spike_trains_have_the_published_features(shared):
    """All but the plateaus, which spikes do not show; bursts from the same code."""
    for name in ("stg", "stg_valid_under_noise"):
        reference = np.load(shared / "reference" / "vectors_snpe" / f"{name}.npz")
        for i, expected in enumerate(reference["features_noise0"][:, :15]):
            rows = [reference[f"spike_times_{n}_noise0"][i] for n in ("PM", "LP", "PY")]
            x = features_from_spikes([row[np.isfinite(row)] for row in rows])
            np.testing.assert_allclose(x[:15], expected, rtol=1e-9)


# Noise


def test_noise_is_white_and_of_unit_variance(key):
    """1.2 million numbers: mean, variance, kurtosis, and correlations over steps, neurons and simulations.

    Each within 5 standard errors; nine comparisons: false-alarm rate 5e-6.
    """
    words = jax.vmap(key_words)(jax.random.split(key, 2)).T
    noise = jax.jit(jax.vmap(model.counter_noise(words, jnp.float32)))(jnp.arange(5000, dtype=jnp.int32))
    z = np.asarray(noise, float).reshape(200_000, 3, 2)
    error = 1 / np.sqrt(z.size)
    assert abs(z.mean()) < 5 * error
    assert abs((z**2).mean() - 1) < 5 * np.sqrt(2) * error
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96) * error
    pairs = [
        (z[:-1], z[1:]),
        (z[:-40], z[40:]),
        (z[:, 0], z[:, 1]),
        (z[:, 1], z[:, 2]),
        (z[..., 0], z[..., 1]),
    ]
    pairs += [(z[:-1, 0], z[1:, 1])]
    for a, b in pairs:
        assert abs((a * b).mean()) < 5 / np.sqrt(a.size)


@pytest.mark.long
def test_noise_of_a_simulation_is_its_own():
    words = jax.vmap(key_words)(jax.random.split(jax.random.key(0), 3)).T
    together = model.counter_noise(words, jnp.float32)(jnp.int32(7))
    for i in range(3):
        np.testing.assert_array_equal(
            together[..., i], model.counter_noise(words[:, i], jnp.float32)(jnp.int32(7))
        )


# One simulation, batches, precision


def short_features(theta, noise):
    """Of one second after the first, where the whole would take long."""
    return model.features_of(theta, noise, 1000)


@pytest.mark.long
def test_fused_features_are_those_of_the_stored_trace():
    """The same to rounding, in a second of a rhythmic network and of prior draws; some are undefined."""
    theta = jnp.concatenate([pyloric.true_theta[:, None], PRIOR.sample(jax.random.key(1), 7).T], 1)
    words = jax.vmap(key_words)(jax.random.split(jax.random.key(2), 8)).T

    @jax.jit
    def both(theta):
        noise = model.counter_noise(words, jnp.float32)
        return short_features(theta, noise), model.voltage_of(theta, noise, 2000)

    fused, voltage = both(theta)
    assert np.isnan(fused).any()
    assert np.isfinite(fused[:, 0]).any()
    for i in range(8):
        stored = features_from_voltage(np.asarray(voltage[:, 40_000:, i]), 0.025)
        np.testing.assert_allclose(fused[:, i], stored, rtol=1e-4)


@pytest.mark.slow
def test_fused_features_are_those_of_the_stored_trace_in_full_length():
    """Two prior draws and a rhythmic network over the whole 11 s: two programs, rounded alike to the end."""
    theta = jnp.concatenate([pyloric.true_theta[None], PRIOR.sample(jax.random.key(3), 2)])
    keys = jax.random.split(jax.random.key(4), 3)

    @jax.jit
    @jax.vmap
    def both(key, row):
        named = PRIOR.as_dict(row)
        return pyloric.simulate_features(key, named), pyloric.features(pyloric.simulate(key, named))

    fused, stored = both(keys, theta)
    for name, value in stored.items():
        np.testing.assert_allclose(fused[name], value, rtol=1e-4, err_msg=name)


@pytest.mark.long
def test_memory_is_far_below_that_of_the_traces():
    """Twelve kilobytes for each of 64 simulations whose voltage would take five megabytes."""
    words = jnp.zeros((2, 64), jnp.uint32)

    def simulate(t):
        return model.features_of(t, model.counter_noise(words, jnp.float32))

    compiled = jax.jit(simulate).lower(jax.ShapeDtypeStruct((31, 64), jnp.float32)).compile()
    assert compiled.memory_analysis().temp_size_in_bytes / 64 < 20_000


@pytest.mark.long
def test_a_simulation_that_is_not_finite_is_told_from_one_without_a_rhythm():
    theta = np.tile(pyloric.true_theta[:, None], (1, 2))
    theta[PRIOR.names.index("LP_Na"), 0] = np.inf
    theta[[PRIOR.names.index(f"{n}_Na") for n in ("ABPD", "LP", "PY")], 1] = 0
    t = jnp.asarray(theta)
    x = np.asarray(jax.jit(lambda t: short_features(t, no_noise(t)))(t)).T
    assert np.isinf(x[0]).all()
    assert np.isnan(x[1]).any()
    assert not np.isinf(x[1]).any()
    assert not np.asarray(jax.vmap(pyloric.is_valid)(x)).any()


@pytest.mark.long
def test_a_step_follows_where_a_neuron_has_no_conductance():
    """Without a leak no channel is open at the first step: V moves by the noise alone."""
    theta = jnp.zeros(31).at[24:].set(-jnp.inf)
    network = step(at_start((), jnp.float32), conductances(theta), jnp.full(3, 1e-3))
    np.testing.assert_allclose(network.voltage, -50 + 1e-3 * 0.025 / 0.6283e-3, rtol=1e-6)


@pytest.mark.long
def test_vmap_puts_simulations_last_and_gives_what_each_gives_alone():
    """To the bit of the noise, and to rounding of the first half second."""
    theta = PRIOR.sample(jax.random.key(4), 3)
    keys = jax.random.split(jax.random.key(5), 3)
    picture = make_pyloric().picture
    together = jax.jit(jax.vmap(lambda k, t: picture(k, PRIOR.as_dict(t))))(keys, theta)
    assert together.shape == (3, 3, len(pyloric.axes.time))
    alone = jax.jit(picture)(keys[1], PRIOR.as_dict(theta[1]))
    np.testing.assert_allclose(together[1][:, :200], alone[:, :200], atol=0.5)


@pytest.mark.long
def test_double_precision_sees_the_same_noise():
    """Excerpts agree for 100 ms, to the rounding of float32."""
    theta, key = PRIOR.as_dict(jnp.asarray(pyloric.true_theta)), jax.random.key(0)
    single, double = (jax.jit(make_pyloric(precision=p).picture)(key, theta) for p in ("single", "double"))
    assert single.dtype == double.dtype == jnp.float32
    assert 0 < np.abs(single - double)[:, :20].max() < 0.5


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="'single' or 'double'; got 'half'"):
        make_pyloric(precision="half")


# Statistics


@pytest.mark.slow
def test_single_precision_is_statistically_that_of_double():
    """Five rhythmic sets, 128 repeats of each with noise of their own.

    Of each set: share valid (Fisher's exact test, p > 1e-6); of 15 features the means within 5 standard
    errors and the log sds within 6: 150 comparisons, false-alarm rate below 1e-4.
    """
    repeats = 128
    theta = np.repeat(THETA[RHYTHMIC], repeats, axis=0).astype(np.float32)
    runs = [
        simulate_batch(make_pyloric(precision=p), jax.random.key(seed), theta=theta)
        for p, seed in (("single", 1), ("double", 2))
    ]
    for i in range(len(RHYTHMIC)):
        rows = slice(i * repeats, (i + 1) * repeats)
        valid = [run.is_valid[rows] for run in runs]
        table = [[v.sum(), repeats - v.sum()] for v in valid]
        assert stats.fisher_exact(table).pvalue > 1e-6
        a, b = (run.x[rows][v][:, :15].astype(float) for run, v in zip(runs, valid, strict=True))
        assert min(len(a), len(b)) > repeats / 2
        error = np.sqrt(a.var(0, ddof=1) / len(a) + b.var(0, ddof=1) / len(b))
        assert (np.abs(a.mean(0) - b.mean(0)) < 5 * error).all(), NAMES[RHYTHMIC[i]]
        log_sd_error = np.sqrt(
            sum((np.maximum(stats.kurtosis(x, fisher=False), 3) - 1) / (4 * len(x)) for x in (a, b))
        )
        assert (np.abs(np.log(a.std(0) / b.std(0))) < 6 * log_sd_error).all(), NAMES[RHYTHMIC[i]]


@pytest.mark.slow
def test_the_published_share_of_prior_draws_is_valid():
    """0.94 % of 18.5 million: a binomial test of 4096, p > 1e-4, which is its false-alarm rate.

    The observation lies among the valid ones: each feature within their range, widened by half.
    """
    found = simulate_batch(pyloric, jax.random.key(11), num=4096)
    valid = found.x[found.is_valid]
    assert np.isfinite(valid).all()
    spread, x = np.ptp(valid, axis=0), pyloric.default_observation().x
    assert ((x > valid.min(0) - spread / 2) & (x < valid.max(0) + spread / 2))[:15].all()
    assert not np.isinf(found.x).any()
    assert stats.binomtest(int(found.is_valid.sum()), 4096, 0.0094).pvalue > 1e-4
