"""What the support of the prior tells: whether statistics exist, and the greatest entropy there is."""

from __future__ import annotations

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.analysis.maximum_entropy import MaximumEntropy, maximum_entropy
from inference.goals import EmergentProperty
from inference.methods.base import RunContext
from inference.methods.emergent.epoch import Program
from inference.progress import Progress
from simulators import Simulations, Simulator, simulate_batch

NUM_SUPPORT = 2_000  # simulations from the prior
CHUNK = 1_000
ENOUGH = 20_000.0  # effective draws after which no more are simulated
MOST_SECONDS = 20.0  # a slow model gets fewer draws


def simulate_support(
    key: Array, simulator: Simulator, goal: EmergentProperty, context: RunContext
) -> Simulations:
    """Simulations from the prior, or those given.

    Raises:
        ValueError: a statistic of the goal is undefined in some of them.
    """
    simulations = context.simulations
    if simulations is None:
        simulations = simulate_batch(
            simulator,
            key,
            num=NUM_SUPPORT,
            folder=context.folder and context.folder / "simulations" / "round-000",
            on_progress=lambda done, total: context.on_progress(Progress("simulate", done, total)),
            client=context.client,
        )
    names = [name for name in simulator.feature_names if name in goal.mean]
    columns = [simulator.feature_names.index(name) for name in names]
    missing = (~np.isfinite(np.asarray(simulations.x)[:, columns])).mean(axis=0)
    if missing.any():
        worst = int(np.argmax(missing))
        raise ValueError(
            f"EPI needs statistics that are always defined, but '{names[worst]}' is undefined in "
            f"{100 * missing[worst]:.2g} % of {len(simulations)} simulations from the prior; choose another "
            "statistic or a narrower prior."
        )
    return simulations


def greatest_entropy(
    key: Array, program: Program, num: int, on_progress: Callable[[Progress], None]
) -> MaximumEntropy | None:
    """Of all distributions with the property; None without a box, or where no draws are wanted.

    From uniform draws on the box, one simulation of each; of a statistic that is noisy at fixed parameters
    it is approximate.
    """
    low, high = program.prior.low, program.prior.high
    if num == 0 or not np.isfinite(high - low).all():
        return None
    log_volume = float(np.log(high - low).sum())
    rows: list[np.ndarray] = []
    draw, found, began, enough = jax.jit(_simulate(program)), None, time.monotonic(), 16
    for chunk in range(-(-num // CHUNK)):
        on_progress(Progress("diagnose", chunk * CHUNK, num, message="The greatest entropy there is."))
        rows.append(np.asarray(draw(jax.random.fold_in(key, chunk))))
        is_slow = time.monotonic() - began > MOST_SECONDS
        if chunk + 1 == enough or is_slow or (chunk + 1) * CHUNK >= num:
            found = maximum_entropy(np.concatenate(rows), *program.targets, log_volume=log_volume)
            enough *= 2
            if is_slow or found.effective_draws >= ENOUGH:
                break
    return found


def _simulate(program: Program) -> Callable[[Array], Float[Array, "chunk p"]]:
    low, high = (jnp.asarray(end, jnp.float32) for end in (program.prior.low, program.prior.high))

    def simulate(key: Array) -> Array:
        draw_key, simulate_key = jax.random.split(key)
        theta = low + (high - low) * jax.random.uniform(draw_key, (CHUNK, len(low)))
        return jax.vmap(program.statistics)(jax.random.split(simulate_key, CHUNK), theta)

    return simulate
