"""Modes and clusters: draws climb, are coloured, counted and told apart; without a browser."""

from dataclasses import replace
from types import SimpleNamespace

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jax.scipy.special import logsumexp
from numpyro import distributions as dist

import inference
from dashboard.clustering import Climbing, told_apart
from dashboard.explore_clusters import ClusterView
from dashboard.explore_tab import CLUSTERS, Explore, Start
from dashboard.figure_files import figure_file
from dashboard.views.cluster_words import are_apart, clusters_sentence
from dashboard.views.draws import posterior_draws
from inference import Posterior
from inference.analysis import Clusters
from inference.embeddings.encoder import AsItIs
from inference.estimators import EstimatorSpec
from inference.estimators.base import DensityEstimator
from inference.scaling import ParameterScaling, identity_scaling
from simulators import Prior

NAMES = ("g_Na", "tau", "w")
SD = 0.3
TOPS = {1: np.array([[4.0, 2.0, 0.0]]), 2: np.array([[4.0, 2.0, 0.0], [4.0, 2.0, 4.0]])}
SHARES = {1: np.array([1.0]), 2: np.array([0.75, 0.25])}


class Round(DensityEstimator):
    """Round Gaussians on unbounded parameters, whatever x."""

    tops: np.ndarray = eqx.field(kw_only=True)
    shares: np.ndarray = eqx.field(kw_only=True)
    spec: EstimatorSpec = eqx.field(static=True, default=EstimatorSpec("mdn", 3, 1))
    parameter_scaling: ParameterScaling = eqx.field(default_factory=lambda: identity_scaling(3, 1)[0])
    encoder: AsItIs = eqx.field(default_factory=lambda: AsItIs(1))

    def log_prob_given(self, u, h):
        square = ((u - jnp.asarray(self.tops)) ** 2).sum(axis=1) / SD**2
        return logsumexp(-0.5 * square, b=jnp.asarray(self.shares))

    def sample_given(self, key, h):
        raise NotImplementedError

    log_prob_heavy, sample_heavy = log_prob_given, sample_given


@pytest.fixture(scope="module")
def make(toy_findings, toy_simulator):
    """make(num): draws around so many tops, and their posterior."""
    from inference.tree import build_tree

    tree = build_tree(toy_simulator, toy_findings, {"simulator": "toy", "method": "snpe"})
    prior = Prior({name: dist.Normal(0.0, 5.0) for name in NAMES})

    def make(num):
        random = np.random.default_rng(0)
        of = random.choice(num, 200, p=SHARES[num])
        values = (TOPS[num][of] + SD * random.normal(size=(200, 3))).astype(np.float32)
        known = replace(posterior_draws(tree), values=values)
        return known, Posterior(Round(tops=TOPS[num], shares=SHARES[num]), prior, np.zeros(1)), of

    return make


@pytest.fixture
def view(make, monkeypatch):
    monkeypatch.setattr("dashboard.clustering.NUM_CLIMBS", 24)
    draws, posterior, _ = make(2)
    made = ClusterView(draws, lambda: posterior, file_name="my-run")
    made.begin()
    return made


def test_two_modes_are_counted_coloured_and_told_apart(view, make):
    _, _, of = make(2)
    np.testing.assert_array_equal(view.found.owner, of[:24])
    share = 100 * np.mean(of[:24] == 0)
    assert view.summary.text.startswith(f"2 modes, from 24 draws: {share:.0f} % ± ")
    assert view.summary.text.endswith("w tells them apart most.")
    assert view.state.text == "24 of 24 draws have climbed."
    assert view.button.disabled
    num = [len(source.data["x"]) for source in view.mosaic._sources]
    assert num == [6 * sum(of[:24] == 0), 6 * sum(of[:24] == 1), 0, 0, 0, 0, 0]  # three pairs, three floors
    assert "▲ cluster 2" in view.legend.object
    assert view.table.object.index("w <small>") < view.table.object.index("<sub>Na</sub>")


def test_they_can_be_joined_and_what_cannot_be_is_told(view):
    view.num.value = 1
    assert view.summary.text == "Taken as one: 24 draws."
    assert not any(len(source.data["x"]) for source in view.mosaic._sources)
    assert "cluster" not in view.legend.object
    view.num.value = 5
    assert view.summary.text.endswith("There are no 5: the draws climb to 2 only.")


def test_one_mode_has_no_colours(make, monkeypatch):
    monkeypatch.setattr("dashboard.clustering.NUM_CLIMBS", 10)
    draws, posterior, _ = make(1)
    view = ClusterView(draws, lambda: posterior)
    view.begin()
    assert view.summary.text.startswith("One mode: all 10 draws climb to the same top")
    assert "less than 26 %" in view.summary.text  # 0.74^10 = 0.05
    assert not any(len(source.data["x"]) for source in view.mosaic._sources)
    assert "told apart" not in view.table.object


def test_it_stops_and_goes_on(make, monkeypatch):
    monkeypatch.setattr("dashboard.clustering.SECONDS", 0.0)
    draws, posterior, _ = make(2)
    view = ClusterView(draws, lambda: posterior)
    view.climbing.param.watch(lambda event: len(event.new) == 3 and view.stop(), "found")
    view.begin()
    assert len(view.climbing.found) == 3
    assert view.button.label == "Go on"
    assert len(view.found.owner) == 3  # what has climbed is told apart


def test_files_hold_what_is_seen(view, make, monkeypatch):
    draws, posterior, _ = make(2)
    table, centres = pd.read_csv(view.file()), pd.read_csv(view.centres())
    assert list(table) == ["draw", "cluster", "g_Na [mS/cm2]", "tau [ms]", "w"]
    assert len(table) == 24
    np.testing.assert_allclose(centres["mode of w"], [0.0, 4.0], atol=1e-3)
    np.testing.assert_allclose(centres["median of w"], table.groupby("cluster")["w"].median(), rtol=1e-5)
    for kind in ("svg", "pdf"):
        assert figure_file(kind, [[view.mosaic.figure]], title="Clusters", meanings=view._meanings())
    tree = SimpleNamespace()
    monkeypatch.setattr(
        inference, "load_result", lambda folder: SimpleNamespace(posterior=posterior, tree=tree)
    )
    monkeypatch.setattr("dashboard.export.DRAWS", "")
    monkeypatch.setattr(
        "dashboard.export.IMPORTS", "import numpy as np\nfrom inference import analysis, load_result\n"
    )
    found = {"draws": draws.values}
    exec(compile(view.cell.code, "cell", "exec"), found)  # noqa: S102  our own code, as a notebook runs it
    np.testing.assert_array_equal(found["found"].owner, view.found.owner)
    np.testing.assert_allclose(found["medians"], view._medians)


def test_what_cannot_be_is_a_sentence(make):
    def gone():
        raise ValueError("The weights are gone.")

    view = ClusterView(make(1)[0], gone)
    view.begin()
    assert view.state.text == "The draws cannot climb: The weights are gone."
    assert len(view.centres().getvalue()) < 3


def test_where_parameters_are_many_those_come_first_that_tell_apart(make, monkeypatch):
    monkeypatch.setattr("dashboard.explore_clusters.FIRST_SHOWN", 2)
    monkeypatch.setattr("dashboard.explore_clusters.NUM_TELLING", 2)
    monkeypatch.setattr("dashboard.clustering.NUM_CLIMBS", 8)
    draws, posterior, _ = make(2)
    view = ClusterView(draws, lambda: posterior)
    view.begin()
    assert view.which.value == "what tells them apart"
    assert "w" in view.choices[view.which.value]
    assert len(view.choices[view.which.value]) == 2


def test_so_many_modes_are_rather_a_ridge(make):
    draws, _, _ = make(1)
    many = Clusters(np.zeros((20, 3)), np.zeros(20), np.full(20, 0.05), np.full(20, 0.05), np.arange(20))
    words = clusters_sentence(draws, many, np.ones(3), None)
    assert words.startswith("20 draws climb to 20 tops: so many are rather one bent or rough ridge")
    assert not are_apart(many)
    few = Clusters(
        np.zeros((3, 3)), np.zeros(3), np.array([0.9, 0.06, 0.04]), np.full(3, 0.01), np.arange(50) % 3
    )
    words = clusters_sentence(draws, few, np.zeros(3), None)
    assert words.startswith("3 modes, from 50 draws: 90 % ± 1 %, 6 % ± 1 %; another holds 4 %. No parameter")


def test_variance_between_clusters():
    values = np.array([[0.0, 1.0], [0.0, -1.0], [2.0, 1.0], [2.0, -1.0]])
    np.testing.assert_allclose(told_apart(values, np.array([0, 0, 1, 1])), [1.0, 0.0])


def test_a_link_opens_it(toy_tree):
    tab = Explore(toy_tree, lambda: None, start=Start(part=CLUSTERS))
    assert tab.choice.value == CLUSTERS
    assert tab.address["part"] == "clusters"
    assert isinstance(tab.parts[CLUSTERS].climbing, Climbing)
