import numpy as np
import pytest
import xarray as xr

from dashboard.views.progress import RunProgress, stages, state_chip, time_left
from dashboard.views.training import TrainingCurve, losses_of_journal, losses_of_tree


def event(stage, done, total=100, **more):
    return {"stage": stage, "done": done, "total": total, "time": 1000.0, "values": {}, **more}


def epoch(done, train, held_out):
    return event("train", done, values={"train_loss": train, "validation_loss": held_out})


def test_stages_before_are_full_and_those_after_empty():
    found = stages([event("simulate", 50_000, 100_000), event("train", 30)])
    assert [stage.share for stage in found] == [1.0, 0.3, 0.0, 0.0, 0.0]
    assert [stage.name for stage in found if stage.is_now] == ["train"]
    assert found[0].words == "50 000 of 100 000 simulations"


def test_another_round_takes_back_later_stages():
    found = {
        stage.name: stage
        for stage in stages([event("simulate", 100), event("train", 60), event("simulate", 10)])
    }
    assert found["simulate"].share == 0.1
    assert found["train"].share == 0.0


def test_nothing_has_begun_and_unknown_stages_are_ignored():
    assert all(stage.share == 0 for stage in stages([]))
    assert all(stage.share == 0 for stage in stages([event("dance", 3)]))
    assert stages([event("simulate", 0, 0)])[0].share == 0.0


def test_time_left_runs_down_between_events_and_not_below_zero():
    events = [event("train", 3, left=60.0)]
    assert time_left(events, now=1010.0) == 50.0
    assert time_left(events, now=2000.0) == 0.0
    assert time_left([event("train", 3, left=None)], now=0.0) is None
    assert time_left([], now=0.0) is None


@pytest.mark.parametrize(
    ("state", "can_stop", "can_resume"),
    [("queued", True, False), ("running", True, False), ("stopping", False, False), ("stopped", False, True),
     ("failed", False, True), ("lost", False, True), ("done", False, False)],
)  # fmt: skip
def test_buttons_are_there_when_they_can_do_something(state, can_stop, can_resume):
    view = RunProgress()
    view.update(state, [])
    assert (view.stop.visible, view.resume.visible) == (can_stop, can_resume)
    assert view.message.text


def test_messages_of_the_run_come_first_and_errors_look_like_errors():
    view = RunProgress()
    view.update("failed", [], "The disk is full.")
    assert (view.message.text, view.message.kind) == ("The disk is full.", "error")
    view.update("running", [event("train", 3, left=90.0)], now=1000.0)
    assert view.message.kind == "state"
    assert view.left.text == "90 s left."
    view.update("running", [event("train", 0, message="Compiling the training program.")])
    assert view.message.text == "Compiling the training program."


def test_stop_says_why_it_cannot_until_the_state_changes():
    def refuse():
        raise ValueError("Run x is done; only a queued or running run can be stopped.")

    view = RunProgress(on_stop=refuse)
    view.update("running", [])
    view.stop.param.trigger("clicks")
    view.update("running", [])  # as the page does, more than once a second
    assert "only a queued or running run" in view.refusal.text
    view.update("stopped", [])
    assert not view.refusal.text


def test_state_is_escaped():
    assert "<b>" not in state_chip("<b>")


def test_losses_are_read_epoch_by_epoch():
    curves = losses_of_journal(
        [event("simulate", 5), epoch(1, 3.0, 3.1), epoch(3, 2.0, 2.5), epoch(3, 1.9, 2.4)]
    )
    np.testing.assert_array_equal(curves["train_loss"], [3.0, np.nan, 1.9])
    np.testing.assert_array_equal(curves["validation_loss"], [3.1, np.nan, 2.4])


def test_a_resumed_training_goes_on_and_a_new_round_comes_after():
    resumed = losses_of_journal(
        [epoch(1, 3.0, 3.0), epoch(2, 2.0, 2.0), epoch(2, 2.1, 2.1), epoch(3, 1.0, 1.0)]
    )
    assert resumed["train_loss"].tolist() == [3.0, 2.1, 1.0]
    rounds = losses_of_journal([epoch(1, 3.0, 3.0), epoch(2, 2.0, 2.0), epoch(1, 9.0, 9.0)])
    assert rounds["train_loss"].tolist() == [3.0, 2.0, 9.0]


def test_undefined_losses_are_kept_as_such():
    curves = losses_of_journal([epoch(1, None, None), epoch(2, 1.0, 1.5)])
    np.testing.assert_array_equal(curves["validation_loss"], [np.nan, 1.5])


def test_curve_of_a_tree_marks_the_best_epoch(toy_tree):
    view = TrainingCurve(toy_tree)
    assert losses_of_tree(toy_tree)["train_loss"].tolist() == [3.0, 2.0, 1.5]
    assert view._best.data["epoch"].tolist() == [2]
    assert view.summary.text == "Epoch 3: held-out loss 2.30, best 2.20 in epoch 2."


def test_steps_in_the_curve_are_explained(toy_tree):
    dataset = toy_tree["training"].to_dataset().assign(cycle=("epoch", [0, 1, 1]))
    view = TrainingCurve(xr.DataTree.from_dict({"/training": dataset}))
    assert "It rises where one of the 2 cycles" in view.summary.text


def test_curve_is_updated_and_not_torn_by_skipped_epochs():
    view = TrainingCurve()
    assert view.summary.text == "No epoch has ended yet."
    view.update([epoch(1, 3.0, 3.1), epoch(4, 2.0, 2.5)])
    assert view._sources["train_loss"].data["epoch"].tolist() == [1, 4]
    view.update([epoch(1, None, None)])
    assert "undefined in every epoch" in view.summary.text
