"""The views of an emergent property: convergence, growth, what was reached; on a made-up result."""

import json

import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard.live_course import LiveCourse
from dashboard.result_tabs import ResultTabs, tab_names
from dashboard.run_overview import RunOverview
from dashboard.views.convergence import Convergence
from dashboard.views.course_data import NONE, live_course, read_course
from dashboard.views.growth import Growth
from dashboard.views.reached import Reached, read_statistics
from dashboard.views.selection import Selection
from inference.tree import PROPERTY, Draws, Findings, build_tree
from simulators import Prior, Simulator

EPOCHS, SEEDS, KEPT = 5, 2, 30


@pytest.fixture(scope="module")
def model():
    prior = Prior({"a": dist.Uniform(0.0, 1.0), "b": dist.Uniform(0.0, 3.0)}, units={"a": "nS"})
    return Simulator(
        "smooth", prior, lambda key, theta: {"rate": theta["a"] + theta["b"]}, feature_units={"rate": "Hz"}
    )  # fmt: skip


@pytest.fixture(scope="module")
def training():
    """Seed 1 passes from the third epoch on, seed 0 never does."""
    random = np.random.default_rng(0)
    passed = np.zeros((EPOCHS, SEEDS))
    passed[2:, 1] = 1
    violation = np.zeros((EPOCHS, SEEDS, 2))
    violation[:, 0, 0], violation[:, 1, 1] = 0.5, np.linspace(0.1, 0.001, EPOCHS)
    draws = random.uniform(size=(EPOCHS, SEEDS, KEPT, 2))
    draws[..., 0] = 0.5 + (draws[..., 0] - 0.5) / np.arange(1, EPOCHS + 1)[:, None, None]
    return {
        "entropy": (("epoch", "seed"), np.stack([np.full(EPOCHS, -1.0), np.linspace(0.2, 0.8, EPOCHS)], 1)),
        "passed": (("epoch", "seed"), passed),
        "violation": (("epoch", "seed", "constraint"), violation),
        "epoch_draws": (("epoch", "seed", "epoch_draw", "parameter"), draws),
    }


@pytest.fixture(scope="module")
def tree(model, training):
    random = np.random.default_rng(1)
    prior = random.uniform(size=(500, 2)) * [1, 3]
    theta = np.stack([random.uniform(0.4, 0.6, 500), random.normal(1.0, 0.1, 500)], 1)
    diagnostics = {
        **{name: ((), np.asarray(value)) for name, value in SCALARS.items()},
        "target_mean": (("statistic",), np.array([1.5])),
        "target_sd": (("statistic",), np.array([0.2])),
        "seed_entropy": (("seed",), np.array([np.nan, 0.8])),
        "violation": (("constraint",), np.array([0.0, 0.1])),
        "share_at_bounds": (("parameter", "side"), np.zeros((2, 2))),
    }
    findings = Findings(
        Draws(prior, prior.sum(1, keepdims=True)),
        Draws(theta, theta[:100].sum(1, keepdims=True), np.zeros(500)),
        training=training, diagnostics=diagnostics,
    )  # fmt: skip
    goal = {"mean": {"rate": 1.5}, "sd": {"rate": 0.2}}
    return build_tree(model, findings, {"method": "epi", PROPERTY: json.dumps(goal)})


SCALARS = {
    "chosen_seed": 1, "chosen_epoch": 4, "passed": True, "num_passed_seeds": 1, "entropy": 0.8,
    "greatest_entropy": 1.0, "greatest_entropy_draws": 1000, "greatest_entropy_effective": 500,
}  # fmt: skip


class TestConvergence:
    def test_curves_marks_and_the_greatest_entropy(self, tree):
        view = Convergence(read_course(tree))
        assert [list(line.data["value"]) for line in view.entropy._lines][0] == [-1.0] * EPOCHS
        assert list(view.entropy._dots[1].data["epoch"]) == [3, 4, 5]
        assert list(view.entropy._dots[0].data["epoch"]) == []
        assert list(view.entropy._chosen.data["epoch"]) == [5]
        assert (view._greatest.visible, view._greatest.location) == (True, 1.0)
        assert (
            "Chosen: seed 1 after epoch 5, entropy 0.800 nats, where 1 is the greatest" in view.summary.text
        )
        assert "1 of 2 seeds met the constraints in 5 epochs" in view.summary.text
        assert view.summary.text.endswith("the ring what was chosen.")

    @pytest.mark.parametrize(("share", "words"), [(0.5, "Half of the gradient"), (1.0, "the score's alone")])
    def test_which_gradient_was_taken_is_told(self, tree, share, words):
        course = read_course(tree)._replace(score_share=share)
        assert words in Convergence(course).summary.text

    def test_violations_are_in_units_of_the_targets(self, tree):
        view = Convergence(read_course(tree))
        assert list(view.parts[0]._lines[0].data["value"]) == pytest.approx([0.5 / 0.2] * EPOCHS)
        last = 0.001 / (np.sqrt(2) * 0.04)
        assert view.parts[1]._lines[1].data["value"][-1] == pytest.approx(last)
        assert "the variance of rate is off most, by 0.018 √2 target sd²; it passes" in view.violations.text

    def test_a_run_that_goes_on_grows(self, model, training):
        course = live_course(training, {"rate": 0.2}, model.feature_names)
        early = course._replace(
            entropy=course.entropy[:2], passed=course.passed[:2], violation=course.violation[:2]
        )
        view = Convergence(early)
        assert course.seed == NONE
        assert view.summary.text.startswith("Epoch 2: entropy")
        view.update(course)
        assert view.summary.text.startswith("Epoch 5: entropy 0.800 nats of seed 1")
        assert not view._greatest.visible
        assert len(view.entropy._lines[0].data["epoch"]) == EPOCHS

    def test_draws_of_each_epoch(self, tree):
        view = Growth(tree, read_course(tree))
        last = np.ptp(view._dots.data["x"])
        assert "after epoch 5 of 5" in view.summary.text
        assert "constraints met" in view.summary.text
        assert view.figure.xaxis.axis_label == "a (nS)"
        view.epoch.value = 1
        assert np.ptp(view._dots.data["x"]) > 2 * last
        assert "constraints not met" in view.summary.text
        view.x.value = "b"
        assert view.figure.xaxis.axis_label == "b"


def test_what_was_reached_stands_beside_what_was_asked_for(tree):
    view = Reached(read_statistics(tree))
    assert "(asked for 1.5 ± 0.2)" in view.sentence()
    assert "<small>Hz</small>" in view.table()
    assert len(view.figures) == 1


def test_tabs_are_those_that_apply(tree):
    names = tab_names(tree)
    assert "convergence" in names
    assert not {"validate", "what_if", "shared", "training"} & set(names)
    tabs = ResultTabs(tree, lambda: None, Selection())
    for number in range(len(names)):
        tabs._tabs.active = number
    assert "from the greatest there is" in " ".join(tabs.diagnosis.verdict.sentences)


class TestRun:
    @pytest.fixture
    def run(self, store):
        from inference.requests import Request

        wanted = {"kind": "property", "mean": {"frequency": 1.0}, "sd": {"frequency": 0.1}}
        return store.create(Request("linear_dynamics", "epi", observation=wanted))

    def test_it_is_called_by_its_property(self, run):
        overview = RunOverview(run)
        assert "Linear dynamics with frequency 1 ± 0.1 Hz" in overview._head.object

    def test_its_course_is_read_after_each_epoch(self, run, training, monkeypatch):
        reads = []
        monkeypatch.setattr("dashboard.live_course.read_training", lambda folder: reads.append(1) or training)
        view = LiveCourse(run)
        view.update([{"stage": "simulate", "done": 1, "total": 2}])
        assert view.curves is None
        events = [{"stage": "train", "done": 5, "total": 9, "values": {"entropy": 1.0}}]
        view.update(events)
        view.update(events)
        assert len(reads) == 1
        assert "Epoch 5" in view.curves.summary.text

    def test_a_checkpoint_that_is_not_there_is_waited_for(self, run):
        view = LiveCourse(run)
        view.update([{"stage": "train", "done": 1, "total": 9}])
        assert view.curves is None
