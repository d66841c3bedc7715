"""The verdict says each failure in words, with one next action; and leaves a sound posterior alone."""

import jax
import numpy as np
import pytest
import xarray as xr

from inference.diagnostics import diagnose, verdict
from inference.diagnostics.diagnose import NUM_POSITIONS
from inference.diagnostics.verdict import GO_ON

PARAMETERS, FEATURES = ["g_Na", "g_leak"], ["rate", "rest"]
LEVEL = np.linspace(0.05, 0.95, 19)
LABELS = {"parameter": PARAMETERS, "feature": FEATURES}


def sound():
    """Diagnostics of a posterior without fault."""
    return {
        "num_simulations": ((), 10_000), "num_usable": ((), 9_990),
        "gain": ((), 3.0), "gain_error": ((), 0.03),
        "share_at_bounds": (("parameter", "side"), [[0.0, 0.01], [0.0, 0.0]]),
        "predictive_distance": (("feature",), [0.05, 0.1]),
        "rank_histogram": (("parameter", "rank_bin"), np.full((2, 10), 20)),
        "rank_p_value": (("parameter",), [0.4, 0.7]),
        "rank_shift": (("parameter",), [0.01, -0.02]),
        "rank_spread": (("parameter",), [0.0, 0.005]),
        "coverage_level": (("level",), LEVEL), "coverage": (("level",), LEVEL + 0.01),
        "calibration_error": ((), 0.01), "overconfidence": ((), -0.01), "num_calibrated": ((), 200),
        "x_o_tail": (("feature",), [0.4, 0.8]), "x_o_p_value": ((), 0.6), "x_o_excess": ((), 0.3),
    }  # fmt: skip


def tree_of(diagnostics, training=None):
    def group(variables):
        made = {name: (dims, np.asarray(values)) for name, (dims, values) in variables.items()}
        used = {dimension for dims, _ in made.values() for dimension in dims}
        return xr.Dataset(made, {name: labels for name, labels in LABELS.items() if name in used})

    losses = {"train_loss": (("epoch",), [3.0, 2.0]), "validation_loss": (("epoch",), [3.1, 2.1])}
    groups = {"/diagnostics": group(diagnostics), "/training": group(training or losses)}
    return xr.DataTree.from_dict(groups)


def test_a_sound_posterior_is_good():
    found = verdict(tree_of(sound()))
    assert found.level == "good"
    assert found.headline == "Nothing speaks against this posterior."
    assert found.next_action == GO_ON
    assert "regions meant to hold 80 % of the truths hold 81 %" in " ".join(found.sentences)
    assert all(finding.level == "good" and not finding.action for finding in found.findings)


FAULTS = {
    "the likelihood disagrees": (
        {"importance_share": ((), 0.002)},
        "bad", "only 0.2 % of the draws count", "Use the weights",
    ),
    "divided": ({"was_divided": ((), 1)}, "caution", "divided by its proposal", "Compare it with variant C"),
    "nothing learnt": (
        {"gain": ((), 0.01), "gain_error": ((), 0.02)},
        "bad", "Nothing was learnt", "Choose features that the parameters change",
    ),
    "heaped at a bound": (
        {"share_at_bounds": (("parameter", "side"), [[0.0, 0.01], [0.31, 0.0]])},
        "caution", "31 % of g_leak at its lower bound", "Widen the prior of g_leak beyond its lower bound",
    ),
    "outside the cloud": (
        {"x_o_p_value": ((), 0.0003), "x_o_tail": (("feature",), [0.0002, 0.9]), "x_o_excess": ((), 1.2)},
        "bad", "outside the cloud of simulations", "Model cannot produce this observation",
    ),
    "far outside a small cloud": (
        {"x_o_p_value": ((), 0.009), "x_o_tail": (("feature",), [0.02, 0.9]), "x_o_excess": ((), 5.0)},
        "bad", "most of all in rate", "Model cannot produce this observation",
    ),
    "at the edge of the cloud": (
        {"x_o_p_value": ((), 0.006), "x_o_tail": (("feature",), [0.4, 0.9]), "x_o_excess": ((), 1.1)},
        "caution", "in no feature alone, but in their combination", "Simulate more: 40 000 instead of 10 000",
    ),
    "over-confident": (
        {"overconfidence": ((), 0.08), "coverage": (("level",), LEVEL**1.5)},
        "caution", "over-confident: regions meant to hold 80 % of the truths hold 72 %", "train an ensemble",
    ),
    "far too confident": (
        {"overconfidence": ((), 0.2), "coverage": (("level",), LEVEL**3)},
        "bad", "over-confident", "Simulate more: 40 000 instead of 10 000",
    ),
    "under-confident": (
        {"overconfidence": ((), -0.09), "coverage": (("level",), LEVEL**0.6)},
        "caution", "under-confident", "for a sharper posterior",
    ),
    "shifted": (
        {"rank_shift": (("parameter",), [0.1, 0.0]), "rank_p_value": (("parameter",), [1e-5, 0.4])},
        "caution", "too low in g_Na", "a more flexible density estimator",
    ),
    "shifted both ways": (
        {"rank_shift": (("parameter",), [0.3, -0.1]), "rank_p_value": (("parameter",), [1e-9, 1e-5])},
        "bad", "too low in g_Na and too high in g_leak", "Simulate more",
    ),
    "narrow in one parameter": (
        {"rank_spread": (("parameter",), [0.0, 0.06]), "rank_p_value": (("parameter",), [0.3, 1e-5])},
        "caution", "too narrow in g_leak", "Simulate more",
    ),
    "many failures": (
        {"num_simulations": ((), 7_500), "num_usable": ((), 900)},
        "caution", "Only 12.0 % of the simulations were usable", "Narrow the prior to where the model works",
    ),
    "nearly all fail": (
        {"num_usable": ((), 120)}, "bad", "Only 1.2 %", "Narrow the prior",
    ),
    "few for so many parameters": (
        {"num_simulations": ((), 90), "num_usable": ((), 90)},
        "caution", "90 usable simulations are few for 2 parameters", "Simulate more: 360 instead of 90",
    ),
    "misses the observation": (
        {"predictive_gap": (("feature",), [np.nan, 0.4]), "predictive_gap_limit": ((), 0.1)},
        "caution", "miss the observation in rest", "or run more rounds",
    ),
    "predicts nothing where something was observed": (
        {"predictive_gap": (("feature",), [0.3, np.inf]), "predictive_gap_limit": ((), 0.1)},
        "caution", "miss the observation in rest and rate", "or run more rounds",
    ),
    "misses the observation, as an older result tells": (
        {"predictive_distance": (("feature",), [np.nan, 1.7])},
        "caution", "miss the observation in rest", "or run more rounds",
    ),
    "not yet settled": (
        {"round_change": (("round",), [np.nan, 2.0, 0.8])},
        "caution", "still changed by 0.80 nats in the last round", "Run more rounds.",
    ),
    "members disagree": (
        {"member_mean": (("member", "parameter"), [[0.0, 1.0], [0.1, 3.0], [0.0, 2.0]]),
         "member_sd": (("member", "parameter"), np.ones((3, 2)))},
        "caution", "disagree about g_leak", "Simulate more",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_words_and_its_remedy(fault):
    changed, level, words, action = FAULTS[fault]
    found = verdict(tree_of({**sound(), **changed}))
    assert found.level == level
    assert words in found.sentences[0]
    assert action in found.next_action
    assert sum(finding.level != "good" for finding in found.findings) == 1


def test_too_few_simulations_show_in_the_losses():
    losses = {"train_loss": (("epoch",), [3.0, 1.4, 1.0]), "validation_loss": (("epoch",), [3.1, 2.0, 2.4])}
    found = verdict(tree_of(sound(), losses))
    assert found.level == "caution"
    assert "the held-out loss is 0.60 nats above that of the training rows" in found.sentences[0]
    assert found.next_action == "Simulate more: 40 000 instead of 10 000."


def tree_with_limit(losses, limit):
    training = {name: (("epoch",), losses) for name in ("train_loss", "validation_loss")}
    tree = tree_of(sound(), training)
    tree.attrs["config"] = f'{{"max_epochs": {limit}}}'
    return tree


def test_a_training_that_was_cut_off_is_told():
    falling, settled = np.linspace(3.0, 1.0, 50), np.concatenate([np.linspace(3.0, 1.0, 30), np.ones(20)])
    found = verdict(tree_with_limit(falling, 50))
    assert found.level == "caution"
    assert "cut off after 50 epochs, while the held-out loss still fell" in found.sentences[0]
    assert found.next_action.startswith("Allow more epochs")
    for losses, limit in ((falling, 60), (settled, 50), (falling, "null")):
        assert verdict(tree_with_limit(losses, limit)).level == "good"


def test_failures_are_no_fault_where_enough_simulations_are_left():
    found = verdict(tree_of({**sound(), "num_simulations": ((), 300_000), "num_usable": ((), 3_000)}))
    assert found.level == "good"
    assert "Only 1.0 % of the simulations were usable" in " ".join(found.sentences)
    assert "the 3 000 that are left are plenty for 2 parameters" in " ".join(found.sentences)


def test_predictions_within_the_limit_of_chance_or_near_enough_miss_nothing():
    for gap, limit in ((0.2, 0.05), (0.9, 1.0)):
        numbers = {"predictive_gap": (("feature",), [0.0, gap]), "predictive_gap_limit": ((), limit)}
        assert (
            verdict(tree_of({**sound(), **numbers, "predictive_distance": (("feature",), [9.0, 9.0])})).level
            == "good"
        )


def test_the_last_round_alone_tells_whether_its_simulations_were_enough():
    losses = {"train_loss": [1.0, 0.5, 2.0], "validation_loss": [2.0, 1.0, 2.1], "round": [0, 0, 1]}
    training = {name: (("epoch",), values) for name, values in losses.items()}
    assert verdict(tree_of(sound(), training)).level == "good"


def test_the_worst_comes_first_and_gives_the_action():
    both = {**sound(), **FAULTS["heaped at a bound"][0], **FAULTS["nothing learnt"][0]}
    found = verdict(tree_of(both))
    assert [finding.level for finding in found.findings[:2]] == ["bad", "caution"]
    assert "Choose features" in found.next_action


def test_chance_is_no_fault():
    """What a few held-out rows show by chance is not held against the posterior."""
    few = {"overconfidence": ((), 0.08), "num_calibrated": ((), 100)}
    few |= {"rank_p_value": (("parameter",), [0.02, 0.5]), "rank_shift": (("parameter",), [0.12, 0.0])}
    assert verdict(tree_of({**sound(), **few})).level == "good"


def test_too_few_held_out_rows_are_no_proof():
    few = verdict(tree_of({**sound(), "num_simulations": ((), 400), "num_calibrated": ((), 40)}))
    assert few.level == "caution"
    assert "40 held-out simulations are too few to judge its confidence by" in few.sentences[0]
    assert few.next_action == "Simulate more: 1 600 instead of 400."


def test_older_results_are_judged_by_what_they_have():
    old = {name: sound()[name] for name in ("share_at_bounds", "predictive_distance")}
    old |= {"held_out_log_prob": ((), -2.0), "prior_log_prob": ((), -5.5)}
    found = verdict(tree_of(old))
    assert found.level == "good"
    assert found.headline == "Nothing speaks against this posterior, but its calibration was not checked."
    assert "3.50 nats" in " ".join(found.sentences)


def test_an_empty_tree_is_no_good_result():
    found = verdict(xr.DataTree.from_dict({"/prior": xr.Dataset()}))
    assert found.sentences == ("Calibration was not checked.",)
    assert found.level == "caution"


def test_advice_to_simulate_more_is_by_round_where_there_are_rounds():
    rounds = {"round_num_simulations": (("round",), [2_500] * 4)}
    found = verdict(tree_of({**sound(), **rounds, **FAULTS["over-confident"][0]}))
    assert found.next_action == "Simulate more: 10 000 instead of 2 500 in each round, or train an ensemble."


@pytest.fixture
def judged(normal_posterior, normal_rows):
    """judged(x_o, shift=..., stretch=...): verdict and diagnostics of a normal posterior."""

    def judge(x_o, **errors):
        theta, x = normal_rows(0, 2_000)
        found = diagnose(jax.random.key(0), normal_posterior(**errors), theta[:500], x[:500], x, x_o)
        numbers = {**found, "num_simulations": ((), 2_000), "num_usable": ((), 2_000)}
        return verdict(tree_of(numbers)), found

    return judge


@pytest.mark.long
def test_diagnose_and_verdict_agree_with_the_truth(judged):
    x_o = np.array([0.3, -0.4])
    good, found = judged(x_o)
    assert good.level == "good", good
    assert found["rank_histogram"][1].shape == (2, 10)
    assert is_in_rank_band(found)
    # The exact gain: twice the mutual information of a normal pair, ln(1 + 1 / 0.5^2) / 2.
    assert found["gain"][1] == pytest.approx(np.log(5.0), abs=5 * float(found["gain_error"][1]))
    narrow, found = judged(x_o, stretch=0.6)
    assert narrow.level == "bad"
    assert not is_in_rank_band(found)
    assert "over-confident" in narrow.sentences[0]
    shifted, _ = judged(x_o, shift=0.3)
    assert "too high in g_Na and g_leak" in " ".join(shifted.sentences)
    nothing, _ = judged(x_o, stretch=8.0)
    assert "Nothing was learnt" in nothing.sentences[0]
    far, _ = judged(np.array([8.0, -4.0]))
    assert "Model cannot produce" in far.next_action


def is_in_rank_band(found):
    curves = found["rank_difference"][1]
    assert curves.shape == (2, NUM_POSITIONS)
    return bool(((curves >= found["rank_low"][1]) & (curves <= found["rank_high"][1])).all())


def test_an_amortised_run_has_calibration_and_a_corrected_one_has_not(normal_posterior, normal_rows):
    theta, x = normal_rows(1, 100)
    amortised = diagnose(jax.random.key(0), normal_posterior(), theta, x, x)
    assert "coverage" in amortised
    assert "x_o_p_value" not in amortised
    corrected = diagnose(jax.random.key(0), normal_posterior(), None, None, x, x[0])
    assert "coverage" not in corrected
    assert corrected["x_o_tail"][1].shape == (2,)


@pytest.mark.slow
def test_good_posteriors_are_seldom_blamed(normal_posterior, normal_rows):
    """200 exact posteriors; at most 3 % should be blamed, 16 or more would be a chance of 4e-4."""
    blamed = 0
    for seed in range(200):
        theta, x = normal_rows(1_000 + seed, 2_000)
        found = diagnose(jax.random.key(seed), normal_posterior(), theta[:500], x[:500], x[1:], x[0])
        blamed += verdict(tree_of(found)).level != "good"
    assert blamed < 16
