"""How many modes a posterior has, and how much of it belongs to each: draws climb until they meet."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from inference.analysis.modes import NUM_STEPS, Mode, find_mode

NUM_STARTS = 50
VALLEY = 0.5  # nats that the density must fall between two modes
BETWEEN = 33  # places on the line between them


class Clusters(NamedTuple):
    """Modes, the one with the most draws first.

    Attributes:
        modes: (num_modes, dim).
        log_prob: at the modes, nats.
        shares: of the draws that climbed, by mode; they sum to one.
        errors: standard errors of the shares.
        owner: number of the mode that each draw climbed to.
    """

    modes: Float[np.ndarray, "num_modes dim"]
    log_prob: Float[np.ndarray, " num_modes"]
    shares: Float[np.ndarray, " num_modes"]
    errors: Float[np.ndarray, " num_modes"]
    owner: Int[np.ndarray, " num_starts"]


def clusters(
    posterior: Any,
    draws: Float[np.ndarray, "n dim"],
    *,
    num_starts: int = NUM_STARTS,
    valley: float = VALLEY,
    num_steps: int = NUM_STEPS,
) -> Clusters:
    """The distinct modes to which draws climb, and the share of the draws that climb to each.

    Two ends of climbs are one mode if log q along the straight line between them falls nowhere more than
    `valley` below the lower of them; so a plateau, or a ridge that is not bent, counts as one mode. A bent
    ridge may count as several.

    Args:
        posterior: of SNPE, HNPE or EPI.
        draws: of the posterior, independent; the first `num_starts` climb.
        num_starts: how many; a mode with a share p is missed with probability (1 - p)^num_starts.
        valley: nats.
        num_steps: of each climb.

    Raises:
        ValueError: as `find_mode`.
    """
    rows = np.asarray(draws, float)[:num_starts]
    ends = [find_mode(posterior, row, num_steps=num_steps) for row in rows]
    density = jax.jit(jax.vmap(posterior.log_density()))
    found: list[Mode] = []
    owner = np.zeros(len(ends), int)
    for k in sorted(range(len(ends)), key=lambda k: -ends[k].log_prob):
        same = [j for j, mode in enumerate(found) if _depth(density, mode, ends[k]) <= valley]
        owner[k] = same[0] if same else len(found)
        if not same:
            found.append(ends[k])
    counts = np.bincount(owner, minlength=len(found))
    order = np.argsort(-counts, kind="stable")
    shares = counts[order] / len(ends)
    return Clusters(
        np.stack([found[j].theta for j in order]),
        np.array([found[j].log_prob for j in order]),
        shares,
        np.sqrt(shares * (1 - shares) / len(ends)),
        np.argsort(order)[owner],
    )


def _depth(density: Any, one: Mode, other: Mode) -> float:
    """How far the density falls below the lower of two modes on the line between them, nats."""
    share = np.linspace(0.0, 1.0, BETWEEN)[:, None]
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        heights = np.asarray(density(jnp.asarray(one.theta + share * (other.theta - one.theta))))
    return float(min(heights[0], heights[-1]) - np.nanmin(heights))
