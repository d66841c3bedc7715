"""How many modes a posterior has, and how much of it belongs to each: draws climb until they meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from inference.analysis.modes import NUM_STEPS, Mode, find_mode
from inference.drawn_posterior import AnyPosterior
from inference.posterior import LogDensity

NUM_STARTS = 50
VALLEY = 0.5  # nats that the density must fall between two modes
BETWEEN = 33  # places on the line between them
LINES = 20  # on which the density is known at once
SAME = 0.01  # nats: ends of climbs without even that between them are one


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
    posterior: AnyPosterior,
    draws: Float[np.ndarray, "n dim"],
    *,
    num_starts: int = NUM_STARTS,
    valley: float = VALLEY,
    num_modes: int | None = None,
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
        num_modes: how many modes there shall be; None: as many as the valley says. See `join_ends`.
        num_steps: of each climb.

    Raises:
        ValueError: as `find_mode`.
    """
    rows = np.asarray(draws, float)[:num_starts]
    ends = [find_mode(posterior, row, num_steps=num_steps) for row in rows]
    return join_ends(posterior, ends, valley=valley, num_modes=num_modes)


def join_ends(
    posterior: AnyPosterior, ends: Sequence[Mode], *, valley: float = VALLEY, num_modes: int | None = None
) -> Clusters:
    """Ends of climbs as modes; see `clusters`.

    Args:
        posterior: whose density was climbed.
        ends: of the climbs of some draws.
        valley: nats between two modes.
        num_modes: how many there shall be: modes with the shallowest valley between them become one until so
            few are left; where `valley` gives too few, tops count that are hardly apart. There may still be
            fewer, if the climbs ended at fewer places. None: as many as `valley` gives.

    Raises:
        ValueError: there are no ends, or fewer modes than one are wanted.
    """
    if not len(ends) or (num_modes is not None and num_modes < 1):
        raise ValueError(f"Clusters are one or more, of one end of a climb or more; got {num_modes}.")
    density = posterior.log_density()
    owner = _joined(density, ends, valley)
    if num_modes is not None and num_modes > len(set(owner)):
        owner = _joined(density, ends, SAME)
    if num_modes is not None and num_modes < len(set(owner)):
        owner = _fewer(density, ends, owner, num_modes)
    return _sorted(ends, owner)


def _joined(density: LogDensity, ends: Sequence[Mode], valley: float) -> Int[np.ndarray, " n"]:
    """For each end the number of the end that stands for its mode: the highest without a valley between."""
    found: list[int] = []
    owner = np.zeros(len(ends), int)
    for k in sorted(range(len(ends)), key=lambda k: -ends[k].log_prob):
        depths = _depths(density, ends[k], [ends[j] for j in found])
        same = [j for j, depth in zip(found, depths, strict=True) if depth <= valley]
        owner[k] = same[0] if same else k
        found += [] if same else [k]
    return owner


def _fewer(
    density: LogDensity, ends: Sequence[Mode], owner: Int[np.ndarray, " n"], num: int
) -> Int[np.ndarray, " n"]:
    """Joins the two modes with the shallowest valley between them until `num` are left."""
    kept, owner = sorted(set(owner.tolist()), key=lambda k: -ends[k].log_prob), owner.copy()
    modes = [ends[k] for k in kept]
    depth = np.full((len(kept), len(kept)), np.inf)
    for i in range(1, len(kept)):
        depth[i, :i] = depth[:i, i] = _depths(density, modes[i], modes[:i])
    for _ in range(len(kept) - num):
        j, i = sorted(np.unravel_index(depth.argmin(), depth.shape))  # the first is the higher one
        owner[owner == kept[i]] = kept[j]
        depth[j] = depth[:, j] = np.minimum(depth[j], depth[i])
        depth[i] = depth[:, i] = depth[j, j] = np.inf
    return owner


def _sorted(ends: Sequence[Mode], owner: Int[np.ndarray, " n"]) -> Clusters:
    kept, counts = np.unique(owner, return_counts=True)
    kept = kept[np.lexsort([[-ends[k].log_prob for k in kept], -counts])]
    shares = np.sort(counts)[::-1] / len(ends)
    return Clusters(
        np.stack([ends[k].theta for k in kept]),
        np.array([ends[k].log_prob for k in kept]),
        shares,
        np.sqrt(shares * (1 - shares) / len(ends)),
        np.array([int(np.flatnonzero(kept == k)[0]) for k in owner]),
    )


def _depths(density: LogDensity, one: Mode, others: Sequence[Mode]) -> list[float]:
    """How far the density falls below the lower of two modes on the lines from one to others, nats."""
    share, depths = np.linspace(0.0, 1.0, BETWEEN)[:, None], []
    for first in range(0, len(others), LINES):
        goals = np.stack([mode.theta for mode in others[first : first + LINES]])
        goals = np.pad(goals, ((0, LINES - len(goals)), (0, 0)), mode="edge")  # one shape: compiled once
        lines = one.theta + share * (goals[:, None] - one.theta)
        with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
            heights = np.asarray(_heights(density, jnp.asarray(lines, jnp.float64)))
        depths += (np.minimum(heights[:, 0], heights[:, -1]) - np.nanmin(heights, axis=1)).tolist()
    return depths[: len(others)]


@eqx.filter_jit
def _heights(density: LogDensity, rows: Float[Array, "n m dim"]) -> Float[Array, "n m"]:
    return jax.vmap(jax.vmap(density))(rows)
