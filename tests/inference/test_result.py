"""Results on disk: whole or not there, readable tomorrow, and clear about everything that is wrong."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import arviz as az
import jax
import numpy as np
import pytest
import xarray as xr
from numpyro import distributions as dist

from inference import result as module
from inference.execute import run
from inference.files import write_json
from inference.result import Result, holds_result, load_result
from inference.tree import Draws, Findings, build_tree, parameter_rows
from simulators import Prior, Simulator, get_simulator

DATA = Path(__file__).parents[1] / "data"
STORED = DATA / "result_format_1"  # written in November 2026; every later version has to open it


@pytest.fixture(scope="module")
def simulator():
    return get_simulator("linear_gaussian")


@pytest.fixture(scope="module")
def result(simulator):
    spec = importlib.util.spec_from_file_location("tiny_method", Path(__file__).with_name("tiny_method.py"))
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    with pytest.MonkeyPatch.context() as monkeypatch:
        tiny.install(monkeypatch)
        x_o = simulator.default_observation().x
        return run(tiny.Tiny(32), simulator, x_o, key=jax.random.key(1), on_progress=False)


@pytest.fixture(scope="module")
def stored_once(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored") / "run"
    result.save(folder)
    return folder


@pytest.fixture
def stored(stored_once, tmp_path):
    """A copy that a test may harm."""
    return shutil.copytree(stored_once, tmp_path / "run")


def test_what_is_saved_is_loaded(result, stored):
    loaded = load_result(stored)
    assert loaded.tree.identical(result.tree)
    key = jax.random.key(2)
    np.testing.assert_array_equal(loaded.posterior.sample(key, 5), result.posterior.sample(key, 5))


def test_parameters_keep_the_order_of_the_prior(result, tmp_path):
    """Zarr lists variables by the alphabet; theta, lp and traces would then belong to other parameters."""
    prior = Prior({"z": dist.Normal(0.0, 1.0), "B": dist.Normal(5.0, 1.0), "a": dist.Normal(9.0, 1.0)})
    simulator = Simulator("unsorted", prior, lambda key, theta: theta["a"][None])
    draws = Draws(np.asarray(prior.sample(jax.random.key(0), 20)))
    tree = build_tree(simulator, Findings(draws, draws), {})
    Result(result.posterior, tree).save(tmp_path)
    loaded = load_result(tmp_path).tree
    assert list(loaded["posterior"].data_vars) == list(loaded["prior"].data_vars) == ["z", "B", "a"]
    np.testing.assert_array_equal(parameter_rows(loaded["posterior"]), draws.theta)


def test_a_result_can_be_passed_on_without_its_recording(result):
    series = {"trace": ("trace_time", np.zeros(5)), "trace_time": np.arange(5)}
    tree = result.tree.copy()
    for group, names in (("observed_data", series), ("constant_data", {"stimulus": series["trace"]})):
        tree[group] = tree[group].to_dataset().assign(names)
    bare = Result(result.posterior, tree).without_recording()
    assert bare.tree.identical(result.tree)


def test_nothing_but_the_result_is_left(stored):
    assert sorted(os.listdir(stored)) == ["manifest.json", "result.zarr", "weights.eqx"]


@pytest.mark.long
def test_the_store_opens_without_us(stored):
    """In a fresh process that never imports our packages, with warnings as errors."""
    code = f"""
import warnings
warnings.simplefilter("error")
import xarray as xr
tree = xr.open_datatree({str(stored / "result.zarr")!r})
assert tree["posterior"]["theta[3]"].dims == ("chain", "draw"), tree
assert tree["observed_data"]["x"].sel(feature="x[2]").ndim == 0
assert tree.attrs["simulator"] == "linear_gaussian"
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_loaded_tree_is_arviz_inference_data(stored):
    data = az.InferenceData.from_datatree(load_result(stored).tree)
    assert {"posterior", "prior", "observed_data", "sample_stats"} <= set(data.groups())
    assert np.isfinite(az.hdi(data.posterior)["theta[0]"].values).all()


def test_few_files_of_big_chunks(stored):
    tree = xr.open_datatree(stored / "result.zarr")
    chunks = [
        v.encoding["chunks"] for g in tree.subtree for v in g.to_dataset(inherit=False).variables.values()
    ]
    shapes = [v.shape for g in tree.subtree for v in g.to_dataset(inherit=False).variables.values()]
    assert chunks == shapes


def test_a_result_is_never_overwritten(result, stored):
    with pytest.raises(ValueError, match="already holds a result"):
        result.save(stored)


@pytest.mark.long
@pytest.mark.parametrize("failing", ["save_estimator", "write_zarr", "move_into_place", "write_json"])
def test_a_failure_at_any_step_leaves_no_result(result, tmp_path, monkeypatch, failing):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(module, failing, fail)
        with pytest.raises(OSError, match="No space left"):
            result.save(tmp_path)
    assert not holds_result(tmp_path)
    with pytest.raises(ValueError, match="holds no finished result"):
        load_result(tmp_path)
    assert not list(tmp_path.glob(".tmp*"))
    if failing == "write_json":  # the last step: all the leftovers there can be
        result.save(tmp_path)
        assert load_result(tmp_path).tree.identical(result.tree)


@pytest.mark.long
def test_a_writer_that_is_killed_leaves_whole_results_or_none(result, stored, tmp_path):
    """kill -9 of a process that saves again and again: every folder is whole, or none."""
    code = """
import sys, pathlib
from inference.result import load_result
result = load_result(sys.argv[1])
for i in range(1000):
    result.save(pathlib.Path(sys.argv[2]) / str(i))
"""
    command = [sys.executable, "-c", code, str(stored), str(tmp_path / "many")]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2]) as writer:
        while not holds_result(tmp_path / "many" / "1"):
            assert writer.poll() is None
            time.sleep(0.005)
        writer.send_signal(signal.SIGKILL)
    folders = list((tmp_path / "many").iterdir())
    assert len(folders) >= 2
    for folder in folders:
        if not holds_result(folder):
            result.save(folder)
        assert load_result(folder).tree.identical(result.tree)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: shutil.rmtree(f / "result.zarr" / "posterior"), "is missing"),
        (lambda f: (f / "weights.eqx").unlink(), "'weights.eqx' is missing"),
        (
            lambda f: (f / "weights.eqx").write_bytes((f / "weights.eqx").read_bytes()[:100]),
            "has 100 bytes instead of",
        ),
        (lambda f: _flip_a_byte(f / "weights.eqx"), "contents of 'weights.eqx' have changed"),
        (lambda f: _flip_a_byte(f / "result.zarr" / "zarr.json"), "contents of 'result.zarr/zarr.json'"),
        (lambda f: (f / "manifest.json").write_text("{"), "is damaged: it is not valid JSON"),
        (lambda f: (f / "manifest.json").write_text("{}"), "names no format and files"),
        (
            lambda f: write_json(f / "manifest.json", {"format": 3, "files": {}}),
            "has format 3 .* update posterior-lab",
        ),
        (lambda f: (f / "manifest.json").unlink(), "holds no finished result"),
    ],
)
def test_a_damaged_store_is_one_sentence(stored, harm, words):
    harm(stored)
    with pytest.raises(ValueError, match=words) as caught:
        load_result(stored)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_none_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="holds no finished result: there is no such folder"):
        load_result(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no finished result: it has no manifest\.json"):
        load_result(tmp_path)


def test_without_the_simulator_the_samples_are_still_there(stored, result, simulator, monkeypatch):
    def unknown(name):
        raise ValueError(f"There is no simulator '{name}'.")

    monkeypatch.setattr(module, "get_simulator", unknown)
    loaded = load_result(stored)
    assert loaded.tree["posterior"].sizes["draw"] == 40
    with pytest.raises(ValueError, match="samples can be read, but the posterior needs the simulator"):
        loaded.posterior  # noqa: B018
    given = load_result(stored, simulator=simulator)
    np.testing.assert_array_equal(given.posterior.x_o, result.posterior.x_o)


def test_another_prior_than_it_was_made_with_is_refused(stored):
    with pytest.raises(ValueError, match="has the parameters"):
        load_result(stored, simulator=get_simulator("two_moons")).posterior  # noqa: B018


def test_a_result_says_what_it_is(result):
    assert repr(result).startswith("Result(tiny on linear_gaussian; groups ")


def test_a_file_stored_in_november_2026_still_opens():
    loaded = load_result(STORED)
    expected = json.loads((STORED / "expected.json").read_text())
    posterior = loaded.tree["posterior"]
    assert {name: float(draws.mean()) for name, draws in posterior.data_vars.items()} == pytest.approx(
        expected["means"]
    )
    assert loaded.tree.attrs["seed"] == expected["seed"]
    theta = np.stack([draws.values[0, :5] for draws in posterior.data_vars.values()], axis=1)
    np.testing.assert_allclose(loaded.posterior.log_prob(theta), expected["log_prob"], rtol=1e-4, atol=1e-4)


def test_the_stored_file_is_small():
    assert sum(path.stat().st_size for path in STORED.rglob("*") if path.is_file()) < 100_000


def _flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_posterior_can_be_given_as_a_function(result):
    made = []

    def make():
        made.append(1)
        return result.posterior

    lazy = Result(make, result.tree)
    assert made == []
    assert lazy.posterior is lazy.posterior is result.posterior
    assert made == [1]
