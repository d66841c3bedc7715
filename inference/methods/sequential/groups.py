"""Groups of simulations with the same shared parameters: the first of each, and extra ones after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Array, Float, Key

from simulators import Simulations

if TYPE_CHECKING:
    from inference.methods.sequential.history import Campaign


def with_extras(
    key: Key[Array, ""], campaign: Campaign, num: int, theta: Float[np.ndarray, "num dim"] | None
) -> Float[np.ndarray, "rows dim"]:
    """Parameters of groups, one after the other; local ones of extras are from the prior, whatever theta is.

    Args:
        key: of the draws from the prior.
        campaign: says how many extras.
        num: groups.
        theta: of the first of each group; None: from the prior.
    """
    prior = campaign.simulator.prior
    rows = np.array(prior.sample(key, num * campaign.group_size))
    groups = rows.reshape(num, campaign.group_size, prior.dim)
    if theta is not None:
        groups[:, 0] = theta
    shared = list(prior.shared_positions)
    groups[:, :, shared] = groups[:, :1, shared]
    return rows


def checked_groups(simulations: Simulations, campaign: Campaign) -> Simulations:
    """Simulations that were given, if they are groups of the size that is wanted.

    Raises:
        ValueError: they are not.
    """
    size, shared = campaign.group_size, list(campaign.simulator.prior.shared_positions)
    if size == 1:
        return simulations
    groups = simulations.theta[: len(simulations) // size * size, shared].reshape(-1, size, len(shared))
    if len(simulations) % size or not (groups == groups[:, :1]).all():
        raise ValueError(
            f"Simulations for {size - 1} extra observations are groups of {size} rows, one group after the "
            f"other, with the same {', '.join(campaign.simulator.prior.shared)} within each; those given are "
            "not."
        )
    return simulations
