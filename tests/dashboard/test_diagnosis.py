"""The views of the diagnosis, each alone: what they draw, and the words beside it."""

import numpy as np
import pytest

from dashboard.diagnosis import Diagnosis
from dashboard.views.bounds import BoundTable
from dashboard.views.calibration import CalibrationView
from dashboard.views.diagnosis_data import read_calibration, read_place
from dashboard.views.members import Members
from dashboard.views.observation_place import ObservationPlace
from dashboard.views.rounds import Rounds, num_rounds
from dashboard.views.training import TrainingCurve
from dashboard.views.verdict_words import findings_html, verdict_line
from inference.diagnostics import Finding, Verdict
from inference.diagnostics.judge_answer import UNCHECKED


@pytest.fixture(scope="module")
def checked(make_tree, toy_checks):
    return make_tree(toy_checks)


@pytest.fixture(scope="module")
def calibration(checked):
    return read_calibration(checked)


def test_old_results_have_no_calibration(toy_tree):
    assert read_calibration(toy_tree) is None
    assert read_place(toy_tree) is None
    assert len(Diagnosis(toy_tree).sections()) == 1  # the bounds


def test_over_confidence_is_said(calibration):
    words = CalibrationView(calibration).coverage_words.text
    assert words == (
        "Of 200 held-out simulations, regions meant to hold 80 % of the truths hold 70 %; "
        "the curve lies below the diagonal: over-confident."
    )
    even = _with(calibration, coverage=calibration.level)
    assert "the whole curve stays in its band" in CalibrationView(even).coverage_words.text


def test_uneven_ranks_are_named_and_drawn(calibration):
    view = CalibrationView(calibration)
    assert "uneven for tau." in view.rank_words.text
    bars = view.ranks.bars.data
    assert len(bars["xs"]) == 3
    heights = [np.max(y) - np.min(y) for y in bars["ys"]]
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)
    assert "Ranks are even" in CalibrationView(_with(calibration, p_value=np.ones(3))).rank_words.text


def test_curves_of_ranks_stay_in_their_band_or_are_named(make_tree, toy_checks, toy_curves):
    calibration = read_calibration(make_tree({**toy_checks, **toy_curves}))
    view = CalibrationView(calibration)
    assert view.rank_words.text.startswith("Ranks are uneven for tau. A hill: the posterior lies too high;")
    (line,) = [line for line in view.ranks.lines if np.max(line["y"]) > 0.15]
    assert line["x"][[0, -1]].tolist() == [0, 1]
    assert line["y"][[0, -1]].tolist() == [0, 0]
    assert view.ranks.reach > 0.2
    even = CalibrationView(_with(calibration, curves=np.zeros_like(calibration.curves)))
    assert even.rank_words.text == "The curves of all 3 parameters stay in the band: ranks are even."


def test_the_bands_are_binomial(calibration):
    assert calibration.rank_band == (12.0, 29.0)
    low, high = calibration.coverage_band
    assert (low < calibration.level).all()
    assert (high > calibration.level).all()


def test_tables_hold_what_the_plots_show(calibration):
    from dashboard.views import calibration as module

    ranks, coverage = module._rank_table(calibration), module._coverage_table(calibration)
    assert ranks.count("<tr>") == 4
    assert ">−9.0</td>" in ranks
    assert 'class="number strong">1.0e−06' in ranks
    assert ">80 %</td>" in coverage


def _with(calibration, **changes):
    from dataclasses import replace

    return replace(calibration, **{"overconfidence": 0.0, **changes})


def test_the_place_of_the_observation(checked):
    place = read_place(checked)
    view = ObservationPlace(place)
    assert view.summary.text == "The observation lies outside the cloud of simulations, most of all in mean."
    assert view.figure.y_range.factors == ["all together", "mean", "top"]
    assert 'class="number strong">0.20 %' in view._table()
    inside = ObservationPlace(place.__class__(**{**place.__dict__, "p_value": 0.4}))
    assert inside.summary.text == (
        "40 % of the simulations are at least as unusual as the observation: it lies inside their cloud."
    )


def test_bounds_say_who_heaps(checked):
    view = BoundTable(checked)
    assert view.summary.text == "Most heaped: tau, 12 % at its lower bound."
    assert view._table().count('<td class="strong">') == 1


def test_members_say_about_what_they_differ(make_tree, toy_rounds):
    view = Members(make_tree(toy_rounds))
    assert view.summary.text == (
        "2 members; they differ most about w, by 1.1 standard deviations of the posterior."
    )
    assert "member 2" in view._table()


def test_rounds_are_a_table_and_shrinking_outlines(make_tree, toy_rounds):
    tree = make_tree(toy_rounds)
    view = Rounds(tree)
    assert num_rounds(tree) == 3
    assert view.summary.text == (
        "3 rounds, 3 000 simulations in all, the last within 20 % of the prior. "
        "The last round changed the posterior by 0.100 nats."
    )
    table = view.table()
    assert table.count("<tr>") == 4
    assert "effective share" not in table  # nothing is known of it
    assert "–" in table  # the first round changed nothing
    lines = view.picture.later.data
    assert len(lines["xs"]) == 6  # two later rounds of three parameters
    widths = [np.ptp(lines["xs"][0]), np.ptp(lines["xs"][3])]
    assert widths[1] < widths[0]
    assert lines["alpha"][0] < lines["alpha"][3]


def test_losses_of_rounds_are_parted(make_tree, toy_rounds):
    losses = {
        "train_loss": [3.0, 2.0, 5.0, 4.0],
        "validation_loss": [3.1, 2.2, 5.5, 4.5],
        "round": [0, 0, 1, 1],
    }
    training = {name: (("epoch",), np.array(values)) for name, values in losses.items()}
    view = TrainingCurve(make_tree(toy_rounds, training))
    assert view._begins.data["epoch"].tolist() == [2.5]
    assert view._best.data["epoch"].tolist() == [2, 4]
    assert np.isnan(view._sources["train_loss"].data["loss"][2])
    assert view.summary.text.startswith("Round 2. Epoch 4: held-out loss 4.50, best 4.50 in epoch 4.")


def test_a_diagnosis_shows_all_that_is_known(make_tree, toy_checks, toy_rounds):
    view = Diagnosis(make_tree({**toy_checks, **toy_rounds}))
    assert view.verdict.level == "caution"
    assert [type(section[-1]).__name__ for section in view.sections()] == [
        "ObservationPlace", "Members", "BoundTable",
    ]  # fmt: skip
    assert view.__panel__().get_root() is not None


def test_the_verdict_in_markup():
    found = Verdict("bad", (Finding("bad", "a < b.", "Do c."), Finding("good", "d.")), "Do c.")
    line, list_ = verdict_line(found), findings_html(found)
    assert 'class="chip bad"' in line
    assert "a &lt; b. Do c." in line
    assert list_.count('class="warn"') == 1
    assert 'class="plain"' in findings_html(Verdict("good", (Finding("good", UNCHECKED),), ""))
    assert "Go on" in verdict_line(Verdict("good", (Finding("good", "d."),), "Go on."))
