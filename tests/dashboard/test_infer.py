"""The page of a new run without a browser: choices become a request, mistakes become a sentence."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from dashboard import estimate, links, observations
from dashboard.views.launch import Launch, summary
from dashboard.views.method_choice import MethodChoice
from dashboard.views.model_choice import ModelChoice
from dashboard.views.observation_choice import ObservationChoice
from dashboard.views.observation_preview import ObservationPreview
from dashboard.views.plan import Plan
from simulators import Observed, Prior, RecordingAxes, Simulator, get_simulator
from simulators.recordings import CURRENT_CLAMP, kind_of, read_recording

TIME = np.arange(3000) * 0.1  # ms


@dataclass(frozen=True)
class Config:
    num_simulations: int = field(default=1000, metadata={"bounds": (1, 10**6), "help": "How many."})
    num_rounds: int = field(default=1, metadata={"bounds": (1, 10)})


def refuse_long(config, simulator):
    if config.num_simulations > 500_000:
        raise ValueError(f"{simulator.title} is too slow for {config.num_simulations} simulations.")


def make_simulator(name="leaky", *, takes_recordings=True):
    """V = R I: a resistor, as cheap a neuron as can be driven by a recording."""

    def driven(stimulus, time, observed):
        return Simulator(
            name,
            Prior({"R": dist.Uniform(0.5, 2.0)}, units={"R": "MOhm"}),
            lambda key, theta: theta["R"] * jnp.asarray(stimulus, jnp.float32),
            lambda voltage: {"mean": voltage.mean(), "peak": voltage.max()},
            feature_units={"mean": "mV"},
            axes=RecordingAxes(time, "voltage", "mV", stimulus=stimulus, stimulus_unit="uA"),
            true_theta=np.array([1.0], np.float32),
            observed=observed,
            drive=drive if takes_recordings else None,
            title=name.title(),
        )

    def drive(recording):
        x = np.array([recording.voltage.mean(), recording.voltage.max()], np.float32)
        voltage, told = recording.voltage.astype(np.float32), "Its current is taken as it is."
        observed = Observed(x, recording=voltage, label=recording.label, told=told)
        return driven(recording.current, recording.time, observed)

    return driven(np.where((TIME > 50) & (TIME < 200), 1.0, 0.0), TIME, None)


def write_csv(path, *, header="time (ms),voltage (mV),current (pA)", spike=20.0):
    step = np.where((TIME > 50) & (TIME < 200), 100.0, 0.0)
    voltage = np.where(np.arange(len(TIME)) == 1000, spike, -70.0)
    rows = "\n".join(f"{t:.1f},{v},{i}" for t, v, i in zip(TIME, voltage, step, strict=True))
    path.write_text(f"{header}\n{rows}\n")
    return path


@pytest.fixture(scope="module")
def simulators():
    names = {"leaky": True, "mute": False, "hodgkin_huxley": True}  # the last is what an empty address shows
    return {name: make_simulator(name, takes_recordings=takes) for name, takes in names.items()}


@pytest.fixture
def plan(simulators):
    return Plan(simulators, model="leaky", config=Config())


@pytest.fixture
def cell(tmp_path):
    return write_csv(tmp_path / "cell_1.csv")


def test_the_built_in_observation_is_seen_at_once(plan):
    preview = ObservationPreview(plan)
    assert plan.is_ready
    assert plan.observation == {"kind": "default"}
    assert plan.seen.x[1] == pytest.approx(1.0)
    assert preview.plots.visible
    assert preview.plot.sources["recording"].data["y0"].max() == pytest.approx(1.0)
    assert "Voltage from 0 to 1 mV" in preview.summary.text
    assert 'data-testid="feature-peak">1<' in preview.features.object


def test_a_recording_drives_the_model_and_is_shown(plan, cell):
    preview = ObservationPreview(plan)
    plan.choose(kind="recording", file=cell)
    assert plan.problem == ""
    assert plan.seen.x[1] == pytest.approx(20.0)
    assert preview.plot.sources["recording"].data["y0"].max() == pytest.approx(20.0)
    assert preview.summary.text.endswith(" over 300 ms. Its current is taken as it is.")
    assert preview.plot.figures[0].renderers[0].glyph.line_width >= 2.0  # else no pixel of a spike is full
    assert plan.observation["file"] == str(cell)


def test_a_recording_is_wanted_but_not_chosen(plan):
    launch = Launch(plan, lambda request: None)
    plan.choose(kind="recording")
    assert not plan.is_ready
    assert launch.button.disabled
    assert launch.needs.text == "Choose or upload a recording that can be read."


def test_a_bad_file_gives_one_sentence_and_no_run(plan, tmp_path):
    choice = ObservationChoice(plan, {}, limit=10**6)
    preview, launch = ObservationPreview(plan), Launch(plan, lambda request: None)
    wrong = tmp_path / "cell.nc"
    wrong.write_text("hello")
    plan.choose(kind="recording", file=wrong)
    assert "cell.nc" in choice.error.text
    assert choice.error.text.count("\n") == 0
    assert not preview.plots.visible
    assert launch.button.disabled
    plan.choose(file=write_csv(tmp_path / "good.csv"))
    assert choice.error.text == ""
    assert not launch.button.disabled


@pytest.mark.long
def test_an_upload_is_kept_under_a_safe_name_and_read(plan, cell):
    choice = ObservationChoice(plan, {}, limit=10**6)
    choice.kind.value = "recording"
    choice.upload.value = {"../../my cell.csv": cell.read_text()}
    assert plan.problem == ""
    assert plan.file.name == "my_cell.csv"
    assert plan.file.is_relative_to(choice.uploads.folder)
    assert plan.seen.x[1] == pytest.approx(20.0)
    choice.upload.value = {"my cell.csv": write_csv(cell, spike=30.0).read_text()}  # mended, same name
    assert plan.seen.x[1] == pytest.approx(30.0)


@pytest.mark.parametrize(("content", "sentence"), [(b"", "is empty"), (b"x" * 2000, "at most 0 MB")])
def test_an_upload_that_cannot_be_kept_says_so(plan, content, sentence):
    choice = ObservationChoice(plan, {}, limit=1000)
    choice.kind.value = "recording"
    choice.upload.value = {"cell.csv": content}
    assert sentence in choice.error.text
    assert not plan.is_ready


def test_recordings_of_the_server_are_offered(plan, cell, tmp_path):
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    offered = observations.offered([tmp_path])
    assert offered == {"cell_1.csv": cell}
    choice = ObservationChoice(plan, offered, limit=10**6)
    choice.kind.value = "recording"
    choice.recording.value = "cell_1.csv"
    assert plan.seen is not None
    assert plan.file == cell


@pytest.mark.long
def test_spikes_of_a_network_become_its_observation(cell, write_spikes, rhythm, tmp_path):
    models = {"leaky": make_simulator(), "pyloric": get_simulator("pyloric")}
    plan = Plan(models, model="leaky", config=Config())
    spikes = write_spikes(rhythm)
    offered = observations.offered([tmp_path], observations.kinds_of(models.values()))
    assert offered == {"cell_1.csv": cell, "cells.csv": spikes}
    choice, preview = ObservationChoice(plan, offered, limit=10**6), ObservationPreview(plan)
    choice.kind.value = "recording"
    choice.recording.value = "cell_1.csv"
    assert "current-clamp" in choice.teach.text
    assert list(choice.recording.options.values()) == ["", "cell_1.csv"]
    plan.choose(model="pyloric")
    assert plan.file is None  # a file of another kind
    assert choice.teach.text == kind_of(plan.simulator).words
    assert list(choice.recording.options.values()) == ["", "cells.csv"]
    choice.upload.value = {"my cells.csv": spikes.read_text()}
    assert plan.problem == ""
    assert preview.summary.text == "Spikes of 11.9 s, my_cells.csv: 18 features."
    assert 'data-testid="feature-cycle_period">1000<' in preview.features.object
    choice.upload.value = {"cell_1.csv": cell.read_text()}
    assert choice.error.text.startswith("cell_1.csv: the header")


def test_the_same_recording_is_read_once(plan, cell):
    simulator = plan.simulator
    assert observations.recorded(simulator, cell) is observations.recorded(simulator, cell)
    first = observations.recorded(simulator, cell)
    write_csv(cell, spike=30.0)
    assert observations.recorded(simulator, cell).x[1] == pytest.approx(30.0)
    assert first.x[1] == pytest.approx(20.0)


def test_a_file_with_sweeps_asks_for_one(cell):
    kind = replace(CURRENT_CLAMP, sweeps=lambda path: [3, 7], read=lambda path, sweep: read_recording(path))
    plan = Plan({"leaky": replace(make_simulator(), recordings=kind)}, model="leaky", config=Config())
    choice = ObservationChoice(plan, {}, limit=10**6)
    plan.choose(kind="recording", file=cell)
    assert (plan.seen, plan.problem) == (None, "")
    assert choice.error.text == "Choose a sweep of this file."
    assert choice.sweep.visible
    choice.sweep.value = 7
    assert plan.seen is not None
    assert plan.observation["sweep"] == 7


def test_another_model_may_take_no_recordings(plan, cell):
    choice, models = ObservationChoice(plan, {}, limit=10**6), ModelChoice(plan)
    plan.choose(kind="recording", file=cell)
    models.select.value = "mute"
    assert plan.kind == "default"
    assert "recording" not in choice.kind.options.values()
    assert "Mute" in summary(plan)


def test_settings_become_a_request(plan):
    choice = MethodChoice(plan, {"snpe": SimpleNamespace(title="Neural", config=Config, check=refuse_long)})
    choice.form.widgets["num_simulations"].value = "5 000"
    choice.seed.value = 3
    request = plan.request()
    assert (request.simulator, request.method, request.seed) == ("leaky", "snpe", 3)
    assert request.config == {"num_simulations": 5000}


def test_a_wrong_setting_stops_the_run(plan):
    choice = MethodChoice(plan, {"snpe": SimpleNamespace(title="Neural", config=Config, check=refuse_long)})
    launch = Launch(plan, lambda request: None)
    choice.form.widgets["num_simulations"].value = "0"
    assert launch.button.disabled
    assert launch.needs.text == "Mend the settings that are marked."


def test_what_cannot_work_with_the_model_is_said_before_the_run(plan):
    choice = MethodChoice(plan, {"snpe": SimpleNamespace(title="Neural", config=Config, check=refuse_long)})
    launch = Launch(plan, lambda request: None)
    choice.form.widgets["num_simulations"].value = "600 000"
    assert choice.form.error == "Leaky is too slow for 600000 simulations."
    assert launch.button.disabled
    plan.choose(model="mute")
    assert choice.form.error == "Mute is too slow for 600000 simulations."
    choice.form.widgets["num_simulations"].value = "500 000"
    assert not launch.button.disabled


def test_several_rounds_need_an_observation(plan):
    choice = MethodChoice(plan, {"snpe": SimpleNamespace(title="Neural", config=Config, check=refuse_long)})
    choice.form.widgets["num_rounds"].value = "2"
    assert choice.form.error == ""
    plan.choose(kind="none")
    assert "Several rounds need an observation" in choice.form.error
    assert plan.config is None
    plan.choose(kind="default")
    assert choice.form.error == ""


def test_run_submits_once(plan):
    asked = []
    launch = Launch(plan, asked.append)
    assert "on this machine" in launch.needs.text
    launch.run()
    launch.run()  # a double click
    assert [request.simulator for request in asked] == ["leaky"]


def test_a_run_that_cannot_be_submitted_says_why(plan):
    def fails(request):
        raise ValueError("The disk is full.")

    launch = Launch(plan, fails)
    launch.run()
    assert launch.error.text == "The disk is full."
    assert not launch.button.disabled


def test_more_simulations_need_more(simulators):
    few = estimate.estimate(simulators["leaky"], Config(num_simulations=1000))
    many = estimate.estimate(simulators["leaky"], Config(num_simulations=100_000, num_rounds=2))
    assert many.simulate_seconds == pytest.approx(200 * few.simulate_seconds)
    assert many.train_seconds > few.train_seconds > 0
    assert many.num_bytes > few.num_bytes


class TestPage:
    """The page itself, with the real methods and models."""

    @pytest.fixture
    def infer(self):
        from dashboard.pages import infer

        return infer

    def test_an_address_opens_the_same_plan(self, infer, simulators, cell):
        offered = {"cell_1.csv": cell}
        said = {"model": "leaky", "observation": "cell_1.csv", "seed": "4", "num_simulations": "2000"}
        query = links.Query(said)
        plan = infer.from_query(query, simulators, offered)
        assert query.problems == []
        assert plan.observation["file"] == str(cell)
        assert plan.config.num_simulations == 2000
        MethodChoice(plan, infer.METHODS)._take()
        shown = {key: str(value) for key, value in infer.choices(plan, offered).items() if value != ""}
        assert shown == said

    @pytest.mark.parametrize(
        ("address", "sentence"),
        [
            ({"model": "leeky"}, "There is no model 'leeky'. Did you mean 'leaky'?"),
            ({"observation": "cell_2.csv"}, "Did you mean 'cell_1.csv'?"),
            ({"model": "mute", "observation": "cell_1.csv"}, "takes no recordings"),
            ({"num_simulatoins": "3"}, "Did you mean 'num_simulations'?"),
            ({"num_simulations": "0"}, "The defaults are shown."),
            ({"seed": "-1"}, "outside 0 to"),
        ],
    )
    def test_a_wrong_address_is_told(self, infer, simulators, cell, address, sentence):
        query = links.Query(address)
        plan = infer.from_query(query, simulators, {"cell_1.csv": cell})
        assert len(query.problems) == 1
        assert sentence in query.problems[0]
        assert plan.is_ready  # a page to go on with

    def test_the_page_is_made(self, infer, monkeypatch):
        monkeypatch.setenv("POSTERIOR_LAB_DATA", "")
        monkeypatch.setattr(links, "read_query", lambda: links.Query({"model": "two_moons"}))
        assert infer.page().meta.title == "New run · Posterior Lab"

    def test_submitting_leads_to_the_run(self, infer, monkeypatch, tmp_path, plan):
        monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
        submitted, gone = [], []
        monkeypatch.setattr(infer, "get_jobs", lambda: SimpleNamespace(submit=submitted.append))
        monkeypatch.setattr(links, "go_to", gone.append)
        infer.submit(plan.request())
        assert gone == [f"run?id={submitted[0].id}"]
