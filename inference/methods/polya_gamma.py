"""PolyaGammaGibbs: an exact Gibbs sampler of logistic regressions with a Gaussian prior.

With spikes z_t ~ Bernoulli(1 / (1 + exp(-psi_t))), psi = X theta and a prior N(mean, precision^-1), in turn

    w_t | theta ~ PG(1, psi_t)
    theta | w   ~ N(V (X'(z - 1/2) + precision mean), V),   V = (X' diag(w) X + precision)^-1

The data enter as X'z alone, which are the features of the model. Nothing is rejected and nothing is tuned;
the draws are exact up to Monte Carlo error (Polson, Scott and Windle 2013, doi:10.1080/01621459.2013.829001).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from inference.checkpoint import fingerprint
from inference.diagnostics.chains import chain_diagnostics
from inference.drawn_posterior import DrawnPosterior
from inference.goals import Goal, observed
from inference.methods.base import Method, MethodOutput, RunContext
from inference.methods.fields import check_settings, explained, setting
from inference.methods.mcmc.blocks import Plan, run_chains
from inference.methods.mcmc.polya_gamma_draws import polya_gamma
from inference.methods.mcmc.target import Target
from simulators import Prior, Simulator

QUADRATIC = 1e-3  # relative error up to which a log prior is that of a Gaussian


@explained
@dataclass(frozen=True)
class PolyaGammaGibbs:
    """Settings of the sampler.

    Raises:
        ValueError: a value is outside its bounds.
    """

    num_chains: int = setting(
        4, "Chains", "Run side by side; that they agree is what tells that they are done.", bounds=(2, 1_000)
    )
    num_samples: int = setting(
        10_000,
        "Draws per chain",
        "After the warm-up. Of more than 10 000 in all only every second, third ... is kept.",
        bounds=(50, 10_000_000),
    )
    num_warmup: int = setting(
        500,
        "Warm-up",
        "First steps of each chain, on the way from the prior to the posterior; not kept.",
        bounds=(0, 1_000_000),
    )

    def __post_init__(self) -> None:
        check_settings(self)


class State(NamedTuple):
    """Of all chains: keys (words) and parameters (chain, dim); the number of the step."""

    words: Array
    theta: Array
    number: Array


class Regression(NamedTuple):
    """Design (num_bins, dim), the prior's precision (dim, dim), and X'(z - 1/2) + precision mean (dim,)."""

    design: Float[Array, "num_bins dim"]
    precision: Float[Array, "dim dim"]
    linear: Float[Array, " dim"]


def check(config: PolyaGammaGibbs, simulator: Simulator) -> None:
    """Whether a simulator is a logistic regression.

    Raises:
        ValueError: it is none.
    """
    del config
    if simulator.logistic_design is None:
        instead = "SNPE" if simulator.log_likelihood is None else "NUTS"
        raise ValueError(
            f"Polya-Gamma sampling is for logistic regressions such as bernoulli_glm, and '{simulator.name}' "
            f"is none; use {instead}."
        )


def run(config: PolyaGammaGibbs, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Sample the posterior of an observation.

    Args:
        config: settings.
        simulator: with a `logistic_design`.
        goal: an observation.
        context: key, progress and folder; a run that was stopped goes on after its last block.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: the simulator is no logistic regression or its prior no Gaussian; there is no observation.
    """
    check(config, simulator)
    x_o = observed(goal, "Polya-Gamma sampling")
    regression, target = _regression(simulator, x_o), Target(simulator, x_o)
    start_key, chain_key = jax.random.split(context.key)
    starts = jax.jit(lambda key: simulator.prior.sample(key, config.num_chains))(start_key)
    state = State(jax.random.key_data(jax.random.split(chain_key, config.num_chains)), starts, jnp.int32(0))

    def step(state: State) -> tuple[State, dict[str, Array]]:
        keys = jax.vmap(lambda words: jax.random.fold_in(jax.random.wrap_key_data(words), state.number))
        theta = jax.vmap(lambda *one: _gibbs(regression, *one))(keys(state.words), state.theta)
        lp = jax.vmap(target.log_joint)(theta)
        return State(state.words, theta, state.number + 1), {"theta": theta, "lp": lp}

    plan = Plan(config.num_chains, config.num_warmup, config.num_samples)
    identity = fingerprint(config, simulator.name, x_o, np.asarray(jax.random.key_data(context.key)))
    found = run_chains(step, state, plan, context, identity)
    return MethodOutput(
        DrawnPosterior(found["theta"], simulator.prior, x_o),
        context.simulations,
        diagnostics=chain_diagnostics(found["theta"]),
        sample_stats={"lp": (("chain", "draw"), found["lp"])},
    )


def gaussian_of(prior: Prior) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, "dim dim"]]:
    """Mean and precision of a prior that is Gaussian.

    Raises:
        ValueError: it is another one.
    """
    if np.isfinite(prior.low).any() or np.isfinite(prior.high).any():
        raise ValueError("Polya-Gamma sampling needs a Gaussian prior; this one has bounds.")

    @jax.jit
    def taylor(centre: Array, points: Array) -> tuple[Array, Array, Array]:
        change = prior.log_prob(points) - prior.log_prob(centre)
        return change, jax.grad(prior.log_prob)(centre), -jax.hessian(prior.log_prob)(centre)

    rows = 3 * np.random.default_rng(0).normal(size=(64, prior.dim))
    given = jnp.zeros(prior.dim), jnp.asarray(rows, jnp.float32)
    found, slope, precision = (np.asarray(part, np.float64) for part in taylor(*given))
    expected = rows @ slope - 0.5 * np.einsum("ni,ij,nj->n", rows, precision, rows)
    if not np.allclose(found, expected, rtol=QUADRATIC, atol=QUADRATIC * max(1.0, np.abs(expected).max())):
        raise ValueError("Polya-Gamma sampling needs a Gaussian prior; this one has another shape.")
    return np.linalg.solve(precision, slope), precision


def _regression(simulator: Simulator, x_o: np.ndarray) -> Regression:
    mean, precision = gaussian_of(simulator.prior)
    design = np.asarray(simulator.logistic_design, np.float64)
    linear = x_o - 0.5 * design.sum(axis=0) + precision @ mean
    return Regression(*(jnp.asarray(part, jnp.float32) for part in (design, precision, linear)))


def _gibbs(regression: Regression, key: Array, theta: Float[Array, " dim"]) -> Float[Array, " dim"]:
    """One sweep of one chain."""
    weight_key, normal_key = jax.random.split(key)
    weight = polya_gamma(weight_key, regression.design @ theta)
    precision = (regression.design.T * weight) @ regression.design + regression.precision
    lower = jnp.linalg.cholesky(precision)
    white = solve_triangular(lower, regression.linear, lower=True) + jax.random.normal(
        normal_key, theta.shape
    )
    return solve_triangular(lower, white, lower=True, trans=1)


polya_gamma_gibbs = Method(
    "polya_gamma",
    "Exact Gibbs sampler for logistic regression (Pólya-Gamma)",
    PolyaGammaGibbs,
    run,
    check,
    needs_observation=True,
    trains=False,
    is_exact=True,
)
