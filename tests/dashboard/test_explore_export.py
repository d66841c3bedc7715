"""What the Explore tab offers to take home: files, and notebook cells that run."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import inference
from dashboard.explore_correlations import CorrelationView
from dashboard.explore_path import PathView
from dashboard.explore_pinned import PinnedView
from dashboard.views.draws import posterior_draws

MEAN, SD = np.array([40.0, 1.2, 0.0]), np.array([4.0, 0.2, 1.0])


class Normal:
    """A density of the toy's parameters, which depend on nothing."""

    def __init__(self, prior):
        self.prior = prior

    def __call__(self, theta):
        return -0.5 * (((theta - MEAN.astype(np.float32)) / SD.astype(np.float32)) ** 2).sum()


@pytest.fixture
def posterior(toy_simulator, toy_tree, monkeypatch):
    made = Normal(toy_simulator.prior)
    monkeypatch.setattr(
        inference, "load_result", lambda folder: SimpleNamespace(posterior=made, tree=toy_tree)
    )
    return made


def run_cell(view):
    found = {}
    exec(compile(view.cell.code, "cell", "exec"), found)  # noqa: S102  our own code, as a notebook runs it
    return found


def table(view):
    return pd.read_csv(view.file())


def test_of_pinned_parameters(toy_tree, posterior, tmp_path, monkeypatch):
    draws = posterior_draws(toy_tree)
    view = PinnedView(draws, lambda: posterior, MEAN, file_name="my-run")
    view.release()
    view.pins.boxes[0].value = True
    assert list(table(view)) == ["g_Na [mS/cm2]", "tau [ms]", "w"]
    assert table(view)["g_Na [mS/cm2]"].nunique() == 1
    assert 'load_result("runs/my-run")' in view.cell.code
    kept = tmp_path / "runs" / "my-run"
    kept.mkdir(parents=True)
    monkeypatch.setenv("POSTERIOR_LAB_ROOT", str(tmp_path))
    assert f'load_result("{kept.as_posix()}")' in view.cell.code
    monkeypatch.setenv("POSTERIOR_LAB_USERS", "users.json")  # others have no business with the server's paths
    assert 'load_result("runs/my-run")' in view.cell.code
    given = run_cell(view)["given"].draws
    assert given.shape == (1000, 3)
    assert (given[:, 0] == view.pinning.pinned[0]).all()


def test_of_correlations(toy_tree, posterior, monkeypatch):
    monkeypatch.setattr("dashboard.correlating.NUM_DRAWS", 3)
    view = CorrelationView(posterior_draws(toy_tree), lambda: posterior)
    view.begin()
    found = table(view)
    assert list(found) == ["one", "other", "conditional", "marginal", "draws"]
    assert list(found["other"]) == ["tau", "w", "w"]
    made = run_cell(view)
    np.testing.assert_allclose(made["conditional"], view.correlating.found.matrix, atol=1e-4)
    np.testing.assert_allclose(made["marginal"], view.marginal)


def test_of_ways(toy_tree, posterior):
    view = PathView(posterior_draws(toy_tree), lambda: posterior, None)
    view.walk.index = 10
    view.walk.step_off()
    found = table(view)
    assert set(found["way"]) == {"straight", "along the ridge", "off the ridge"}
    assert list(found)[1:4] == ["distance [prior sd]", "log_density [nats]", "g_Na [mS/cm2]"]
    made = run_cell(view)
    np.testing.assert_allclose(
        made["ridge"].points, view.walk.found.ways["along the ridge"].points, atol=1e-3
    )
    np.testing.assert_allclose(made["off"].points, view.walk.found.ways["off the ridge"].points, atol=1e-3)


def test_the_tab_makes_its_parts_when_they_are_wanted(toy_tree, posterior):
    from dashboard.explore_tab import (
        CLUSTERS,
        CORRELATIONS,
        LINKED,
        PATHS,
        PINNED,
        STIFF,
        Explore,
        parts_of,
    )

    assert parts_of(toy_tree) == [PINNED, CORRELATIONS, PATHS, STIFF, CLUSTERS, LINKED]
    tab = Explore(toy_tree, lambda: posterior)
    assert list(tab.parts) == [PINNED]
    tab.choice.value = CORRELATIONS
    assert tab.parts[CORRELATIONS].correlating.found.num > 0
    tab.choice.value = PATHS
    assert tab.parts[PATHS].exploration is None  # no server has a model called toy
