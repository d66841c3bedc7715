"""Recorded cells as the observation of the pyloric network: known features, or words where there are none."""

import numpy as np
import pytest

from simulators import get_simulator
from simulators.features.pyloric import features_from_voltage
from simulators.models.pyloric import NEURONS, drive, pyloric
from simulators.recordings import SpikeTrains, VoltageTraces, kind_of

DT = 0.1  # ms
KNOWN = {
    "cycle_period": 1000.0,
    "burst_length_ABPD": 200.0,
    "burst_length_LP": 224.0 - 96.0 / 12,  # the last one is three spikes of 32 ms shorter
    "burst_length_PY": 301.0,
    "end_to_start_ABPD_LP": 150.0,
    "end_to_start_LP_PY": 26.0,
    "start_to_start_ABPD_LP": 350.0,
    "start_to_start_ABPD_PY": 600.0,
    "duty_cycle_PY": 0.301,
    "phase_gap_ABPD_LP": 0.15,
    "phase_LP": 0.35,
    "plateau_length_LP": 2.5,
}


def test_spikes_become_the_features_of_their_rhythm(rhythm):
    seen = drive(SpikeTrains(NEURONS, rhythm, "crab 7"))
    observed = seen.default_observation()
    named = dict(zip(seen.feature_names, observed.x, strict=True))
    for name, value in KNOWN.items():
        assert named[name] == pytest.approx(value, rel=1e-5), name
    assert observed.label == "spikes of 11.9 s, crab 7"
    assert observed.recording is None
    assert seen.simulate_features is pyloric.simulate_features  # nothing is compiled anew


@pytest.mark.long
def test_voltages_become_features_and_a_picture(voltage):
    observed = drive(VoltageTraces(NEURONS, voltage, DT, "crab 7")).default_observation()
    np.testing.assert_allclose(observed.x, features_from_voltage(voltage, DT), rtol=1e-6)
    named = dict(zip(pyloric.feature_names, observed.x, strict=True))
    assert named["cycle_period"] == pytest.approx(KNOWN["cycle_period"], abs=0.1)
    assert named["end_to_start_LP_PY"] == pytest.approx(KNOWN["end_to_start_LP_PY"], abs=0.2)
    assert observed.recording.shape == (3, len(pyloric.axes.time))
    np.testing.assert_allclose(observed.recording[0, ::2], voltage[0, :30_000:10], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ab, lp, py: (ab, lp[::8], py), "there is no burst of LP, so 11 of the 18 features"),
        (lambda ab, lp, py: (ab, lp[:60], py), "rhythm (AB/PD has a period of 1000 ms), so 8 of the 18"),
        (lambda ab, lp, py: (ab[:8], lp, py), "there is a single burst of AB/PD, so 12 of the 18"),
    ],
)  # fmt: skip
def test_without_a_rhythm_the_undefined_features_are_named(rhythm, change, words):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - what it says is looked at
        drive(SpikeTrains(NEURONS, change(*rhythm), "cells.csv"))
    text = str(raised.value)
    assert text.startswith("cells.csv: ")
    assert words in text
    assert "\n" not in text


def test_the_model_says_what_it_reads(rhythm, write_spikes):
    seen = pyloric.drive(kind_of(pyloric).read(write_spikes(rhythm, header="pdn [s], lpn [s], pyn [s]")))
    assert seen.default_observation().x[0] == pytest.approx(1000.0)
    assert seen.drive is pyloric.drive  # the next recording
    assert kind_of(get_simulator("hodgkin_huxley")) != kind_of(pyloric)
