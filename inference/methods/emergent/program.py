"""What EPI compiles, of its settings, a simulator and a goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array

from inference.goals import EmergentProperty
from inference.methods.emergent.epoch import Program, Sizes
from inference.methods.emergent.start import new_flow, spec_of
from inference.methods.emergent.statistics import automatic_batch, statistics_of, targets_of
from simulators import Simulator

if TYPE_CHECKING:
    from inference.methods.epi import EPI

BATCH = 200  # draws of a step; 500 led to the same entropies on linear dynamics, in twice the time
MOST_KEPT = 500  # draws kept after each epoch of each seed
MOST_NUMBERS = 2_000_000  # of all those draws together
SCORE_SHARES = {"pathwise": 0.0, "both": 0.5, "score": 1.0}  # of the gradient of the constraints


def gradient_of(config: EPI, simulator: Simulator, *, is_led: bool = False) -> str:
    """Which gradient of the constraints: pathwise, score or both.

    Where flows start from particles the property is rare, and draws that miss it far away, where statistics
    often are flat, are seen by the score alone.
    """
    if config.gradient != "auto":
        return config.gradient
    if not simulator.differentiable:
        return "score"
    return "both" if is_led else "pathwise"


def make_program(
    key: Array, config: EPI, simulator: Simulator, goal: EmergentProperty, *, is_led: bool = False
) -> Program:
    """One seed's mathematics, in sizes that fit into memory; `is_led` where flows start from particles."""
    names, targets = targets_of(simulator, goal)
    statistics, dim = statistics_of(simulator, names), simulator.prior.dim
    batch_size = (config.batch_size or BATCH) // 2 * 2
    if (gradient := gradient_of(config, simulator, is_led=is_led)) != "score":
        batch_size = automatic_batch(statistics, dim, batch_size, config.num_seeds)
    kept = int(np.clip(MOST_NUMBERS // (dim * config.num_seeds * config.max_epochs), 10, MOST_KEPT))
    norm_size = batch_size if config.growth == "welch" else config.test_size  # as in the paper
    sizes = Sizes(batch_size, config.test_size, norm_size, kept)
    flow = new_flow(key, spec_of(config, dim), simulator.prior)
    share = SCORE_SHARES[gradient]
    return Program(flow, simulator.prior, statistics, targets, sizes, config.accuracy, share)
