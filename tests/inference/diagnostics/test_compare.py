"""Runs side by side: exact ones agree, wrong ones are told apart, and trees tell what a run cost."""

import json

import jax
import numpy as np
import pytest
import scipy.signal
import xarray as xr

from inference.diagnostics import c2st_interval, compare_runs

NUM = 300


def tree_of(theta, *, names=("g_Na", "tau"), **attrs):
    """A tree with two chains, variables in the order of the alphabet reversed, as a store might give them."""
    chains = theta.reshape(2, -1, len(names))
    columns = {name: (("chain", "draw"), chains[..., i]) for i, name in reversed(list(enumerate(names)))}
    diagnostics = {
        "num_simulations": ((), 5_000),
        "predictive_distance": (("feature",), [0.1, 0.7]),
    }
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(
                attrs={
                    "simulator": "neuron", "seconds": '{"simulate": 2.5, "train": 10.0}', "data_sha256": "a",
                    "config": '{"config": "SNPE", "num_rounds": 1}', "parameter_names": json.dumps(names),
                } | attrs
            ),
            "/posterior": xr.Dataset(columns),
            "/diagnostics": xr.Dataset(diagnostics, {"feature": ["rate", "rest"]}),
        }
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(draws_of):
    runs = {name: draws_of(name, seed, NUM) for seed, name in enumerate(("too narrow", "shifted", "exact"))}
    runs["reference"] = tree_of(draws_of("exact", 9, NUM))
    return compare_runs(jax.random.key(0), runs)


@pytest.mark.long
def test_each_two_runs_are_compared(compared):
    assert compared.c2st.shape == (4, 4)
    np.testing.assert_array_equal(compared.c2st, compared.c2st.T)
    np.testing.assert_array_equal(np.diag(compared.c2st), 0.5)
    assert [(pair.first, pair.second) for pair in compared.pairs][:2] == [
        ("too narrow", "shifted"),
        ("too narrow", "exact"),
    ]
    assert compared.pairs[0].c2st.accuracy == compared.c2st[0, 1]


@pytest.mark.long
def test_wrong_runs_are_told_from_the_reference_and_exact_ones_are_not(compared):
    """False alarms: C2ST 1e-3; the larger of two Kolmogorov distances beyond 1.6 times its 5 % value 1e-4."""
    pairs = {pair.first: pair for pair in compared.pairs if pair.second == "reference"}
    assert pairs["exact"].c2st.p_value > 1e-3
    assert pairs["exact"].parameters[0].kolmogorov < 1.6 * pairs["exact"].chance
    for name in ("too narrow", "shifted"):
        assert pairs[name].c2st.p_value < 1e-3
        assert pairs[name].parameters[1].kolmogorov > pairs[name].chance


def test_parameters_are_ranked_and_signed(draws_of):
    rows = draws_of("exact", 0, NUM)
    other = np.stack([rows[:, 0], 2.0 * rows[:, 1] + 3.0 * rows[:, 1].std()], axis=1)
    (pair,) = compare_runs(jax.random.key(0), {"a": other, "b": rows}, parameter_names=("one", "two")).pairs
    assert [parameter.name for parameter in pair.parameters] == ["two", "one"]
    assert pair.parameters[0].sd_ratio == pytest.approx(2.0)
    assert pair.parameters[0].mean_shift > 2
    assert pair.parameters[1].kolmogorov == 0.0
    assert pair.chance == pytest.approx(1.358 * np.sqrt(2 / NUM))


@pytest.mark.long
def test_a_lost_mode_is_told(draws_of):
    runs = {"lost": draws_of("one mode lost", 0, NUM), "reference": draws_of("two modes", 1, NUM)}
    (pair,) = compare_runs(jax.random.key(0), runs).pairs
    assert pair.c2st.p_value < 1e-3
    assert pair.parameters[0].kolmogorov == pytest.approx(0.5, abs=0.12)
    assert {parameter.name for parameter in pair.parameters} == {"parameter 1", "parameter 2"}


def chains_of(seed, num, memory):
    """A tree of two Markov chains of two standard normal parameters, x[t + 1] = memory x[t] + noise.

    Independent draws that n of them are worth: n (1 - memory) / (1 + memory).
    """
    noise = np.random.default_rng(seed).normal(size=(num, 2, 2)) * np.sqrt(1 - memory**2)
    noise[0] /= np.sqrt(1 - memory**2)
    moves = scipy.signal.lfilter([1.0], [1.0, -memory], noise, axis=0)
    return tree_of(np.swapaxes(moves, 0, 1))


def test_chains_count_as_the_independent_draws_that_they_are_worth():
    """2 x 1000 draws with a memory of 0.9 are worth 105."""
    runs = {
        "independent": np.random.default_rng(1).normal(size=(2_000, 2)),
        "chains": chains_of(0, 1_000, 0.9),
    }
    (pair,) = compare_runs(jax.random.key(0), runs).pairs
    assert 60 < pair.c2st.num < 150
    assert pair.chance == pytest.approx(1.358 * np.sqrt(1 / 2_000 + 1 / 105), rel=0.25)


def test_draws_repeated_by_their_weights_count_less():
    tree, other = (tree_of(np.random.default_rng(seed).normal(size=(400, 2))) for seed in (0, 1))
    tree["diagnostics/effective_draws"] = xr.DataArray(60.0)
    (pair,) = compare_runs(jax.random.key(0), {"a": tree, "b": other}).pairs
    assert pair.c2st.num == 50


NUM_PAIRS = 40


@pytest.mark.long
def test_false_alarms_of_chains_are_as_stated_because_they_are_thinned():
    """At 5 %, 7 or more of 40 would be a chance of 0.003.

    Measured: 1 of 100 here; with 2 x 2000 draws and a memory of 0.95, 5 of 100, or 12 of 12 unthinned.
    """
    alarms = 0
    for seed in range(NUM_PAIRS):
        runs = {
            "a": np.random.default_rng(10_000 + seed).normal(size=(1_200, 2)),
            "b": chains_of(seed, 600, 0.8),
        }
        (pair,) = compare_runs(jax.random.key(seed), runs).pairs
        alarms += pair.c2st.p_value < 0.05
    assert alarms < 7


@pytest.mark.long
def test_without_thinning_they_are_not():
    alarms = 0
    for seed in range(6):
        a = np.random.default_rng(10_000 + seed).normal(size=(1_200, 2))
        b = chains_of(seed, 600, 0.95)["posterior"]
        rows = np.stack([b["g_Na"].values, b["tau"].values], axis=-1).reshape(-1, 2)
        alarms += c2st_interval(jax.random.key(seed), rows, a).p_value < 0.05
    assert alarms > 3


@pytest.mark.long
def test_trees_tell_their_cost_and_their_settings(draws_of, compared):
    rows = draws_of("exact", 0, NUM)
    other = tree_of(rows, data_sha256="b", config='{"config": "NUTS", "num_rounds": 1, "num_warmup": 9}')
    found = compare_runs(jax.random.key(0), {"one": tree_of(rows), "other": other}, num=50)
    facts = found.runs[0]
    assert (facts.simulations, facts.seconds) == (5_000, 12.5)
    assert facts.predictive_distance == {"rate": 0.1, "rest": 0.7}
    assert not found.is_one_observation
    assert found.differing_settings == {"method": ("SNPE", "NUTS"), "num_warmup": (None, 9)}
    assert [parameter.kolmogorov for parameter in found.pairs[0].parameters] == [0.0, 0.0]
    assert compared.is_one_observation
    assert compared.runs[0].seconds is None


def test_runs_that_cannot_be_compared_are_refused():
    rows = np.random.default_rng(0).normal(size=(60, 2))
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="'b' has 10 draws; a comparison needs 50 or more"):
        compare_runs(key, {"a": rows, "b": rows[:10]})
    with pytest.raises(ValueError, match="Two or more runs are compared; got 1"):
        compare_runs(key, {"a": rows})
    with pytest.raises(ValueError, match="runs of one model"):
        compare_runs(key, {"a": tree_of(rows), "b": tree_of(rows, simulator="other")})
    with pytest.raises(ValueError, match="with the same parameters"):
        compare_runs(key, {"a": tree_of(rows), "b": tree_of(rows, names=("g_K", "tau"))})
    with pytest.raises(ValueError, match=r"Draws of 'b' must have shape \(n, 2\); got \(60, 1\)"):
        compare_runs(key, {"a": tree_of(rows), "b": rows[:, :1]})
    with pytest.raises(ValueError, match="'b' has no posterior draws"):
        compare_runs(key, {"a": rows, "b": xr.DataTree(xr.Dataset(attrs=tree_of(rows).attrs))})
