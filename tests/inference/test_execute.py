"""`run` and `perform`: the same result however often interrupted, and a clear state whatever happens."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference import journal
from inference.decimate import decimated, decimated_time
from inference.execute import in_one_sentence, perform, run
from inference.progress import Progress, Stopped, as_callback
from inference.provenance import seed_of, simulator_hash
from inference.recorder import Clock
from inference.requests import Request
from inference.runs import RunBusy, RunStore
from simulators import get_simulator, simulate_batch

TINY = Path(__file__).with_name("tiny_method.py")
SLOW = {"num_simulations": 64, "num_epochs": 40, "epoch_seconds": 0.05}


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("linear_gaussian")


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "root")


def same(a, b):
    """The same numbers in every group."""
    groups = {group.path for group in a.tree.subtree}
    assert groups == {group.path for group in b.tree.subtree}
    return all(a.tree[path].to_dataset().equals(b.tree[path].to_dataset()) for path in groups)


@pytest.mark.long
def test_a_run_has_all_groups_with_arviz_names(tiny, simulator):
    x_o = simulator.default_observation().x
    events = []
    result = run(tiny.Tiny(), simulator, x_o, key=jax.random.key(5), on_progress=events.append)
    assert set(result.tree.children) == {
        "prior",
        "prior_predictive",
        "posterior",
        "posterior_predictive",
        "sample_stats",
        "observed_data",
        "constant_data",
        "diagnostics",
    }
    assert result.tree["posterior"].sizes == {"chain": 1, "draw": 40}
    assert list(result.tree["posterior"].data_vars) == list(simulator.prior.names)
    assert result.tree["posterior_predictive/x"].dims == ("draw", "feature")
    assert result.tree["observed_data/x"].to_series().to_dict() == pytest.approx(
        dict(zip(simulator.feature_names, x_o.tolist(), strict=True))
    )
    np.testing.assert_allclose(result.tree["constant_data/true_theta"], simulator.true_theta)
    attrs = result.tree.attrs
    assert (attrs["method"], attrs["simulator"], attrs["seed"]) == ("tiny", "linear_gaussian", 5)
    assert json.loads(attrs["config"])["num_simulations"] == 64
    assert "jax" in json.loads(attrs["versions"])
    assert set(json.loads(attrs["seconds"])) == {"simulate", "train", "sample", "predict", "diagnose"}
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages == ["simulate", "train", "sample", "predict", "diagnose"]


def test_draws_and_their_densities_belong_together(tiny, simulator):
    result = run(
        tiny.Tiny(), simulator, simulator.default_observation().x, key=jax.random.key(0), on_progress=False
    )
    theta = np.stack([column.values[0] for column in result.tree["posterior"].data_vars.values()], axis=1)
    log_prob = result.posterior.log_prob(jnp.asarray(theta))
    np.testing.assert_allclose(result.tree["sample_stats/lp"].values[0], log_prob, rtol=1e-4)


def test_it_converts_to_arviz(tiny, simulator):
    result = run(
        tiny.Tiny(), simulator, simulator.default_observation().x, key=jax.random.key(0), on_progress=False
    )
    data = az.InferenceData.from_datatree(result.tree)
    summary = az.summary(data.posterior, kind="stats")
    assert list(summary.index) == list(simulator.prior.names)


def test_an_amortised_run_has_a_prior_and_no_posterior_draws(tiny, simulator):
    result = run(tiny.Tiny(), simulator, key=jax.random.key(0), on_progress=False)
    assert "posterior" not in result.tree.children
    assert result.tree["prior"].sizes["draw"] == 40
    x = jnp.zeros(simulator.num_features)
    assert result.posterior.sample(jax.random.key(1), 3, x=x).shape == (3, simulator.prior.dim)


def test_the_key_decides(tiny, simulator):
    x_o = simulator.default_observation().x
    results = [run(tiny.Tiny(), simulator, x_o, key=jax.random.key(k), on_progress=False) for k in (1, 1, 2)]
    assert same(results[0], results[1])
    assert not same(results[0], results[2])


def test_given_simulations_are_used(tiny, simulator):
    given = simulate_batch(simulator, jax.random.key(9), num=32)
    result = run(tiny.Tiny(), simulator, key=jax.random.key(0), on_progress=False, simulations=given)
    np.testing.assert_array_equal(result.tree["prior_predictive/x"], given.x)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("not a config", None), TypeError, "Tiny.* got str"),
        (("config", np.zeros(3)), ValueError, "has 3 features, but 'linear_gaussian' has 10"),
        (("config", np.zeros((2, 10))), ValueError, "one row of features"),
    ],
)
def test_wrong_arguments_are_one_sentence(tiny, simulator, arguments, error, words):
    config = tiny.Tiny() if arguments[0] == "config" else arguments[0]
    with pytest.raises(error, match=words):
        run(config, simulator, arguments[1], key=jax.random.key(0), on_progress=False)


@pytest.mark.long
def test_a_folder_resumes_and_then_loads(tiny, simulator, tmp_path):
    x_o, config, key = simulator.default_observation().x, tiny.Tiny(), jax.random.key(3)
    whole = run(config, simulator, x_o, key=key, on_progress=False)

    def stop(event):
        if event.stage == "train" and event.done == 3:
            raise Stopped

    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        run(config, simulator, x_o, key=key, on_progress=stop, folder=folder)
    trained = []
    resumed = run(config, simulator, x_o, key=key, on_progress=trained.append, folder=folder)
    assert [event.done for event in trained if event.stage == "train"] == [4, 5]
    assert same(whole, resumed)
    again = []
    loaded = run(config, simulator, x_o, key=key, on_progress=again.append, folder=folder)
    assert again == []
    assert same(whole, loaded)


def test_a_folder_of_another_run_is_refused(tiny, simulator, tmp_path):
    x_o, key, quiet = (
        simulator.default_observation().x,
        jax.random.key(3),
        {"on_progress": False, "folder": tmp_path},
    )
    run(tiny.Tiny(), simulator, x_o, key=key, **quiet)
    given = simulate_batch(simulator, key, num=8)
    for words, change in {
        "another config": lambda: run(tiny.Tiny(num_epochs=6), simulator, x_o, key=key, **quiet),
        "another seed": lambda: run(tiny.Tiny(), simulator, x_o, key=jax.random.key(4), **quiet),
        "another data_sha256": lambda: run(tiny.Tiny(), simulator, x_o + 1, key=key, **quiet),
        "another simulator ": lambda: run(
            tiny.Tiny(), replace(simulator, name="other"), x_o, key=key, **quiet
        ),
        "another simulations_sha256": lambda: run(
            tiny.Tiny(), simulator, x_o, key=key, simulations=given, **quiet
        ),
    }.items():
        with pytest.raises(ValueError, match=words):
            change()


def test_perform_does_what_the_folder_asks_for(tiny, store, simulator):
    job = store.create(Request("linear_gaussian", "tiny", {"num_simulations": "32"}, seed=7))
    perform(job, on_progress=False)
    assert (job.state, job.message) == ("done", "")
    expected = run(
        tiny.Tiny(32), simulator, simulator.default_observation().x, key=jax.random.key(7), on_progress=False
    )
    assert same(job.result(), expected)
    events = job.progress()
    assert [events[0]["stage"], events[-1]["stage"]] == ["simulate", "diagnose"]
    assert {"stage_left", "left", "time"} <= events[0].keys()
    perform(job, on_progress=False)  # a run that is done stays as it is
    assert len(job.progress()) == len(events)


def test_a_failure_is_one_sentence_and_a_log(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny", {"fails_at": 2}))
    perform(job, on_progress=False)
    assert job.state == "failed"
    assert job.message == "Unexpected RuntimeError: the tiny method was told to fail (details in error.log)."
    assert "Traceback" in (job.folder / "error.log").read_text()
    assert not job.is_claimed


def test_a_wrong_request_fails_with_its_sentence(tiny, store):
    job = store.create(Request("linear_gausian", "tiny"))
    perform(job, on_progress=False)
    assert (job.state, job.message) == (
        "failed",
        "There is no simulator 'linear_gausian'. Did you mean 'linear_gaussian'?",
    )


@pytest.mark.long
@pytest.mark.parametrize("interrupt", [Stopped, KeyboardInterrupt])
def test_an_interrupt_stops_and_can_be_resumed(tiny, store, interrupt):
    job, undisturbed = (store.create(Request("linear_gaussian", "tiny")) for _ in range(2))

    def listen(event):
        if event.stage == "train" and event.done == 2:
            raise interrupt

    perform(job, on_progress=listen)
    assert job.state == "stopped"
    assert "can be resumed" in job.message
    job.enqueue()
    perform(job, on_progress=False)
    perform(undisturbed, on_progress=False)
    assert job.state == "done"
    assert same(job.result(), undisturbed.result())


def test_a_stop_takes_less_than_a_second(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny", SLOW))
    thread = threading.Thread(target=perform, args=(job,), kwargs={"on_progress": False})
    thread.start()
    _wait(lambda: (job.latest() or {}).get("stage") == "train")
    asked = time.monotonic()
    job.request_stop()
    assert job.state in ("stopping", "stopped")
    _wait(lambda: job.state == "stopped", seconds=3.0)
    assert time.monotonic() - asked < 3.0  # 0.3 s on an idle machine: room for a busy one
    thread.join()


@pytest.mark.long
def test_a_stop_that_has_to_wait_says_why(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny", {"num_epochs": 1, "epoch_seconds": 6.0}))
    thread = threading.Thread(target=perform, args=(job,), kwargs={"on_progress": False})
    thread.start()
    _wait(lambda: (job.latest() or {}).get("done") == 64)
    job.request_stop()
    _wait(lambda: job.message.startswith("Stopping: waiting for"), seconds=6.0)
    assert job.state == "stopping"
    thread.join()
    assert job.state == "stopped"


def test_a_run_stopped_in_the_queue_does_not_begin(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny"))
    job.request_stop()
    perform(job, on_progress=False)
    assert job.record["state"] == "stopped"
    assert job.progress() == []


def test_nobody_performs_what_somebody_performs(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny"))
    with job.claim(), pytest.raises(RunBusy):
        perform(job, on_progress=False)
    assert job.state == "queued"


@pytest.mark.long
def test_a_killed_process_loses_nothing(tiny, store):
    """After kill -9 in the middle, and a torn line in the journal, the end is that of an undisturbed run."""
    job, undisturbed = (store.create(Request("linear_gaussian", "tiny", SLOW)) for _ in range(2))
    with subprocess.Popen([sys.executable, str(TINY), str(job.folder)], cwd=TINY.parents[2]) as process:
        _wait(lambda: (job.latest() or {"stage": ""})["stage"] == "train", seconds=40)
        assert job.is_claimed
        process.send_signal(signal.SIGKILL)
    assert job.state == "running"
    assert not job.is_claimed
    journal_path = job.folder / "progress.jsonl"
    journal_path.write_bytes(journal_path.read_bytes()[:-7])
    heard = []
    perform(job, on_progress=heard.append)
    perform(undisturbed, on_progress=False)
    assert (job.state, undisturbed.state) == ("done", "done")
    assert same(job.result(), undisturbed.result())
    assert [event.done for event in heard if event.stage == "train"][0] > 1  # it went on, not from the start
    assert journal.read_all(journal_path)[-1]["stage"] == "diagnose"


def test_a_result_that_was_stored_before_the_kill_is_not_computed_again(tiny, store):
    job = store.create(Request("linear_gaussian", "tiny"))
    perform(job, on_progress=False)
    job.set_state("running")  # killed between the result and the state
    heard = []
    perform(job, on_progress=heard.append)
    assert job.state == "done"
    assert heard == []


def test_time_left_comes_from_the_rate_and_not_from_what_was_found_or_compiled():
    clock = Clock()
    assert clock.left(Progress("train", 50, 100), 0.0) == (None, None)  # resumed at half
    assert clock.left(Progress("train", 60, 100), 35.0) == (None, None)  # 30 s of compiling
    assert clock.left(Progress("train", 60, 100), 36.0) == (None, None)  # the next epoch is under way
    in_stage, overall = clock.left(Progress("train", 70, 100), 40.0)
    assert in_stage == pytest.approx(15.0)
    assert overall >= in_stage
    assert clock.left(Progress("train", 100, 100), 55.0)[0] == 0.0
    assert clock.left(Progress("sample", 0, 10), 55.0) == (None, None)


def test_a_bar_leaves_out_of_the_time_left_what_was_found_or_compiled(monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("tqdm.std.time", lambda: clock.now)
    monkeypatch.setattr("inference.progress.time", SimpleNamespace(time=lambda: clock.now))
    report, drawn = as_callback(None), []
    for done, clock.now in ((50, 0.0), (60, 35.0), (70, 40.0), (80, 45.0)):
        report(Progress("train", done, 100))
        drawn.append(capsys.readouterr().err.rsplit("\r", 1)[-1])
    report(Progress("diagnose", 1, 1))  # closes it
    assert ["00:35<?" in drawn[1], "00:40<00:15" in drawn[2], "00:45<00:10" in drawn[3]] == [True] * 3, drawn


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("x is wrong."), "x is wrong."),
        (MemoryError(), "memory of this machine"),
        (RuntimeError("RESOURCE_EXHAUSTED: 8 GB"), "memory of this machine"),
        (OSError(28, "No space left on device"), "disk is full"),
        (OSError("81920 requested and 46048 written"), "disk is full"),  # in NumPy's words
        (OSError(13, "Permission denied"), "Permission denied"),
        (ZeroDivisionError(), "Unexpected ZeroDivisionError: without a message"),
    ],
)
def test_errors_are_one_sentence(error, words):
    assert words in in_one_sentence(error)


def test_decimation_keeps_every_spike_and_its_time():
    time_, series = np.arange(36_251) * 0.04, np.zeros((3, 36_251))
    series[1, 17_777], series[2, 36_250] = 40.0, -70.0
    short, axis = decimated(series), decimated_time(time_)
    assert short.shape == (3, len(axis))
    assert len(axis) <= 2000
    assert short[1].max() == 40.0
    assert short[2].min() == -70.0
    assert abs(axis[short[1].argmax()] - time_[17_777]) < 1.5
    assert (np.diff(axis) >= 0).all()
    np.testing.assert_array_equal(decimated(series[:, :2000]), series[:, :2000])


def test_seeds_and_hashes(simulator):
    assert seed_of(jax.random.key(12)) == 12
    assert isinstance(seed_of(jax.random.split(jax.random.key(12))[0]), str)
    assert simulator_hash(simulator) == simulator_hash(get_simulator("linear_gaussian"))
    assert simulator_hash(simulator) != simulator_hash(replace(simulator, name="other"))
    assert simulator_hash(simulator) != simulator_hash(get_simulator("two_moons"))


def _wait(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
