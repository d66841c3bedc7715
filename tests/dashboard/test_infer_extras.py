"""Several observations on the page of a new run: which is x_0, which stand beside it, how they are read."""

from dataclasses import replace

import numpy as np
import pytest

from dashboard import links, observations
from dashboard.candidates import look
from dashboard.views.extra_choice import ExtraChoice, rows
from dashboard.views.extras_preview import ExtrasPreview, describe
from dashboard.views.launch import Launch
from dashboard.views.method_choice import MethodChoice
from dashboard.views.observation_choice import ObservationChoice
from dashboard.views.observation_preview import ObservationPreview
from dashboard.views.plan import Plan
from dashboard.views.recording_set import RecordingSet, recordings_among
from inference import HNPE, SNPE
from inference.methods import METHODS
from inference.requests import check
from simulators import get_simulator
from simulators.recordings import EegOptions
from tests.simulators.recordings import eeg_writers as writers

SMALL = HNPE(num_simulations=100)


@pytest.fixture(scope="module")
def simulators():
    names = ("hnpe_toy", "jansen_rit", "two_moons")
    return {name: get_simulator(name) for name in names}


@pytest.fixture(scope="module")
def eeg(tmp_path_factory):
    """Closed, open, closed, open; 8 s each."""
    return writers.write_table(tmp_path_factory.mktemp("eeg") / "eeg.csv", writers.alpha_waves())


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("x,label\n0.2,day 1\n0.3,day 2\n0.1,day 2\n0.25,day 1\n")
    return file


@pytest.fixture
def toy(simulators):
    return Plan(simulators, model="hnpe_toy", method="hnpe", config=SMALL)


@pytest.fixture
def recorded(simulators, eeg):
    return Plan(
        simulators, model="jansen_rit", method="hnpe", config=SMALL, kind="recording", file=eeg,
        num_simulated=2,
    )  # fmt: skip


class TestSimulated:
    """Beside the built-in observation."""

    def test_as_many_as_are_asked_for(self, toy):
        choice = ExtraChoice(toy)
        assert choice.content.visible
        assert choice.simulated.visible
        assert not choice.real.visible
        assert len(toy.extras) == 9
        assert toy.observation == {"kind": "default", "extra": {"num": 9, "is_diverse": True}}
        choice.number.value = 3
        choice.diverse.value = False
        assert toy.observation["extra"] == {"num": 3, "is_diverse": False}
        assert np.ptp([one.seen.x[0] for one in toy.extras]) < 0.5
        assert "sharp but wrong" in choice.teach.text
        choice.number.value = 0
        assert toy.observation == {"kind": "default"}
        assert "Nothing stands beside x₀" in choice.teach.text
        check(toy.request())

    def test_only_for_methods_that_use_them(self, toy):
        choice, preview = ExtraChoice(toy), ExtrasPreview(toy)
        assert preview.content.visible
        toy.param.update(method="snpe", config=SNPE())
        assert toy.observation == {"kind": "default"}
        assert not choice.simulated.visible
        assert not preview.content.visible
        assert "with the method HNPE, others beside this one" in choice.teach.text
        toy.param.update(method="hnpe", config=SMALL)
        assert len(toy.extras) == 9

    def test_only_for_models_that_share_something(self, toy):
        choice = ExtraChoice(toy)
        toy.choose(model="two_moons")
        assert not choice.content.visible
        assert toy.observation == {"kind": "default"}

    def test_more_than_are_learnt_to_use_are_told(self, toy):
        choice = MethodChoice(toy, METHODS)
        choice.form.widgets["num_extra"].value = "4"
        assert "has 9 extras, but num_extra=4" in choice.form.error
        toy.choose(num_simulated=4)
        assert choice.form.error == ""

    def test_numbers_are_dots(self, toy):
        preview = ExtrasPreview(toy)
        assert preview.sources["data"].data["x"] == [pytest.approx(0.25)]
        assert len(preview.sources["several0"].data["x"]) == 9
        assert preview.summary.text.startswith("x₀ is 0.250; those beside it are ")


class TestRows:
    """From a table."""

    def test_rows_are_ticked(self, toy, table):
        choice = ExtraChoice(toy)
        toy.choose(kind="recording", file=table)
        assert choice.told.text == "4 rows of rows.csv, 2 labels."
        assert [row["note"] for row in choice.ticks.rows] == ["0.200", "0.300", "0.100", "0.250"]
        assert (toy.first, toy.ticked) == (0, [1, 2, 3])
        choice.ticks.first = 1
        assert toy.seen.x[0] == pytest.approx(0.3)
        choice.ticks.ticked = [0, 1, 2]
        assert [one.name for one in toy.extras] == ["row 0", "row 2"]
        observation = toy.observation
        assert (observation["sweep"], observation["label"]) == (1, "row 1 of rows.csv")
        assert observation["extra"][0] == {
            "file": str(table), "sweep": 0, "name": "row 0", "label": "day 1",
        }  # fmt: skip
        check(toy.request())

    def test_all_none_and_those_of_a_label(self, toy, table):
        choice = ExtraChoice(toy)
        toy.choose(kind="recording", file=table)
        buttons = {button.label: button for button in choice.quick.objects}
        assert list(buttons) == ["all", "all day 1", "all day 2", "none"]
        for name, ticked in (("none", []), ("all day 2", [1, 2]), ("all day 1", [3]), ("all", [1, 2, 3])):
            buttons[name].clicks += 1
            assert toy.ticked == ticked
            assert choice.ticks.ticked == ticked

    def test_several_files(self, simulators, toy, table, tmp_path):
        (tmp_path / "more").mkdir()
        other = tmp_path / "more" / "other.csv"
        other.write_text("x\n0.4\n")
        files = {"rows.csv": table, "other.csv": other}
        chosen = RecordingSet(toy, files, limit=10**6)
        toy.choose(kind="recording")
        assert chosen.content.visible
        assert list(chosen.server.options.values()) == ["rows.csv", "other.csv"]
        chosen.server.value = ["rows.csv", "other.csv"]
        assert [one.name for one in toy.found.candidates][3:] == ["rows, row 3", "other, row 0"]
        assert toy.files == (table, other)
        chosen.server.value = ["other.csv"]
        assert toy.files == (other,)
        assert toy.observation["label"] == "row 0 of other.csv"

    def test_a_wrong_file_is_one_sentence(self, toy, tmp_path):
        choice, launch = ObservationChoice(toy, {}, limit=10**6), Launch(toy, lambda request: None)
        wrong = tmp_path / "a.csv"
        wrong.write_text("y\n1\n")
        toy.choose(kind="recording", file=wrong)
        assert choice.error.text.startswith("a.csv: the header 'y' has no column x")
        assert launch.button.disabled
        assert not choice.files.visible


class TestEeg:
    """From the epochs of an EEG."""

    def test_epochs_are_ticked_and_their_spectra_shown(self, recorded):
        choice, preview = ExtraChoice(recorded), ExtrasPreview(recorded)
        assert "4 epochs of 8 s (closed 2, open 2)" in choice.told.text
        assert [row["label"] for row in choice.ticks.rows] == ["closed", "open", "closed", "open"]
        assert [row["colour"] for row in choice.ticks.rows] == [0, 1, 0, 1]
        assert choice.ticks.rows[0]["note"].endswith(" µV")
        assert [len(preview.sources[role].data["x"]) for role in ("data", "several0", "several1")] == [
            1,
            1,
            2,
        ]
        assert len(preview.sources["data"].data["y"][0]) == 33
        assert "The log power of x₀ is highest at 9.85 Hz" in preview.summary.text
        choice.ticks.ticked = [1, 3]
        assert 'several1"></i>open' in preview.legend.object
        assert "several0" not in preview.legend.object
        check(recorded.request())

    def test_x_0_is_shown_as_a_recording(self, recorded):
        shown = ObservationPreview(recorded)
        assert shown.plots.visible
        assert "Oz from" in shown.summary.text
        assert "µV" in shown.summary.text

    def test_how_it_is_read(self, recorded, eeg):
        chosen = RecordingSet(recorded, {}, limit=10**6)
        assert recorded.options == EegOptions()
        assert chosen.form.widgets["channel"].options == ["Oz", "Fp1"]
        assert chosen.form.widgets["channel"].value == "Oz"
        chosen.form.widgets["channel"].value = "Fp1"
        assert recorded.observation["options"] == {"channel": "Fp1"}
        assert recorded.found.channel == "Fp1"
        chosen.form.widgets["low"].value = "80"
        assert "not usable" in recorded.problem
        assert recorded.seen is None
        chosen.form.widgets["low"].value = ""
        assert recorded.observation["options"] == {"channel": "Fp1", "low": None}

    def test_files_of_a_brainvision_recording_are_uploaded_together(self, recorded, tmp_path):
        file = writers.write_brainvision(tmp_path / "my eeg.vhdr", writers.alpha_waves())
        content = {part.name: part.read_bytes() for part in tmp_path.iterdir()}
        chosen = RecordingSet(recorded, {}, limit=10**7)
        chosen.upload.value = {file.name: content[file.name]}
        assert "names my eeg.eeg and my eeg.vmrk, which must lie beside it" in recorded.problem
        chosen.upload.value = content
        assert recorded.problem == ""
        assert len(recorded.found.candidates) == 5  # its markers are only numbers
        chosen.form.widgets["markers"].value = "1 = closed, 2 = open"
        assert [one.label for one in recorded.found.candidates] == ["closed", "open", "closed", "open"]
        assert recordings_among([tmp_path / "a.eeg"]) == [tmp_path / "a.eeg"]


class TestAddress:
    """What a link says of them."""

    @pytest.fixture
    def infer(self):
        from dashboard.pages import infer

        return infer

    def test_of_simulations(self, infer, simulators):
        said = {"model": "hnpe_toy", "method": "hnpe", "extras": "3", "alike": "yes"}
        query = links.Query(said)
        plan = infer.from_query(query, simulators, {})
        assert query.problems == []
        assert plan.observation["extra"] == {"num": 3, "is_diverse": False}
        assert self.shown(infer, plan, {}) == said

    def test_of_rows(self, infer, simulators, table):
        offered = {"rows.csv": table}
        said = {
            "model": "hnpe_toy",
            "observation": "rows.csv",
            "first": "2",
            "extras": "0,3",
            "method": "hnpe",
        }
        query = links.Query(said)
        plan = infer.from_query(query, simulators, offered)
        assert query.problems == []
        assert plan.observation["sweep"] == 2
        assert [one["sweep"] for one in plan.observation["extra"]] == [0, 3]
        assert self.shown(infer, plan, offered) == said

    def test_of_an_eeg(self, infer, simulators, eeg):
        offered = {"eeg.csv": eeg}
        said = {"model": "jansen_rit", "observation": "eeg.csv", "first": "0", "extras": "1",
                "read.channel": "Fp1", "read.low": "none", "method": "hnpe"}  # fmt: skip
        query = links.Query(said)
        plan = infer.from_query(query, simulators, offered)
        assert query.problems == []
        assert plan.options == EegOptions(channel="Fp1", low=None)
        assert self.shown(infer, plan, offered) == said

    def test_a_wrong_one_is_told(self, infer, simulators, table):
        said = {"model": "hnpe_toy", "observation": "rows.csv", "extras": "a,b", "read.channel": "Oz"}
        query = links.Query(said)
        plan = infer.from_query(query, simulators, {"rows.csv": table})
        assert len(query.problems) == 2
        assert plan.is_ready

    @staticmethod
    def shown(infer, plan, offered):
        return {
            key: str(value) for key, value in infer.choices(plan, offered).items() if value not in ("", None)
        }


def test_a_model_that_shares_nothing_has_one_candidate(simulators):
    plan = Plan(simulators, model="two_moons", config=SNPE())
    assert len(plan.found.candidates) == 1
    assert rows(plan.found.candidates)[0]["name"] == "built-in"


def test_too_many_cannot_be_shown(toy, tmp_path):
    file = tmp_path / "many.csv"
    file.write_text("x\n" + "0.1\n" * 501)
    question = replace(toy._question(), kind="recording", files=(file,))
    with pytest.raises(ValueError, match="there are 501 observations, but at most 500"):
        look(question)
    assert describe(toy).startswith("x₀ is")
    assert observations.UPLOADS not in str(file)
