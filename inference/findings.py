"""What is computed once a method has its posterior: draws, predictive simulations, first checks."""

from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inference.diagnostics.diagnose import diagnose
from inference.diagnostics.kernel import median_distance
from inference.diagnostics.predictive import predictive_distance, predictive_gap
from inference.drawn_posterior import AnyPosterior, DrawnPosterior
from inference.goals import EmergentProperty, Goal, Observation
from inference.hierarchical_posterior import HierarchicalPosterior
from inference.methods.base import MethodOutput
from inference.posterior import Posterior
from inference.progress import Progress
from inference.reweighting import effective_share, log_importance_weights
from inference.tree import Draws, Findings, Variables
from simulators import Observed, Simulations, Simulator, simulate_batch

NUM_DRAWS = 10_000  # of the posterior, and of the prior
NUM_JOINT = 2_000  # of the posterior of all observations, where there are extra ones
NUM_PREDICTIVE = 1_000  # of them simulated
NUM_TRACES = 50  # of those with their recording
MOST_NUMBERS = 4_000_000  # features kept of simulations from the prior; fewer rows where a row is an image


def find(
    key: Key[Array, ""],
    simulator: Simulator,
    goal: Goal,
    output: MethodOutput,
    on_progress: Callable[[Progress], None],
) -> Findings:
    """Draws and checks for the tree of a result.

    Args:
        key: for the draws and their simulations.
        simulator: the model.
        goal: None (amortised) has no posterior draws yet, only the prior's.
        output: of the method.
        on_progress: hears the stages "sample", "predict" and "diagnose"; may raise `Stopped`.
    """
    prior_key, posterior_key, predictive_key = jax.random.split(key, 3)
    diagnose_key, simulate_key = jax.random.fold_in(key, 1), jax.random.fold_in(key, 2)
    if output.simulations is None:
        output = replace(output, simulations=_from_prior(simulate_key, simulator, on_progress))
    prior = _prior_draws(prior_key, simulator, output)
    if isinstance(goal, EmergentProperty):
        return _of_property(key, simulator, output, prior, on_progress)
    if goal is None:
        on_progress(Progress("diagnose", 0, 1))
        diagnostics = _diagnosed(diagnose_key, goal, output)
        on_progress(Progress("diagnose", 1, 1))
        return Findings(prior, training=output.training, diagnostics=diagnostics)
    posterior = _posterior_draws(posterior_key, simulator, output, on_progress)
    posterior = _with_predictive(predictive_key, simulator, posterior, on_progress)
    on_progress(Progress("diagnose", 0, 1))
    diagnostics = _diagnosed(diagnose_key, goal, output)
    checks = _checks(output.posterior, posterior, prior, np.asarray(goal.x))
    found = {**diagnostics, **checks, **_nearness(output, posterior, np.asarray(goal.x))}
    on_progress(Progress("diagnose", 1, 1))
    extra, joint = _all(posterior_key, output.posterior)
    return Findings(
        prior, posterior, _observed(simulator, goal), training=output.training, diagnostics=found,
        extra=extra, joint=joint,
    )  # fmt: skip


def _of_property(
    key: Key[Array, ""],
    simulator: Simulator,
    output: MethodOutput,
    prior: Draws,
    on_progress: Callable[[Progress], None],
) -> Findings:
    """Draws with the property, what is simulated at them, and their share at the bounds."""
    _, posterior_key, predictive_key = jax.random.split(key, 3)
    posterior = _posterior_draws(posterior_key, simulator, output, on_progress)
    posterior = _with_predictive(predictive_key, simulator, posterior, on_progress)
    share = output.posterior.share_at_bounds(jnp.asarray(posterior.theta))
    diagnostics = {**output.diagnostics, "share_at_bounds": (("parameter", "side"), np.asarray(share))}
    on_progress(Progress("diagnose", 1, 1))
    return Findings(prior, posterior, training=output.training, diagnostics=diagnostics)


def recordings(
    key: Key[Array, ""], simulator: Simulator, theta: Float[np.ndarray, "k dim"]
) -> Float[np.ndarray, "k ..."] | None:
    """What is drawn of the very simulations whose features `simulate_batch(simulator, key, theta=...)` gives.

    None where that is no array.
    """
    simulate_key = jax.random.split(key)[1]
    keys = jax.vmap(lambda row: jax.random.fold_in(simulate_key, row))(jnp.arange(len(theta)))
    draw = jax.jit(jax.vmap(lambda k, row: simulator.drawn(k, simulator.prior.as_dict(row))))
    shown = draw(keys, theta)
    return np.asarray(shown, np.float32) if isinstance(shown, jax.Array) else None


def _from_prior(key: Array, simulator: Simulator, on_progress: Callable[[Progress], None]) -> Simulations:
    """What the prior predicts, for methods that do not simulate."""
    num = min(NUM_PREDICTIVE, max(1, MOST_NUMBERS // simulator.num_features))
    return simulate_batch(simulator, key, num=num, on_progress=_hearing(on_progress))


def _first_round(output: MethodOutput) -> Simulations:
    assert output.simulations is not None
    return output.simulations.select(output.simulations.round == 0)


def _prior_draws(key: Array, simulator: Simulator, output: MethodOutput) -> Draws:
    """The simulations of the first round are draws from the prior; more parameters are drawn if need be."""
    first = _first_round(output).select(slice(NUM_DRAWS))
    more = np.asarray(simulator.prior.sample(key, NUM_DRAWS))[len(first) :]
    return Draws(np.concatenate([first.theta, more]), first.x[: MOST_NUMBERS // first.x.shape[1]])


def _diagnosed(key: Array, goal: Goal, output: MethodOutput) -> Variables:
    """The method's own numbers, calibration on rows that no training saw, the place of the observation."""
    held_out = output.held_out
    first = _first_round(output)
    cloud = first.x[first.is_valid]
    checks = diagnose(
        key,
        None if isinstance(output.posterior, DrawnPosterior) else output.posterior,
        None if held_out is None else held_out.theta,
        None if held_out is None else held_out.x,
        cloud,
        np.asarray(goal.x) if isinstance(goal, Observation) else None,
    )
    return {**output.diagnostics, **checks}


def _posterior_draws(
    key: Array, simulator: Simulator, output: MethodOutput, on_progress: Callable[[Progress], None]
) -> Draws:
    posterior = output.posterior
    if isinstance(posterior, DrawnPosterior):
        return Draws(posterior.rows, num_chains=len(posterior.draws), stats=output.sample_stats)
    on_progress(Progress("sample", 0, NUM_DRAWS))
    theta = posterior.sample(key, NUM_DRAWS)
    log_prob = np.asarray(posterior.log_prob(theta))
    weights = None
    if simulator.log_likelihood is not None and isinstance(posterior, Posterior):
        weights = log_importance_weights(posterior, simulator, theta)
    on_progress(Progress("sample", NUM_DRAWS, NUM_DRAWS))
    return Draws(np.asarray(theta), log_prob=log_prob, log_weight=weights)


def _all(
    key: Array, posterior: AnyPosterior
) -> tuple[Float[np.ndarray, "n num_features"] | None, Float[np.ndarray, "draw observation dim"] | None]:
    """Extra observations, and draws of the parameters of all; those of the first are the posterior's."""
    if not isinstance(posterior, HierarchicalPosterior):
        return None, None
    return posterior.extra, np.asarray(posterior.sample_all(key, NUM_JOINT))


def _with_predictive(
    key: Array, simulator: Simulator, draws: Draws, on_progress: Callable[[Progress], None]
) -> Draws:
    hear = _hearing(on_progress)
    x = simulate_batch(simulator, key, theta=draws.theta[:NUM_PREDICTIVE], on_progress=hear).x
    traces = None if simulator.axes is None else recordings(key, simulator, draws.theta[:NUM_TRACES])
    return replace(draws, x=x, traces=traces)


def _hearing(on_progress: Callable[[Progress], None]) -> Callable[[int, int], None]:
    return lambda done, total: on_progress(Progress("predict", done, total))


def _checks(posterior: AnyPosterior, draws: Draws, prior: Draws, x_o: np.ndarray) -> Variables:
    """Mass heaped at the bounds, and how far the predictive features lie from the observed ones."""
    assert draws.x is not None
    assert prior.x is not None
    gap, limit = predictive_gap(draws.x, prior.x, x_o)
    weighed = {}
    if draws.log_weight is not None:
        share = effective_share(draws.log_weight)
        weighed = {"importance_share": ((), np.asarray(share, np.float32))}
    return {
        **weighed,
        "share_at_bounds": (
            ("parameter", "side"),
            np.asarray(posterior.share_at_bounds(jnp.asarray(draws.theta))),
        ),
        "predictive_distance": (("feature",), predictive_distance(draws.x, prior.x, x_o)),
        "predictive_gap": (("feature",), gap),
        "predictive_gap_limit": ((), np.asarray(limit, np.float32)),
        "predictive_defined": (("feature",), np.isfinite(draws.x).mean(axis=0).astype(np.float32)),
    }


def _nearness(output: MethodOutput, draws: Draws, x_o: np.ndarray) -> Variables:
    """Of approximate Bayesian computation: how near are the accepted simulations, and new ones of them?"""
    if "distance" not in output.sample_stats or "distance_scale" not in output.diagnostics:
        return {}
    assert draws.x is not None
    predicted = median_distance(draws.x, x_o, output.diagnostics["distance_scale"][1])
    accepted = np.median(output.sample_stats["distance"][1])
    return {
        "accepted_distance": ((), np.asarray(accepted)),
        "predicted_distance": ((), np.asarray(predicted)),
    }


def _observed(simulator: Simulator, goal: Observation) -> Observed:
    """The observation with its recording and true parameters, if it is the simulator's own."""
    if simulator.observed is not None or simulator.true_theta is not None:
        default = simulator.default_observation()
        if np.array_equal(default.x, goal.x, equal_nan=True):
            return default
    return Observed(np.asarray(goal.x))
