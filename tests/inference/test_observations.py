"""Several observations in a request: kept in the run folder, and given to the method."""

import numpy as np
import pytest

from inference.observations import files_of, observe, with_files, within
from inference.requests import Request, check, resolve
from inference.runs import RunStore
from simulators import get_simulator
from tests.simulators.recordings import eeg_writers as writers


@pytest.fixture
def rows(tmp_path):
    """rows(folder, numbers) -> path of a table of observations of `hnpe_toy`, always of the same name."""

    def write(folder, numbers):
        (tmp_path / folder).mkdir(exist_ok=True)
        file = tmp_path / folder / "rows.csv"
        file.write_text("x\n" + "\n".join(map(str, numbers)) + "\n")
        return file

    return write


def recorded(file, sweep, *extra, **more):
    others = [{"file": str(one), "sweep": number} for one, number in extra]
    return {"kind": "recording", "file": str(file), "sweep": sweep, "extra": others, **more}


def test_recordings_are_copied_once_and_read_from_the_run(rows, tmp_path):
    one, other = rows("a", [0.1, 0.2, 0.3]), rows("b", [0.4])
    observation = recorded(one, 1, (one, 2), (other, 0), (one, 0))
    request = Request("hnpe_toy", "hnpe", observation=observation)
    check(request)
    run = RunStore(tmp_path / "root").create(request)
    one.unlink()
    assert files_of(run.request.observation) == ("observation/rows.csv", "observation/2/rows.csv")
    goal = resolve(run.request, run.folder).goal
    assert goal.x[0] == pytest.approx(0.2)
    assert np.allclose(goal.extra[:, 0], [0.3, 0.4, 0.1])


def test_all_files_of_a_brainvision_recording_are_kept(tmp_path):
    (tmp_path / "data").mkdir()
    file = writers.write_brainvision(tmp_path / "data" / "my eeg.vhdr", writers.alpha_waves())
    options = {"markers": ["1=closed", "2=open"], "low": None}
    request = Request("jansen_rit", "hnpe", observation=recorded(file, 0, (file, 1), options=options))
    run = RunStore(tmp_path / "root").create(request)
    kept = sorted(path.name for path in (run.folder / "observation").iterdir())
    assert kept == ["my eeg.eeg", "my eeg.vhdr", "my eeg.vmrk"]
    _, simulator, goal = resolve(run.request, run.folder)
    assert (goal.x.shape, goal.extra.shape) == ((33,), (1, 33))
    assert simulator.default_observation().label == "epoch 0 (closed) of my eeg.vhdr"
    assert goal.x[5] - goal.extra[0, 5] == pytest.approx(2.0, abs=0.3)  # 10 Hz, ten times higher waves


def test_simulations_stand_beside_the_built_in_observation():
    toy = get_simulator("hnpe_toy")
    _, goal = observe(toy, {"kind": "default", "extra": {"num": 4, "is_diverse": True}})
    assert goal.extra.shape == (4, 1)
    assert observe(toy, {"kind": "default"})[1].extra is None


@pytest.mark.parametrize(
    ("observation", "words"),
    [
        ({"kind": "none", "extra": {"num": 3}}, "Extra observations need an observation"),
        ({"kind": "default", "extra": {"num": -1}}, "0 to 1000 can be simulated; got -1"),
        ({"kind": "default", "extra": [{"file": "a"}]}, "can be simulated; got None"),
        ({"kind": "recording", "file": "a.csv", "extra": {"num": 3}}, "Each extra recording needs a file"),
        (
            {"kind": "recording", "file": "a.csv", "extra": [{"sweep": 3}]},
            "Each extra recording needs a file",
        ),
    ],
)
def test_odd_extras_are_refused(observation, words):
    with pytest.raises(ValueError, match=words):
        Request("hnpe_toy", observation=observation)


def test_what_cannot_be_used_is_said_before_a_run_is_made(rows, write_spikes, rhythm):
    file = rows("a", [0.1, 0.2])
    together = recorded(file, 0, (file, 1))
    with pytest.raises(ValueError, match="method snpe explains one observation; leave out the extra ones"):
        check(Request("hnpe_toy", "snpe", observation=together))
    with pytest.raises(ValueError, match="1 extras, but num_extra=0"):
        check(Request("hnpe_toy", "hnpe", {"num_extra": 0}, together))
    with pytest.raises(ValueError, match=r"b\.csv' does not exist"):
        check(Request("hnpe_toy", "hnpe", observation=recorded(file, 0, (file.with_name("b.csv"), 0))))
    with pytest.raises(ValueError, match=r"rows\.csv: there is no row 7"):
        check(Request("hnpe_toy", "hnpe", observation=recorded(file, 0, (file, 7))))
    with pytest.raises(ValueError, match="no options of how to read"):
        check(Request("hnpe_toy", "hnpe", observation={**together, "options": {"channel": "Oz"}}))
    spikes = write_spikes(rhythm)
    with pytest.raises(ValueError, match="'pyloric' has no parameter that observations share"):
        check(Request("pyloric", "snpe", observation=recorded(spikes, None, (spikes, None))))


def test_files_stay_within_the_run(tmp_path):
    observation = {"kind": "recording", "file": "a.csv", "extra": [{"file": "../b.csv"}]}
    with pytest.raises(ValueError, match=r"lies in its folder; got '\.\./b\.csv'"):
        within(observation, tmp_path)
    renamed = with_files(observation, {"a.csv": "0", "../b.csv": "1"})
    assert files_of(renamed) == ("0", "1")
