"""What a run will need, and how many of its simulations will be valid, from a small sample."""

import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard.estimate import Sample, batch_seconds, estimate, sample, valid_words
from dashboard.views.exploration import Exploration
from dashboard.views.sliders import Sliders
from dashboard.words import duration
from inference import EPI, NUTS, SNPE, RejectionABC
from simulators import Prior, Simulator


@pytest.mark.long
def test_few_valid_simulations_are_told_before_the_run(fakes):
    circuit = fakes["fake_circuit"]
    taken = sample(circuit)
    assert taken.num >= 512
    # More than 16 of 24 fair coins: 7.6 %; five standard errors of 576 rows are 5.5 %.
    assert taken.valid_share == pytest.approx(0.076, abs=0.055)
    needs = estimate(circuit, SNPE(num_simulations=10_000))
    assert "% of the simulations will be valid" in needs.warning
    assert needs.train_seconds < estimate(fakes["fake_channel"], SNPE(num_simulations=10_000)).train_seconds
    assert estimate(fakes["fake_channel"], SNPE(num_simulations=10_000)).warning == ""


def test_methods_that_train_nothing_are_not_said_to_learn(fakes):
    channel = fakes["fake_channel"]
    assert "learning" in str(estimate(channel, SNPE(num_simulations=1_000)))
    accepting, chains = estimate(channel, RejectionABC(num_simulations=1_000)), estimate(channel, NUTS())
    assert accepting.train_seconds < estimate(channel, SNPE(num_simulations=1_000)).train_seconds
    assert "all else" in str(accepting)
    assert str(chains) == "0.8 GB on this machine; how long the chains take will be told when they run"


def test_epochs_of_epi_take_as_long_as_their_steps(fakes, monkeypatch):
    monkeypatch.setattr("dashboard.estimate.batch_seconds", lambda simulator, num: num * 1e-5)
    shown = str(estimate(fakes["fake_channel"], EPI(num_seeds=3, num_steps=500, max_epochs=40)))
    step = 1e-3 + 2 * 200 * 1e-5  # a batch is of 200 where nobody says
    epochs = f"{duration(1500 * step)} for each of 40 epochs, {duration(40 * 1500 * step)} in all"
    assert epochs in shown
    more = str(estimate(fakes["fake_channel"], EPI(num_seeds=3, num_steps=500, batch_size=2_000)))
    assert f"{duration(1500 * (1e-3 + 2 * 2_000 * 1e-5))} for each" in more
    score = str(estimate(fakes["fake_channel"], EPI(num_seeds=3, num_steps=500, gradient="score")))
    assert f"{duration(1500 * (1e-3 + 200 * 1e-5))} for each" in score


def test_a_batch_is_timed_without_compiling(fakes):
    assert 0 < batch_seconds(fakes["fake_channel"], 20) < 0.5


def test_words_for_few_and_for_none():
    few, none, most = (Sample(0.01, 700, num) for num in (7, 0, 690))
    words = "Only about 1 % of the simulations will be valid (7 of 700 were): some 3 000 of 300 000 to learn"
    assert valid_words(few, 300_000) == f"{words} from."
    assert valid_words(none, 7_000) == "None of 700 simulations was valid: at most 30 of 7 000 will be."
    assert valid_words(most, 7_000) == ""


def test_a_black_box_is_timed_on_a_few():
    prior = Prior({"a": dist.Uniform(0.0, 1.0)})
    box = Simulator.from_numpy("box", prior, lambda theta, seed: [np.sqrt(theta["a"] - 0.5)], ["y"])
    assert sample(box).num == 10


def test_many_sliders_are_grouped_by_name_and_scroll(fakes):
    shown = Sliders(Exploration(fakes["fake_circuit"])).__panel__()
    heads = [part.object for part in shown if "group" in str(getattr(part, "object", ""))]
    assert [head.split(">")[1].split("<")[0] for head in heads] == ["ABPD", "LP", "PY", "others"]
    assert shown.sx["overflowY"] == "auto"
