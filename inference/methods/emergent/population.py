"""A start where the property is rare: particles led to it by simulating alone, and flows fitted to them.

Gradients of a density that hardly ever meets the property lead to where statistics are merely still; a share
of one in ten thousand has to be found first. Particles are uniform on the parameters whose statistics lie
within a falling distance of the target means (Del Moral, Doucet and Jasra 2012, Stat. Comput. 22, 1009).
Bittner et al. 2021, eLife 10:e56265, start one of their models from a sample of ABC too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, Float, Key

from inference.epoch import CLIP_NORM
from inference.estimators.emergent import EmergentFlow
from inference.goals import EmergentProperty
from inference.methods.emergent.epoch import Program
from inference.methods.emergent.objective import Targets
from inference.methods.emergent.statistics import targets_of
from inference.progress import Progress
from simulators import Prior, Simulations, Simulator

RARE, MOST_PARAMETERS = 1e-3, 20  # share of the prior near the property, and dimension, up to which it helps
NUM_PARTICLES, NUM_MOVES, MOST_GENERATIONS = 1_000, 2, 40
SMALLEST = 0.03  # step of a move, in sds of the particles; the largest is 1
LEAST_ACCEPTANCE = 0.01  # of moves, below which particles stay where they are
NUM_STEPS, BATCH, LEARNING_RATE = 2_000, 200, 4e-3  # of the fit
NOISE = 0.1  # that blurs particles, in their sds


class Particles(NamedTuple):
    """Parameter rows, and how far statistics are from the means, in target sds (inf where one is missing)."""

    theta: Float[np.ndarray, "n dim"]
    distance: Float[np.ndarray, " n"]


def first_particles(support: Simulations, simulator: Simulator, goal: EmergentProperty) -> Particles:
    """All simulations from the prior."""
    names, targets = targets_of(simulator, goal)
    columns = [simulator.feature_names.index(name) for name in names]
    return Particles(
        np.asarray(support.theta), np.asarray(_distances(np.asarray(support.x)[:, columns], targets))
    )


def radius(num: int) -> float:
    """`num` statistics that are uniform in a ball of this radius, in target sds, have the target sds."""
    return float(np.sqrt(num + 2))


def is_rare(first: Particles, num: int) -> bool:
    """Whether hardly any simulation from the prior is near the property of `num` statistics.

    Of many parameters it is False: particles do not get there.
    """
    near = first.distance < radius(num)
    return first.theta.shape[1] <= MOST_PARAMETERS and float(near.mean()) < RARE


def find_particles(
    key: Key[Array, ""], program: Program, first: Particles, on_progress: Callable[[Progress], None]
) -> Particles | None:
    """Particles within `radius` of the property; None where moves do not lead there.

    Args:
        key: for moves and simulations.
        program: of one seed.
        first: from the prior.
        on_progress: is told of each generation.
    """
    found, move, last = first, _mover(program), radius(len(program.targets.mean))
    for generation in range(MOST_GENERATIONS):
        share = min(0.5, NUM_PARTICLES / 2 / len(found.theta))
        threshold = max(float(np.quantile(found.distance, share, method="lower")), last)
        words = f"Looking for the property: parameters up to {threshold:.2g} target sds away."
        on_progress(Progress("train", 0, 1, message=words))
        found, acceptance = _generation(jax.random.fold_in(key, generation), found, threshold, move)
        if threshold <= last:
            return found
        if acceptance < LEAST_ACCEPTANCE:
            break
    return None


def fitted(
    key: Key[Array, ""], flow: EmergentFlow, prior: Prior, particles: Particles, vector: Float[Array, " k"]
) -> Float[Array, " k"]:
    """A flow's numbers after a fit, by maximum likelihood, to the particles with a little noise."""
    u = prior.to_unconstrained(jnp.asarray(particles.theta))
    noise = NOISE * _root(u)
    optimiser = optax.chain(
        optax.clip_by_global_norm(CLIP_NORM),
        optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, NUM_STEPS)),
    )
    nothing = jnp.zeros(1)

    def loss(vector: Array, key: Array) -> Array:
        row_key, noise_key = jax.random.split(key)
        rows = u[jax.random.randint(row_key, (BATCH,), 0, len(u))]
        rows += jax.random.normal(noise_key, rows.shape) @ noise.T
        one = flow.with_vector(vector)
        return -jax.vmap(lambda row: one.log_prob_given(row, nothing))(rows).mean()

    def step(carry: tuple, key: Array) -> tuple[tuple, None]:
        vector, moments = carry
        updates, moments = optimiser.update(jax.grad(loss)(vector, key), moments)
        return (optax.apply_updates(vector, updates), moments), None

    start = (vector, optimiser.init(vector))
    return jax.lax.scan(step, start, jax.random.split(key, NUM_STEPS))[0][0]


def _distances(x: Float[ArrayLike, "n p"], targets: Targets) -> Float[Array, " n"]:
    """Infinite where a statistic is missing."""
    distance = jnp.sqrt((((jnp.asarray(x) - targets.mean) / targets.sd) ** 2).sum(axis=-1))
    return jnp.where(jnp.isnan(distance), jnp.inf, distance)


def _generation(key: Array, found: Particles, threshold: float, move: Callable) -> tuple[Particles, float]:
    """The particles within the threshold, as many as there shall be, each moved; and the share of moves."""
    draw_key, *keys = jax.random.split(key, NUM_MOVES + 1)
    alive = np.flatnonzero(found.distance <= threshold)
    rows = np.asarray(jax.random.choice(draw_key, alive, (NUM_PARTICLES,)))
    theta, distance = jnp.asarray(found.theta[rows]), jnp.asarray(found.distance[rows])
    root, moved = _root(jnp.asarray(found.theta[alive])), []
    for one in keys:
        theta, distance, share = move(one, (theta, distance), root, jnp.float32(threshold))
        moved.append(float(share))
    return Particles(np.asarray(theta), np.asarray(distance)), float(np.mean(moved))


def _root(rows: Float[Array, "n dim"]) -> Float[Array, "dim dim"]:
    """Of their covariance."""
    covariance = jnp.atleast_2d(jnp.cov(rows.T))
    return jnp.linalg.cholesky(covariance + 1e-6 * jnp.diag(jnp.diag(covariance) + 1e-12))


def _mover(program: Program) -> Callable:
    """Metropolis moves that leave a uniform distribution within the threshold as it is."""
    low, high = (jnp.asarray(end, jnp.float32) for end in (program.prior.low, program.prior.high))

    def move(key: Array, at: tuple[Array, Array], root: Array, threshold: Array) -> tuple:
        theta, distance = at
        size_key, step_key, simulate_key = jax.random.split(key, 3)
        size = SMALLEST ** jax.random.uniform(size_key, (len(theta), 1))
        proposed = theta + size * jax.random.normal(step_key, theta.shape) @ root.T
        is_inside = ((proposed > low) & (proposed < high)).all(axis=1)
        proposed = jnp.where(is_inside[:, None], proposed, theta)
        x = jax.vmap(program.statistics)(jax.random.split(simulate_key, len(theta)), proposed)
        reached = _distances(x, program.targets)
        is_taken = is_inside & (reached <= threshold)
        kept = jnp.where(is_taken[:, None], proposed, theta), jnp.where(is_taken, reached, distance)
        return *kept, is_taken.mean()

    return jax.jit(move)
