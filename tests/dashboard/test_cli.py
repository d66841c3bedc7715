"""The command line: the same run folders as the page, and one sentence for everything that is wrong."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dashboard import cli, settings, text
from dashboard.bench import run_benchmark
from inference.goals import EmergentProperty
from inference.observations import described_property
from inference.requests import Request

ROOT = Path(__file__).parents[2]

SMALL = [
    f"--set={setting}" for setting in ("num_simulations=200", "max_epochs=2", "estimator=maf", "num_layers=1")
]

MODEL = """
import numpy as np
from numpyro import distributions as dist
from simulators import Prior, Simulator

prior = Prior({"a": dist.Normal(0.0, 1.0)}, units={"a": "mV"})
mine = Simulator("mine", prior, lambda key, theta: theta["a"][None],
                 true_theta=np.array([0.5]), title="My model")
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a command in this process; gives (exit code, stdout, stderr)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["posterior-lab", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        written = capsys.readouterr()
        return ended.value.code or 0, written.out, written.err

    for name in ("POSTERIOR_LAB_ROOT", "POSTERIOR_LAB_SIMULATORS", "POSTERIOR_LAB_SCHEDULER"):
        monkeypatch.setenv(name, "")  # so that what a command sets is undone
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path / "root"))
    return call


def command(*arguments, **settings):
    return subprocess.Popen(
        [sys.executable, "-c", "from dashboard.cli import main; main()", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def test_help_is_there_at_once_and_imports_no_jax():
    started = time.process_time(), time.monotonic()
    code = "import sys; sys.argv = ['posterior-lab', '--help']; import dashboard.cli as c\n"
    code += "try: c.main()\nexcept SystemExit: pass\n"
    code += "assert not {'jax', 'panel', 'xarray', 'distributed'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert time.monotonic() - started[1] < 15.0  # 0.4 s on an idle machine
    for name in ("serve", "run", "list", "show", "stop", "resume", "simulators", "methods", "doctor",
                 "export", "import", "delete", "undelete", "trash", "remove", "priority"):  # fmt: skip
        assert f"\n  {name} " in done.stdout


@pytest.mark.long
def test_run_show_and_list(call, store):
    code, out, err = call("run", "two_moons", *SMALL, "--seed", "3")
    assert code == 0, err
    run = store.list()[0]
    assert (run.state, run.request.seed) == ("done", 3)
    assert run.id in err
    assert re.search(r"parameter +mean +sd", out)
    assert "\nNext: " in out  # the verdict, not the numbers alone
    code, out, _ = call("list")
    assert code == 0
    assert re.search(rf"{run.id} +done +two_moons +snpe", out)
    code, out, _ = call("show", run.id)
    assert code == 0
    assert "num_simulations=200" in out
    assert re.search(r"\n\n.*this posterior.*\n( +[+!x] .+\.\n)+Next: ", out)
    assert re.search(r"parameter +mean +sd", out)
    assert call("stop", run.id)[::2] == (
        2,
        f"Error: Run {run.id} is done; only a queued or running run can be stopped.\n",
    )
    assert call("resume", run.id)[::2] == (2, f"Error: Run {run.id} is done; there is nothing to resume.\n")


def test_show_tells_the_property_of_a_run_of_epi(call, store):
    goal = EmergentProperty({"frequency": 1.0}, {"frequency": 0.1})
    run = store.create(Request("linear_dynamics", method="epi", observation=described_property(goal)))
    _, out, _ = call("show", run.id)
    assert re.search(r"\nproperty +frequency 1 ± 0\.1\n", out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "hodgkin_huxly"], "There is no simulator 'hodgkin_huxly'. Did you mean 'hodgkin_huxley'?"),
        (["run", "two_moons", "--method", "snp"], "There is no method 'snp'. Did you mean 'snpe'?"),
        (["run", "two_moons", "--set", "num_simulation=5"], "Did you mean 'num_simulations'?"),
        (["run", "two_moons", "--set", "num_simulations"], "A setting is written name=value"),
        (["run", "two_moons", "--set", "num_simulations=0"], "num_simulations"),
        (["run", "two_moons", "--set", "num_simulations=lots"], "must be a whole number; got 'lots'"),
        (["run", "two_moons", "--observation", "nothing.nc"], "There is no recording 'nothing.nc'."),
        (["run", "two_moons", "--observation", __file__], "cannot be driven by a recording"),
        (["run", "two_moons", "--method", "nuts", "--observation", "none"], "nuts needs an observation"),
        (["run", "autapse", "--method", "nuts"], "NUTS needs a likelihood, and 'autapse' has none"),
        (["run", "two_moons", "--extra", "3"], "'two_moons' has no parameter that observations share"),
        (
            ["run", "hnpe_toy", "--extra", "3"],
            "method snpe explains one observation; leave out the extra ones",
        ),
        (["run", "hnpe_toy", "--extra", "a.csv"], "--extra is how many to simulate; got 'a.csv'"),
        (["run", "hnpe_toy", "--epoch", "3"], "are about a recording; give one with --observation"),
        (["run", "hnpe_toy", "--method", "hnpe", "--set", "num_extra=2", "--extra", "3"], "num_extra=3"),
        (["run", "two_moons", "--seed", "-1"], "The seed must be a whole number"),
        (["run", "mine", "--simulators", "nowhere.py"], "The simulator file 'nowhere.py' does not exist."),
        (["show", "../../etc"], "is not the id of a run"),
        (["show", "20260101-000000-m-0000"], "There is no run 20260101-000000-m-0000"),
        (["list", "--root", "/proc/nothing/here"], "No runs in"),
    ],
)
def test_what_is_wrong_is_one_sentence(call, store, arguments, words):
    code, out, err = call(*arguments)
    assert words in err + out
    assert "Traceback" not in err
    if arguments[0] != "list":
        assert code == 2
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
    assert store.list() == []  # nothing is left of what could not begin


@pytest.mark.long
def test_an_unexpected_error_is_no_traceback(call, monkeypatch):
    def fail(_):
        raise RuntimeError("boom")

    monkeypatch.setattr(settings, "account", fail)
    monkeypatch.setattr(text, "table", lambda *_: fail(None))
    code, _, err = call("simulators")
    assert code == 1
    assert err == "Error: Unexpected RuntimeError: boom (set POSTERIOR_LAB_DEBUG=1 to see where).\n"


def test_a_model_of_ones_own(call, tmp_path):
    file = tmp_path / "my_model.py"
    file.write_text(MODEL)
    code, out, _ = call("simulators", "--simulators", file)
    assert code == 0
    assert re.search(r"mine +1 parameter +1 feature +My model", out)


@pytest.mark.long
def test_simulators_methods_and_doctor(call):
    assert "hodgkin_huxley" in call("simulators")[1]
    assert re.search(r"snpe: .*\n +\w+", call("methods")[1])
    out = call("doctor")[1]
    assert re.search(r"jax +\d", out)
    assert "writable" in out
    anew, kept = re.search(r"to compile +([\d.]+) s .*, ([\d.]+) s once it is kept", out).groups()
    assert float(kept) < float(anew)


def test_bench_runs_what_is_in_a_checkout_and_says_where_it_is_not(call, tmp_path):
    assert "run this in a checkout" in str(
        pytest.raises(ValueError, run_benchmark, "speed", [], root=tmp_path)
    )
    code, _, err = call("bench", "beauty")
    assert code == 2
    assert "There is no benchmark 'beauty'; choose one of speed, jax-peers, accuracy." in err
    assert call("bench", "speed", "--help")[0] == 0


def test_list_shows_what_is_broken_and_what_was_lost(call, store):
    run, broken = (store.create(Request("two_moons")) for _ in range(2))
    (broken.folder / "run.json").write_text("{")
    run.set_state("running")
    run.update(heartbeat=0.0)
    code, out, err = call("list")
    assert code == 0
    assert re.search(rf"{run.id} +lost", out)
    assert f"Run {broken.id} cannot be read" in err


@pytest.mark.long
def test_ctrl_c_stops_and_resume_finishes(call, store):
    with command("run", "two_moons", *SMALL, env={**os.environ}) as process:
        _wait(lambda: store.list() and store.list()[0].latest())
        run = store.list()[0]
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert (run.state, "Traceback" in err) == ("stopped", False)
    assert f"posterior-lab resume {run.id}" in err
    code, out, err = call("resume", run.id)
    assert code == 0, err
    assert "parameter" in out
    assert run.state == "done"


def test_durations_are_as_people_say_them():
    assert [text.duration(s) for s in (0.2, 45, 300, 7200)] == ["1 s", "45 s", "5 min", "2.0 h"]


def test_the_latest_event_as_a_line():
    event = {"stage": "train", "done": 3, "total": 9, "values": {"loss": 1.23456, "rate": None}, "left": 75.0}
    assert text.progress_line(event) == "train 3 of 9, loss 1.235, about 75 s left"


def _wait(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
