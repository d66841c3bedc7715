"""NUTS: Hamiltonian Monte Carlo (NumPyro) on prior x likelihood, with jumps between modes.

Exact up to Monte Carlo error, where the simulator has a likelihood. The chains run in the prior's
unconstrained space, all at once. Where several modes are far apart, no chain would ever leave its own;
so particles are first led from the prior to the posterior (`mcmc/tempering.py`). The chains start at some of
them, and after the warm-up each step of NUTS is followed by Metropolis jumps to where the particles lie
(`mcmc/jumps.py`).

What this guarantees: both kinds of step leave the posterior as it is, so long chains have the right shares
of all modes that the particles found, whatever shares these had. What it does not: a mode that holds no more
than a few of the particles, at any temperature, may be missed without a sign; and where jumps are hardly ever
accepted (many parameters; `diagnostics/jump_rate` tells) the shares are those of the particles that the
chains started from. Then the chains disagree, and the verdict says so.

References:
    Hoffman and Gelman 2014, JMLR 15, 1593; Phan, Pradhan and Jankowiak 2019, arXiv:1912.11554.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from inference.checkpoint import fingerprint, read_checkpoint, write_checkpoint
from inference.diagnostics.chains import chain_diagnostics
from inference.drawn_posterior import DrawnPosterior
from inference.goals import Goal, observed
from inference.methods.base import Method, MethodOutput, RunContext
from inference.methods.fields import check_settings, explained, setting
from inference.methods.mcmc import jumps
from inference.methods.mcmc.blocks import Plan, Step, run_chains
from inference.methods.mcmc.target import Target
from inference.methods.mcmc.tempering import temper
from inference.progress import Progress
from simulators import Simulator, all_simulators

MOST_DENSE = 100  # parameters up to which the mass matrix is a full one
STATS = ("lp", "diverging", "acceptance_rate", "energy", "step_size", "n_steps", "tree_depth")


@explained
@dataclass(frozen=True)
class NUTS:
    """Settings of NUTS.

    Raises:
        ValueError: a value is outside its bounds.
    """

    num_chains: int = setting(
        4, "Chains", "Run side by side; that they agree is what tells that they are done.", bounds=(2, 1_000)
    )
    num_samples: int = setting(
        2_000,
        "Draws per chain",
        "After the warm-up. Of more than 10 000 in all only every second, third ... is kept.",
        bounds=(50, 10_000_000),
    )
    num_warmup: int = setting(
        1_000,
        "Warm-up",
        "Steps of each chain in which the step size and the mass matrix are learnt; not kept.",
        bounds=(50, 1_000_000),
    )
    num_particles: int = setting(
        1_024,
        "Particles",
        "Led from the prior to the posterior before the chains start, to find all its modes. More find "
        "smaller modes.",
        bounds=(128, 100_000),
        advanced=True,
    )
    target_accept: float = setting(
        0.9,
        "Target acceptance",
        "Higher makes smaller steps: slower, and fewer divergences.",
        bounds=(0.5, 0.999),
        advanced=True,
    )
    max_tree_depth: int = setting(
        10,
        "Largest tree depth",
        "A draw takes at most two to the power of this many steps.",
        bounds=(1, 15),
        advanced=True,
    )
    num_jumps: int = setting(
        4,
        "Jumps per step",
        "Metropolis jumps between modes after each step; a jump costs one likelihood without its gradient. "
        "Raise it where few are accepted.",
        bounds=(1, 64),
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)


class State(NamedTuple):
    """Of all chains: NumPyro's, and the key (words) and the proposal of the jumps."""

    hmc: Any
    jump_key: Array
    proposal: jumps.Proposal


def check(config: NUTS, simulator: Simulator) -> None:
    """Whether there is a likelihood to sample.

    Raises:
        ValueError: there is none.
    """
    del config
    if simulator.log_likelihood is None:
        known = [name for name, one in all_simulators().items() if one.log_likelihood is not None]
        raise ValueError(
            f"NUTS needs a likelihood, and '{simulator.name}' has none ({', '.join(known)} have one); use "
            "SNPE, which needs simulations only."
        )


def run(config: NUTS, simulator: Simulator, goal: Goal, context: RunContext) -> MethodOutput:
    """Sample the posterior of an observation.

    Args:
        config: settings.
        simulator: with a `log_likelihood`.
        goal: an observation.
        context: key, progress and folder. A run that was stopped goes on after the last block of its chains;
            one that was stopped before they began, from the start.

    Raises:
        TypeError: the goal is an emergent property.
        ValueError: the simulator has no likelihood; there is no observation; it cannot come from the prior.
    """
    check(config, simulator)
    target = Target(simulator, observed(goal, "NUTS"))
    temper_key, chain_key = jax.random.split(context.key)
    identity = fingerprint(config, simulator.name, target.x_o, np.asarray(jax.random.key_data(context.key)))
    plan = Plan(config.num_chains, config.num_warmup, config.num_samples)
    particles = _particles(temper_key, config, target, context, identity)
    state, step = _chains(chain_key, config, target, particles)
    found = run_chains(step, state, plan, context, identity)
    stats = {name: (("chain", "draw"), found[name]) for name in STATS}
    diagnostics = {
        **chain_diagnostics(found["theta"]),
        "num_draws": ((), np.asarray(found["diverging"].size)),
        "num_divergent": ((), np.asarray(int(found["diverging"].sum()))),
        "jump_rate": ((), np.asarray(found["jumped"].mean(), np.float32)),
    }
    posterior = DrawnPosterior(found["theta"], simulator.prior, target.x_o)
    return MethodOutput(posterior, context.simulations, diagnostics=diagnostics, sample_stats=stats)


def _particles(key: Array, config: NUTS, target: Target, context: RunContext, identity: str) -> np.ndarray:
    """Unconstrained, (num_particles, dim); kept in the folder."""
    path = None if context.folder is None else context.folder / "checkpoint" / "particles.npz"
    kept = None if path is None else read_checkpoint(path, identity)
    if kept is not None:
        return kept[0][0]
    total = config.num_warmup + config.num_samples

    def hear(beta: float) -> None:
        words = f"from the prior to the posterior: {beta:.2g} of 1"
        context.on_progress(Progress("sample", 0, total, message=words))

    particles = np.asarray(temper(key, target, config.num_particles // 2 * 2, hear))
    if path is not None:
        write_checkpoint(path, identity, [particles], {})
    return particles


def _chains(key: Array, config: NUTS, target: Target, particles: np.ndarray) -> tuple[State, Step]:
    """The first state of all chains, and their step."""
    from numpyro.infer.hmc import hmc  # here, so that importing inference stays light

    hmc_key, jump_key = jax.random.split(key)
    init_kernel, sample_kernel = hmc(target.potential, algo="NUTS")
    starts = jnp.asarray(particles[: config.num_chains])  # they are in random order

    def begin(start: Array, key: Array) -> Any:
        return init_kernel(
            start,
            config.num_warmup,
            dense_mass=target.simulator.prior.dim <= MOST_DENSE,
            target_accept_prob=config.target_accept,
            max_tree_depth=config.max_tree_depth,
            rng_key=key,
        )

    keys = [jax.random.key_data(jax.random.split(k, config.num_chains)) for k in (hmc_key, jump_key)]
    first = State(jax.jit(jax.vmap(begin))(starts, keys[0]), keys[1], jumps.fit_proposal(particles))

    def step(state: State) -> tuple[State, dict[str, Array]]:
        moved = jax.vmap(sample_kernel)(state.hmc)
        is_warm = state.hmc.i >= config.num_warmup
        jump = partial(_jump, config.num_jumps, target, state.proposal)
        jumped, share = jax.vmap(jump)(moved, state.jump_key, is_warm)
        return state._replace(hmc=jumped), _record(target, jumped, share)

    return first, step


def _jump(
    num: int, target: Target, proposal: jumps.Proposal, hmc: Any, words: Array, is_warm: Array
) -> tuple[Any, Array]:
    """One chain after Metropolis steps with the proposal, and which share of them was accepted."""
    draw_key, accept_key = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(words), hmc.i))
    u = jnp.stack([hmc.z, *jax.vmap(lambda key: jumps.draw(proposal, key))(jax.random.split(draw_key, num))])
    potential = jnp.append(hmc.potential_energy, jax.vmap(target.potential)(u[1:]))
    log_weight = -potential - jax.vmap(lambda one: jumps.log_prob(proposal, one))(u)
    log_uniform = jnp.log(jax.random.uniform(accept_key, (num,)))

    def choose(here: Array, one: tuple[Array, Array]) -> tuple[Array, Array]:
        there, log_chance = one
        is_accepted = is_warm & (log_chance < log_weight[there] - log_weight[here])  # False for NaN
        return jnp.where(is_accepted, there, here), is_accepted

    row, is_accepted = jax.lax.scan(choose, jnp.asarray(0), (jnp.arange(1, num + 1), log_uniform))
    gradient = jnp.where(row > 0, jax.grad(target.potential)(u[row]), hmc.z_grad)
    return hmc._replace(z=u[row], potential_energy=potential[row], z_grad=gradient), is_accepted.mean()


def _record(target: Target, hmc: Any, jumped: Array) -> dict[str, Array]:
    depth = jnp.floor(jnp.log2(jnp.maximum(hmc.num_steps, 1))).astype(jnp.int32) + 1
    return {
        "theta": target.simulator.prior.from_unconstrained(hmc.z),
        "lp": jax.vmap(target.log_density)(hmc.z, hmc.potential_energy),
        "diverging": hmc.diverging,
        "acceptance_rate": hmc.accept_prob,
        "energy": hmc.energy,
        "step_size": hmc.adapt_state.step_size,
        "n_steps": hmc.num_steps,
        "tree_depth": depth,
        "jumped": jumped,
    }


nuts = Method(
    "nuts",
    "Markov chains with the exact likelihood (NUTS)",
    NUTS,
    run,
    check,
    needs_observation=True,
    trains=False,
    is_exact=True,
)
