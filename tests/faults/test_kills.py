"""A few kills -9 of a lab's processes; a hundred of them: `python -m tests.faults.kills --help`."""

import io
import json
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import xarray as xr

from tests.faults.kills import Plan, campaign, differences, summary
from tests.faults.watched import NOTES, note, others_at


@pytest.mark.long
def test_no_kill_loses_a_run_or_changes_its_result(tmp_path, monkeypatch):
    monkeypatch.setenv("POSTERIOR_LAB_SIMULATORS", "")  # set by the campaign, for this test only
    into = io.StringIO()
    found = campaign(Plan(kills=3, mode="shared", seed=0, minutes=5.0), tmp_path, into)
    told = summary(into.getvalue().splitlines())
    assert found == [], into.getvalue()
    assert sum(told["kills"].values()) >= 1, into.getvalue()
    assert told["done"] == told["with the result of an undisturbed run"] > 0


def test_a_second_performer_would_be_seen(tmp_path):
    note(tmp_path, "begin")
    assert others_at(tmp_path) == []  # this one
    line = json.loads((tmp_path / NOTES).read_text())
    with (tmp_path / NOTES).open("a") as stream:
        stream.write(json.dumps(line | {"pid": 1, "began": psutil.Process(1).create_time()}) + "\n")
        stream.write(json.dumps(line | {"pid": 1, "began": 5.0}) + "\n")  # another, which is no more
    assert others_at(tmp_path) == [1]


def test_another_number_would_be_seen():
    posterior = xr.Dataset({"theta": ("draw", np.arange(5.0))})
    training = xr.Dataset({"seconds": ("epoch", np.zeros(2)), "loss": ("epoch", np.ones(2))})

    def result(seconds, shift):
        groups = {"/posterior": posterior + shift, "/training": training.assign(seconds=("epoch", seconds))}
        return SimpleNamespace(tree=xr.DataTree.from_dict(groups))

    assert differences(result([0.0, 1.0], 0.0), result([2.0, 3.0], 0.0)) == []
    assert differences(result([0.0, 1.0], 0.0), result([0.0, 1.0], 1e-9)) == ["/posterior"]
