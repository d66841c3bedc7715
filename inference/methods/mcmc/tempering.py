"""Tempered particles: from draws of the prior to draws of the posterior, through prior x likelihood^beta.

Sequential Monte Carlo (Del Moral, Doucet and Jasra 2006, doi:10.1111/j.1467-9868.2006.00553.x). beta grows
so that each step leaves half of the particles' effective number; after it they are resampled and moved by
differences of other particles (ter Braak 2006, doi:10.1007/s11222-006-8769-1), which are as long and as
oriented as the particles lie.

Each mode gets particles in proportion to its mass, up to chance: one that holds less than a few in
`num` of the particles at any beta may be lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from inference.methods.mcmc.target import Target
from inference.resampling import resampled

MOST_STEPS = 200  # of beta
MOST_SWEEPS = 30  # of moves at one beta
ENOUGH_MOVES = 3.0  # accepted ones, mean over the particles
EFFECTIVE_SHARE = 0.5  # of the particles that a step of beta leaves
SHORTEST = 0.2  # of the best length for Gaussians
WHOLE = 0.1  # share of moves by a whole difference, which lead from mode to mode
JITTER = 1e-4  # of the spread, so that moves reach everywhere
ROWS = 256  # likelihoods at once


class Particles(NamedTuple):
    """Equally weighted draws of prior x likelihood^beta.

    Attributes:
        u: unconstrained, (n, dim). log_prior, log_likelihood: (n,).
    """

    u: Float[Array, "n dim"]
    log_prior: Float[Array, " n"]
    log_likelihood: Float[Array, " n"]


def temper(
    key: Key[Array, ""], target: Target, num: int, hear: Callable[[float], None]
) -> Float[Array, "num dim"]:
    """Particles of the posterior, unconstrained.

    Args:
        key: of everything.
        target: what they become draws of.
        num: even.
        hear: told beta, before each sweep of moves; may raise `Stopped`.

    Raises:
        ValueError: no draw of the prior has a likelihood above zero; or beta does not reach 1.
    """
    start_key, key = jax.random.split(key)
    particles = _from_prior(start_key, target, num)
    if not np.isfinite(particles.log_likelihood).any():
        raise ValueError(
            f"None of {num} draws of the prior has a likelihood above zero: check the observation and its "
            "units, or take more particles."
        )
    moved, beta = jax.jit(lambda *given: _sweep(target, *given)), 0.0
    for step in range(MOST_STEPS):
        resample_key, move_key = jax.random.split(jax.random.fold_in(key, step))
        log_likelihood = np.asarray(particles.log_likelihood, np.float64)
        last, beta = beta, _next_beta(beta, log_likelihood)
        log_weight = (beta - last) * log_likelihood
        index = resampled(resample_key, np.exp(log_weight - log_weight.max()), num)
        particles = Particles(*(values[index] for values in particles))
        num_accepted = 0.0
        for sweep in range(MOST_SWEEPS):
            hear(beta)
            particles, share = moved(jax.random.fold_in(move_key, sweep), particles, jnp.float32(beta))
            num_accepted += float(share)
            if num_accepted >= ENOUGH_MOVES:
                break
        if beta >= 1.0:
            return particles.u
    raise ValueError(
        f"The posterior is too far from the prior: {MOST_STEPS} tempering steps led to {beta:.3g}."
    )


def _from_prior(key: Array, target: Target, num: int) -> Particles:
    prior = target.simulator.prior
    return jax.jit(lambda key: _at(target, prior.to_unconstrained(prior.sample(key, num))))(key)


def _at(target: Target, u: Float[Array, "n dim"]) -> Particles:
    log_likelihood = jax.lax.map(target.log_likelihood, u, batch_size=min(ROWS, len(u)))
    return Particles(u, jax.vmap(target.log_prior)(u), log_likelihood)


def _next_beta(beta: float, log_likelihood: Float[np.ndarray, " n"]) -> float:
    """By bisection: weights exp((next - beta) log_likelihood) leave half of the usable particles."""
    finite = log_likelihood[np.isfinite(log_likelihood)]
    least = EFFECTIVE_SHARE * len(finite)

    def effective(step: float) -> float:
        weight = np.exp(step * (finite - finite.max()))
        return weight.sum() ** 2 / np.square(weight).sum()

    if effective(1.0 - beta) >= least:
        return 1.0
    low, high = 0.0, 1.0 - beta
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle) >= least else (low, middle)
    return beta + max(low, 1e-12)


def _sweep(
    target: Target, key: Array, particles: Particles, beta: Float[Array, ""]
) -> tuple[Particles, Float[Array, ""]]:
    """Metropolis moves of one half by differences of the other, then the reverse; the share accepted."""
    half = len(particles.u) // 2

    def turn(particles: Particles, key: Array) -> tuple[Particles, Array]:
        mine = Particles(*(values[:half] for values in particles))
        others = Particles(*(values[half:] for values in particles))
        mine, share = _moved(target, key, mine, others.u, beta)
        return Particles(*map(jnp.concatenate, zip(others, mine, strict=True))), share

    particles, shares = jax.lax.scan(turn, particles, jax.random.split(key))
    return particles, shares.mean()


def _moved(
    target: Target, key: Array, mine: Particles, others: Float[Array, "m dim"], beta: Float[Array, ""]
) -> tuple[Particles, Float[Array, ""]]:
    chance_key, jitter_key = jax.random.split(key)
    num, dim = mine.u.shape
    chance = jax.random.uniform(chance_key, (5, num))  # at once: each call takes seconds to compile
    first = (chance[0] * len(others)).astype(jnp.int32) % len(others)
    second = (first + 1 + (chance[1] * (len(others) - 1)).astype(jnp.int32)) % len(others)
    length = 2.38 / np.sqrt(2 * dim) * SHORTEST ** chance[2]
    length = jnp.where(chance[3] < WHOLE, 1.0, length)[:, None]
    noise = JITTER * others.std(axis=0) * jax.random.normal(jitter_key, mine.u.shape)
    new = _at(target, mine.u + length * (others[first] - others[second]) + noise)
    gain = new.log_prior - mine.log_prior + beta * (new.log_likelihood - mine.log_likelihood)
    is_better = jnp.log(chance[4]) < gain  # False for NaN
    kept = [
        jnp.where(is_better.reshape(-1, *[1] * (a.ndim - 1)), a, b) for a, b in zip(new, mine, strict=True)
    ]
    return Particles(*kept), is_better.mean()
