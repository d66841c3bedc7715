"""The 18 features against the rules as they are told, on made-up rhythms with every kind of irregularity."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import savgol_filter

from simulators.features import pyloric as model
from simulators.features.pyloric import UNITS, features_from_spikes, features_from_voltage
from simulators.features.smoothing import savitzky_golay

DT = 0.025
NAMES = list(UNITS)


def literal_features(voltage):
    """Every rule one after the other, with lists, on the whole trace; 0.025 ms between samples."""
    smooth = savgol_filter(voltage, 21, 3, axis=1)
    trains, bursts, plateaus = [], [], []
    for v in smooth:
        peak = (v[1:-1] > -10) & (np.diff(v)[:-1] >= 0) & (np.diff(v)[1:] <= 0)
        trains.append(np.flatnonzero(peak))  # one sample early: index 0 here is sample 1
    for v, train in zip(smooth, trains, strict=True):
        ends = np.append(np.flatnonzero(np.diff(train) >= 6000), len(train) - 1) if len(train) else []
        starts = np.insert(np.asarray(ends[:-1]) + 1, 0, 0).astype(int) if len(train) else []
        kept = [(train[a], train[b]) for a, b in zip(starts, ends, strict=True) if train[b] - train[a] > 2000]
        bursts.append(kept)
        cuts = [a for a, _ in kept] + ([train[-1]] if kept else [])
        longest = [longest_run(v[a:b:10] > -30) * 10 for a, b in zip(cuts[:-1], cuts[1:], strict=True)]
        mean = np.mean(longest) if longest else np.nan
        plateaus.append((100 if mean < 200 else mean) * DT)
    return np.array([*timing([[(a * DT, b * DT) for a, b in kept] for kept in bursts]), *plateaus])


def longest_run(is_above):
    longest = run = 0
    for above in is_above:
        if above:
            run += 1
        else:
            longest, run = max(longest, run), 0
    return longest


def timing(bursts):
    lengths = [np.mean([b - a for a, b in kept]) if kept else np.nan for kept in bursts]
    starts = [a for a, _ in bursts[0]]
    period = np.mean(np.diff(starts)) if len(starts) > 1 else np.nan
    counted = []
    for begin, end in zip(starts[:-1], starts[1:], strict=True):
        inside = [[b for b in kept if begin <= b[0] < end] for kept in bursts]
        if all(len(found) == 1 for found in inside):
            counted.append([found[0] for found in inside])
    if len(starts) >= 2 and len(counted) / (len(starts) - 1) >= 0.9:
        c = np.array(counted)  # (period, neuron, start or end)
        gaps = [np.mean(c[:, 1, 0] - c[:, 0, 1]), np.mean(c[:, 2, 0] - c[:, 1, 1])]
        delays = [np.mean(c[:, 1, 0] - c[:, 0, 0]), np.mean(c[:, 2, 0] - c[:, 0, 0])]
    else:
        gaps = delays = [np.nan, np.nan]
    relative = [value / period for value in [*lengths, *gaps, *delays]]
    return [period, *lengths, *gaps, *delays, *relative]


def made_up(seed, duration=4000.0):
    """Bursts of spikes on plateaus, some missing, some doubled, some too short; noise; shape (3, T)."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(duration / DT)) * DT
    voltage = np.full((3, len(t)), -60.0)
    regular = seed % 3 > 0
    for neuron in range(3):
        height, begin = rng.choice([-50.0, -25.0]), 60.0 + 130 * neuron + rng.uniform(0, 40)
        while begin < duration:
            length = rng.uniform(60, 140) if regular or rng.random() < 0.7 else rng.uniform(0, 70)
            if regular or rng.random() < 0.8:
                voltage[neuron, (t >= begin) & (t < begin + length)] = height
                for spike in np.arange(begin, begin + length, rng.uniform(7, 25)):
                    voltage[neuron] += rng.uniform(60, 90) * np.exp(-(((t - spike) / 0.4) ** 2))
            begin += 480 + (rng.normal() * 10 if regular else rng.uniform(-250, 200))
    return voltage + rng.normal(scale=1.5, size=voltage.shape)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_features_of_a_voltage_follow_every_rule(seed):
    """To rounding, and the same ones undefined; a third of the rhythms is irregular."""
    voltage = made_up(seed)
    np.testing.assert_allclose(features_from_voltage(voltage, DT), literal_features(voltage), rtol=1e-9)


@pytest.mark.long
def test_made_up_rhythms_are_of_every_kind():
    """So that the test above has something to say."""
    rows = np.array([literal_features(made_up(seed)) for seed in range(12)])
    is_triphasic = np.isfinite(rows[:, model.TRIPHASIC])
    assert 3 <= is_triphasic.sum() <= 10
    plateaus = rows[:, -3:]
    assert (plateaus == 2.5).any()
    assert (plateaus > 20).any()


@pytest.mark.long
def test_a_plateau_of_a_dropped_burst_counts_for_the_burst_before():
    """LP: a burst, a plateau with a single spike (no burst), and a second burst."""
    t = np.arange(80_000) * DT
    voltage = np.full((3, len(t)), -60.0)
    for begin, spikes in ((100.0, range(0, 100, 10)), (600.0, [0]), (1400.0, range(0, 100, 10))):
        voltage[1, (t >= begin - 5) & (t < begin + 75)] = -25
        for spike in spikes:
            voltage[1] += 70 * np.exp(-(((t - begin - spike) / 0.4) ** 2))
    found = dict(zip(NAMES, features_from_voltage(voltage, DT), strict=True))
    assert found["burst_length_LP"] == pytest.approx(90, abs=0.1)
    assert found["plateau_length_LP"] == pytest.approx((80 + 75) / 2, abs=1)
    assert np.isnan(found["plateau_length_PY"])
    np.testing.assert_allclose(list(found.values()), literal_features(voltage), rtol=1e-9)


@pytest.mark.long
def test_another_sampling_is_interpolated():
    voltage = made_up(1)
    coarse = features_from_voltage(voltage[:, ::2], 2 * DT)
    np.testing.assert_allclose(coarse[:8], literal_features(voltage)[:8], rtol=0.02)


def test_smoothing_is_that_of_scipy():
    values = np.random.default_rng(0).normal(size=21)
    np.testing.assert_allclose(savitzky_golay(21, 3) @ values, savgol_filter(values, 21, 3), atol=1e-12)


# Spikes


def spike_trains(seed):
    rng = np.random.default_rng(seed)
    begins = (
        np.arange(100, 60_000, 1170.0)
        + rng.normal(scale=15, size=52)[:52][: len(np.arange(100, 60_000, 1170.0))]
    )
    return [
        np.concatenate([begin + delay + np.linspace(0, length, 9) for begin in begins])
        for delay, length in ((0, 206), (482, 214), (738, 413))
    ]


@pytest.mark.long
def test_features_of_spikes_are_those_of_the_bursts():
    trains = spike_trains(0)
    x = dict(zip(NAMES, features_from_spikes(trains), strict=True))
    assert x["burst_length_ABPD"] == pytest.approx(206)
    assert x["end_to_start_ABPD_LP"] == pytest.approx(482 - 206)
    assert x["start_to_start_ABPD_PY"] == pytest.approx(738)
    assert x["phase_PY"] == pytest.approx(738 / x["cycle_period"])
    assert [x[f"plateau_length_{name}"] for name in ("ABPD", "LP", "PY")] == [2.5] * 3
    expected = timing([[(b[0], b[-1]) for b in train.reshape(-1, 9)] for train in trains])
    np.testing.assert_allclose(list(x.values())[:15], expected, rtol=1e-9)


def test_what_spikes_leave_undefined_is_nan():
    trains = spike_trains(1)
    silent = features_from_spikes([trains[0], [], trains[2]])
    assert np.isfinite(silent[[0, 1, 3, 8, 10, 15, 17]]).all()
    assert np.isnan(silent[[2, 4, 5, 6, 7, 9, 11, 12, 13, 14, 16]]).all()
    assert np.isnan(features_from_spikes([[], [], []])).all()


def test_the_shortest_burst_can_be_chosen():
    trains = [np.concatenate([begin + np.array([0, 20, 45.0]) for begin in range(0, 5000, 500)])] * 3
    assert np.isnan(features_from_spikes(trains)[1])
    assert features_from_spikes(trains, shortest=40.0)[1] == pytest.approx(45)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: features_from_spikes([[1.0], [2.0]]), "three spike trains"),
        (lambda: features_from_spikes([[2.0, 1.0], [], []]), "in order of time"),
        (lambda: features_from_voltage(np.zeros((2, 50_000)), DT), r"three rows .* shape \(2, 50000\)"),
        (lambda: features_from_voltage(np.zeros((3, 100)), DT), "at least one second"),
    ],
)
def test_unusable_recordings_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_period_in_ten_may_fail_but_not_two():
    """Of ten periods, nine pass: triphasic. Of ten, eight pass: not."""
    ab = [np.array([0, 60.0]) + 500 * i for i in range(11)]
    lp = [np.array([150, 220.0]) + 500 * i for i in range(11)]
    py = [np.array([300, 380.0]) + 500 * i for i in range(11)]
    for missing, is_triphasic in (([3], True), ([3, 6], False)):
        trains = [ab, [b for i, b in enumerate(lp) if i not in missing], py]
        x = features_from_spikes([np.concatenate(train) for train in trains])
        assert np.isfinite(x[model.TRIPHASIC]) == is_triphasic
        assert x[0] == pytest.approx(500)


@pytest.mark.long
def test_features_of_a_batch_are_those_of_each():
    """Simulations as the last axis give bit for bit what each alone gives."""
    from simulators.features import rhythm

    voltages = np.stack([made_up(seed, 1000.0) for seed in range(3)], -1).astype(np.float32)
    blocks = jnp.asarray(np.moveaxis(voltages, 1, 0).reshape(1000, 40, 3, 3))

    def add(state, given):
        return rhythm.add_block(state, *given, 1000), None

    index = jnp.arange(1001, dtype=jnp.int32)
    blocks = jnp.concatenate([blocks, jnp.zeros_like(blocks[:1])])
    together = jax.lax.scan(add, rhythm.start(1000, (3,), jnp.float32), (index, blocks))[0]
    for i in range(3):
        alone = rhythm.of_voltage(jnp.asarray(voltages[..., i]))
        for a, b in zip(jax.tree.leaves(together)[1:], jax.tree.leaves(alone)[1:], strict=True):
            np.testing.assert_array_equal(a[..., i], b)
