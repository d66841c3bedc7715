"""The Gabor cell has two answers, half a turn apart: SNPE gives both, in the shares that they have."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference import SNPE, run
from inference.reweighting import effective_share
from simulators import get_simulator
from simulators.models.gabor_v1 import CELLS

TRUE = np.array(CELLS["cosine, 1 Hz"], np.float32)


@pytest.fixture(scope="module")
def script():
    path = Path(__file__).resolve().parent / "gabor_modes.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_draws_are_told_apart_by_their_angle(script):
    """Two thirds at the true angle, over zero as well as below; the rest at neither is counted nowhere."""
    theta = np.tile(TRUE, (6, 1))
    theta[:, 4] += np.array([0.0, 0.4, -0.4, 0.1, np.pi + 0.2, 1.5])
    found = script.modes(theta, np.ones(6), TRUE)
    assert found["true angle"][0] == pytest.approx(4 / 6)
    assert found["half a turn away"][0] == pytest.approx(1 / 6)
    assert found["half a turn away"][1] > 0.9  # the phase is zero, so half a turn changes little
    assert script.modes(theta, np.array([0, 0, 0, 0, 1.0, 1.0]), TRUE)["true angle"][0] == 0
    assert script.angles_apart(np.array([0.1]), 2 * np.pi - 0.1) == pytest.approx(0.2)


@pytest.mark.slow
def test_both_modes_are_found_with_their_shares(script):
    """10 000 simulations, the default settings, seed 0.

    At the recording whose phase is nearest to zero each mode has more than a fifth of the draws, and fields
    like the true one; at both recordings the shares are those of the exact posterior, which at the built-in
    one are far from even. The weights must leave enough draws for that to mean something.

    Measured: shares within 0.05 of the exact ones (0.02 and 0.97 for 0.01 and 0.99; 0.34 and 0.63 for 0.39
    and 0.61). A single member instead of four gave 0.30 and 0.66 at the latter.
    """
    cell = get_simulator("gabor_v1_fit")
    config = SNPE(num_simulations=10_000)
    posterior = run(config, cell, None, key=jax.random.key(0), on_progress=False).posterior
    counts = script.recordings()
    for row, is_even in ((0, False), (1 + script.most_even(counts[1:]), True)):
        theta, weights = script.answer(posterior, cell, counts[row])
        assert effective_share(weights) * len(theta) > 30
        found, exact = (script.modes(theta, w, TRUE) for w in (np.ones(len(theta)), np.exp(weights)))
        for mode, (share, correlation) in found.items():
            assert share == pytest.approx(exact[mode][0], abs=0.15), mode
            if is_even:
                assert share > 0.2, mode
                assert correlation > 0.8, mode


@pytest.mark.long
def test_recordings_are_of_one_cell_and_the_first_is_built_in(script, monkeypatch):
    monkeypatch.setattr(script, "NUM_RECORDINGS", 1)
    counts = script.recordings()
    cell = get_simulator("gabor_v1")
    x = cell.features(jnp.asarray(counts[0]))
    np.testing.assert_allclose(np.ravel(x["sta"]), cell.default_observation().x[:-1], atol=2e-5)
