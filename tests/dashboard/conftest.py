"""A small result as `inference` would make it, and a store with runs in every state."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist


@pytest.fixture
def store(tmp_path):
    """An empty store of runs."""
    from inference.runs import RunStore

    return RunStore(tmp_path / "root")


@pytest.fixture
def done(store):
    """done(model, method, ...) -> a run that has ended, whose result is not there."""
    from inference.requests import Request

    def make(model="two_moons", method="snpe", **choices):
        run = store.create(Request(model, method, **choices))
        run.set_state("done")
        return run

    return make


@pytest.fixture(scope="session")
def toy_simulator():
    """Three parameters in units of their own, a trace of 50 ms and two features."""
    from simulators import Prior, Simulator
    from simulators.base import RecordingAxes

    prior = Prior(
        {"g_Na": dist.Uniform(0.0, 80.0), "tau": dist.Uniform(1.0, 3.0), "w": dist.Normal(0.0, 1.0)},
        units={"g_Na": "mS/cm2", "tau": "ms"},
        labels={"g_Na": r"$g_\mathrm{Na}$", "tau": r"$\tau$"},
    )
    time = np.arange(0.0, 50.0, 0.5)
    axes = RecordingAxes(
        time, "voltage", "mV", stimulus=np.where(time > 10, 2.0, 0.0), stimulus_unit="uA/cm2"
    )

    def simulate(key, theta):
        return theta["g_Na"] * jnp.sin(jnp.asarray(time) / theta["tau"]) + theta["w"]

    def features(trace):
        return {"top": trace.max(), "mean": trace.mean()}

    return Simulator("toy", prior, simulate, features, axes=axes, feature_units={"top": "mV"},
                     true_theta=np.array([40.0, 2.0, 0.5], np.float32))  # fmt: skip


@pytest.fixture(scope="session")
def fakes():
    """Quick models in the shapes of slow ones, by name."""
    from pathlib import Path

    from simulators.catalogue import load_simulators

    return load_simulators(Path(__file__).with_name("fake_models.py"))


@pytest.fixture(scope="session")
def fake_tree(fakes):
    """fake_tree(name): a result of one of the fakes, whose posterior lies around its true parameters."""
    from functools import cache

    import jax

    from inference.diagnostics.predictive import predictive_distance, predictive_gap
    from inference.findings import recordings
    from inference.tree import Draws, Findings, build_tree
    from simulators import simulate_batch

    @cache
    def make(name):
        model, keys = fakes[name], jax.random.split(jax.random.key(0), 4)
        observed = model.default_observation()
        before = np.asarray(model.prior.sample(keys[0], 400))
        theta = np.asarray(observed.theta if observed.theta is not None else before[0])
        around = np.clip(theta + 0.1 * (before - before.mean(0)), before.min(0), before.max(0))
        x = simulate_batch(model, keys[2], theta=around[:60]).x
        prior_x = simulate_batch(model, keys[3], theta=before).x
        gap, limit = predictive_gap(x, prior_x, observed.x)
        diagnostics = {
            "predictive_gap": (("feature",), gap),
            "predictive_gap_limit": ((), np.asarray(limit)),
            "predictive_distance": (("feature",), predictive_distance(x, prior_x, observed.x)),
            "x_o_tail": (("feature",), np.linspace(0.9, 0.001, model.num_features)),
            "x_o_p_value": ((), np.asarray(0.3)),
        }
        traces = recordings(keys[2], model, around[:10])
        draws = Draws(around, x, np.linspace(-3, 2, len(around)), traces)
        findings = Findings(Draws(before, prior_x), draws, observed, diagnostics=diagnostics)
        return build_tree(model, findings, {"simulator": name, "method": "snpe"})

    return make


@pytest.fixture(scope="session")
def toy_findings():
    """Draws with a known shape: g_Na around 40, tau heaped just above 1, w as the prior has it."""
    from inference.tree import Draws, Findings
    from simulators.base import Observed

    random, num = np.random.default_rng(0), 2_000
    tau = 1 + random.exponential(0.2, num).clip(0, 1.9)
    theta = np.stack([random.normal(40, 4, num), tau, random.normal(size=num)], axis=1)
    prior = np.stack([random.uniform(0, 80, num), random.uniform(1, 3, num), random.normal(size=num)], axis=1)
    traces = np.stack([row[0] * np.sin(np.arange(0, 50, 0.5) / row[1]) for row in theta[:20]])
    x = np.stack([theta[:100, 0], theta[:100, 2] - 3], axis=1)
    observed = Observed(np.array([40.0, -3.0]), np.array([40.0, 2.0, 0.5]), traces[0], "a toy")
    losses = {"train_loss": np.array([3.0, 2.0, 1.5]), "validation_loss": np.array([3.1, 2.2, 2.3])}
    training = {name: (("epoch",), values) for name, values in losses.items()}
    diagnostics = {
        "held_out_log_prob": ((), np.array(-2.0)),
        "prior_log_prob": ((), np.array(-5.5)),
        "share_at_bounds": (("parameter", "side"), np.array([[0.0, 0.0], [0.12, 0.0], [0.0, 0.0]])),
        "predictive_distance": (("feature",), np.array([0.02, 1.7])),
    }
    wide = np.stack([random.uniform(0, 80, 500), random.normal(0, 4, 500)], axis=1)
    return Findings(
        Draws(prior.astype(np.float32), wide.astype(np.float32)),
        Draws(*(a.astype(np.float32) for a in (theta, x, np.zeros(num), traces))),
        observed, training=training, diagnostics=diagnostics,
    )  # fmt: skip


@pytest.fixture(scope="session")
def toy_checks():
    """What `diagnose` finds: over-confident, tau shifted, the feature "mean" unusual."""
    level, even = np.linspace(0.05, 0.95, 19), [20] * 10
    return {
        "rank_histogram": (("parameter", "rank_bin"), np.array([even, [40, 32] + [16] * 8, even])),
        "rank_p_value": (("parameter",), np.array([0.5, 1e-6, 0.3])),
        "rank_shift": (("parameter",), np.array([0.01, -0.09, 0.0])),
        "rank_spread": (("parameter",), np.array([0.0, 0.01, -0.01])),
        "coverage_level": (("level",), level),
        "coverage": (("level",), level**1.6),
        "calibration_error": ((), np.array(0.11)),
        "overconfidence": ((), np.array(0.11)),
        "num_calibrated": ((), np.array(200)),
        "num_simulations": ((), np.array(1000)),
        "num_usable": ((), np.array(990)),
        "x_o_tail": (("feature",), np.array([0.4, 0.002])),
        "x_o_p_value": ((), np.array(0.003)),
        "x_o_excess": ((), np.array(1.1)),
    }


@pytest.fixture(scope="session")
def toy_curves():
    """The ranks of `toy_checks` as curves, of which that of tau leaves its band."""
    position = np.linspace(0.05, 0.95, 19)
    shape = 4 * position * (1 - position)
    return {
        "rank_position": (("rank_position",), position),
        "rank_low": (("rank_position",), -0.1 * shape),
        "rank_high": (("rank_position",), 0.1 * shape),
        "rank_difference": (("parameter", "rank_position"), np.outer([0.05, 0.2, -0.05], shape)),
    }


@pytest.fixture(scope="session")
def toy_rounds():
    """What three rounds leave in the diagnostics: g_Na ever narrower around 40; an ensemble of two."""
    random = np.random.default_rng(1)

    def proposal(width):
        g_na = np.clip(random.normal(40, width, 200), 0, 80)
        return np.stack([g_na, random.uniform(1, 3, 200), random.normal(size=200)], axis=1)

    proposals = np.stack([proposal(width) for width in (60, 8, 4)])
    return {
        "round_num_simulations": (("round",), np.array([1000, 1000, 1000])),
        "round_num_usable": (("round",), np.array([990, 1000, 1000])),
        "round_acceptance": (("round",), np.array([1.0, 0.4, 0.2])),
        "round_share_of_prior": (("round",), np.array([1.0, 0.4, 0.2])),
        "round_effective_share": (("round",), np.full(3, np.nan)),
        "round_held_out_log_prob": (("round",), np.array([-3.0, -2.5, -2.4])),
        "round_change": (("round",), np.array([np.nan, 0.8, 0.1])),
        "round_theta": (("round", "proposal_draw", "parameter"), proposals),
        "member_mean": (("member", "parameter"), np.array([[40.0, 1.2, 0.0], [41.0, 1.25, 1.5]])),
        "member_sd": (("member", "parameter"), np.array([[4.0, 0.2, 1.0], [4.0, 0.2, 1.0]])),
    }


@pytest.fixture(scope="session")
def make_tree(toy_simulator, toy_findings):
    """make_tree(diagnostics, training): the toy's tree with more in these groups."""
    from dataclasses import replace

    from inference.tree import build_tree

    def make(diagnostics=None, training=None):
        findings = replace(
            toy_findings,
            diagnostics={**toy_findings.diagnostics, **(diagnostics or {})},
            training=training or toy_findings.training,
        )
        return build_tree(toy_simulator, findings, {"simulator": "toy", "method": "snpe"})

    return make


@pytest.fixture(scope="session")
def toy_tree(toy_simulator, toy_findings):
    """The labelled tree of a finished run."""
    from inference.tree import build_tree

    attrs = {
        "simulator": "toy",
        "method": "snpe",
        "config": '{"config": "SNPE", "num_simulations": 1000}',
        "seed": 7,
    }
    return build_tree(toy_simulator, toy_findings, attrs)


@pytest.fixture(scope="session")
def chain_tree(toy_simulator, toy_findings):
    """The same model and observation, as four Markov chains would find it: g_Na a little higher."""
    from dataclasses import replace

    from inference.tree import Draws, build_tree

    theta = toy_findings.posterior.theta[:1_600] + np.float32([2.0, 0.0, 0.0])
    numbers = {"r_hat": [1.001, 1.2, 1.002], "ess_bulk": [900, 20, 800], "ess_tail": [700, 30, 600]}
    diagnostics = {name: (("parameter",), np.array(values)) for name, values in numbers.items()}
    posterior = Draws(theta, toy_findings.posterior.x, num_chains=4)
    findings = replace(toy_findings, posterior=posterior, training={}, diagnostics=diagnostics)
    attrs = {"simulator": "toy", "method": "nuts", "config": '{"config": "NUTS", "num_samples": 400}',
             "seconds": '{"sample": 30.0}'}  # fmt: skip
    return build_tree(toy_simulator, findings, attrs)
