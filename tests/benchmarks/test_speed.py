"""The speed benchmark: its data do not change, and its table says what was measured and what was not."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).resolve().parent


def load(name):
    """A module of this folder by its file: they are scripts, for environments without our packages."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


def test_the_data_are_those_of_the_published_figures():
    data = load("speed_data").speed_data(1_000)
    assert [data[name].shape for name in ("theta", "x", "theta_test", "x_test")] == [
        (1_000, 8),
        (1_000, 7),
        (10_000, 8),
        (10_000, 7),
    ]
    np.testing.assert_allclose(data["theta"][0, :3], [0.273923, -0.460427, -0.918053], atol=1e-6)
    np.testing.assert_allclose(data["x"][0, :3], [-0.165555, -0.672222, -0.380719], atol=1e-5)


def test_the_table_has_ratios_where_both_sides_were_measured():
    speed = load("speed")
    peer = {"maf_10k": {"train": 90.0, "test_log_prob": 3.0, "epochs": 300, "sample": 0.5}}
    ours = {"nsf_10k": {"train": 3.0, "train_to_target": 1.0, "test_log_prob": 3.8}}
    rows = {(row.what, row.note): row.cells() for row in speed.table(peer, ours)}
    assert rows["training, 10k", "to sbi's final 3.000"][1:5] == ["90", "1", "90x", "60x"]
    assert rows["training, 10k", "to our own stop, 3.800"][3] == "30x"
    assert rows["10 000 draws, MAF", ""][1:4] == ["0.5", "-", "-"]
    text = speed.markdown(speed.table(peer, ours), {"jax": "1"})
    assert text.count("\n| ") == len(rows)
    assert text.endswith("jax 1.")


@pytest.mark.slow
def test_our_side_runs(tmp_path):
    job = {"job": "train", "num": 500, "max_epochs": 2, "target": -1e9}
    path = tmp_path / "result.json"
    subprocess.run([sys.executable, HERE / "speed_ours.py", json.dumps(job), path], check=True)
    result = json.loads(path.read_text())
    assert result["epochs"] == 2
    assert 0 < result["per_epoch"] <= result["total"]
    assert result["epochs_to_target"] == 1
    assert np.isfinite(result["test_log_prob"])
    assert 0 < result["sample"] < result["first_sample"]
