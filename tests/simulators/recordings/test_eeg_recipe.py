"""The recipe of docs/eeg.md, tried on a made-up file in the shape of the public alpha waves data."""

import re

import numpy as np
import pytest
from scipy.io import savemat

from simulators.recordings import EegOptions, read_eeg
from tests.simulators.recordings import eeg_writers as writers

RATE = 128  # Hz, in place of 512, for speed
BLOCKS = ("closed", "open") * 5


@pytest.fixture
def subject(tmp_path, monkeypatch):
    """subject_01.mat: time, 16 channels in uV, triggers where blocks of 10 s begin; 2 s of rest between."""
    waves = writers.alpha_waves(RATE, blocks=BLOCKS).reshape(2, len(BLOCKS), -1)
    rest = np.random.default_rng(1).normal(5000.0, 5.0, (2, len(BLOCKS), 2 * RATE))
    oz, others = np.concatenate([waves, rest], axis=2).reshape(2, -1)
    signal = np.zeros((len(oz), 19))
    signal[:, 0] = np.arange(len(oz)) / RATE
    signal[:, 1:17] = others[:, None]
    signal[:, 15] = oz
    for k, condition in enumerate(BLOCKS):
        signal[12 * RATE * k, 17 + (condition == "open")] = 1
    savemat(tmp_path / "subject_01.mat", {"SIGNAL": signal})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_gives_ten_epochs(subject, root):
    text = (root / "docs" / "eeg.md").read_text()
    snippet = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]
    exec(snippet, {})  # noqa: S102  our own words
    found = read_eeg(subject / "subject_01.csv", options=EegOptions(channel="Oz", condition_seconds=10.0))
    assert found.labels == BLOCKS
    assert found.attrs["start"] == tuple(12.0 * k + 1.0 for k in range(10))
    sd = found.epochs.std(axis=1)
    assert np.all(sd[::2] > 5 * sd[1::2])  # waves of 40 uV against 4 uV
