"""Chains made wrong on purpose are pointed out; chains that agree seldom are."""

import json

import numpy as np
import pytest
import xarray as xr

from inference.diagnostics import chain_diagnostics, verdict


def tree_of(draws, num_divergent=0):
    """A result's tree that holds nothing but what is known of chains."""
    numbers = {
        **chain_diagnostics(draws),
        "num_divergent": ((), np.asarray(num_divergent)),
        "num_draws": ((), np.asarray(draws[..., 0].size)),
    }
    names = np.array([f"p{i}" for i in range(draws.shape[-1])], dtype=object)
    config = {"num_chains": len(draws), "num_samples": draws.shape[1], "target_accept": 0.9}
    root = xr.Dataset(attrs={"config": json.dumps(config)})
    return xr.DataTree.from_dict({"/": root, "/diagnostics": xr.Dataset(numbers, {"parameter": names})})


def correlated(seed, num, memory, dim=3):
    """AR(1) processes of four chains."""
    noise = np.random.default_rng(seed).normal(size=(num + 200, 4, dim))
    draws = np.zeros_like(noise)
    for t in range(1, len(draws)):
        draws[t] = memory * draws[t - 1] + noise[t]
    return np.swapaxes(draws[200:], 0, 1)


@pytest.mark.parametrize(("num", "memory"), [(200, 0.0), (2_000, 0.8)])
def test_chains_that_agree_seldom_alarm(num, memory):
    """In none of 1 100 runs of 10 parameters that were tried; here one alarm of 12 would be a surprise."""
    levels = [verdict(tree_of(correlated(seed, num, memory))).level for seed in range(12)]
    assert levels == ["good"] * 12


def test_a_chain_in_a_mode_of_its_own_is_bad():
    draws = correlated(0, 500, 0.0)
    draws[2, :, 1] += 8.0
    found = verdict(tree_of(draws))
    assert found.level == "bad"
    assert found.sentences[0].startswith("The chains disagree in p1: R-hat is up to")
    assert "modes between which they do not move" in found.next_action


def test_a_chain_that_is_off_by_half_a_standard_deviation_is_pointed_out():
    draws = correlated(0, 2_000, 0.0)
    draws[3, :, 0] += 0.6
    assert verdict(tree_of(draws)).level == "caution"


def test_a_chain_of_another_width_is_pointed_out():
    draws = correlated(0, 2_000, 0.0)
    draws[3, :, 0] *= 0.5
    assert verdict(tree_of(draws)).level == "caution"


def test_chains_that_never_moved_are_bad():
    draws = correlated(0, 200, 0.0)
    draws[..., 2] = 1.0
    assert verdict(tree_of(draws)).level == "bad"


def test_short_chains_are_to_be_longer():
    found = verdict(tree_of(correlated(1, 400, 0.9)))
    assert found.level == "caution"
    assert any("independent ones in" in sentence for sentence in found.sentences)
    assert found.next_action.startswith("Run longer chains: num_samples=1600")


def test_divergences_ask_for_smaller_steps():
    found = verdict(tree_of(correlated(0, 500, 0.0), num_divergent=40))
    assert found.sentences[0].startswith("2 % of the draws diverged")
    assert "target_accept=0.98 instead of 0.9" in found.next_action
    assert verdict(tree_of(correlated(0, 500, 0.0), num_divergent=2)).level == "good"
