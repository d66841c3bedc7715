"""The calibration kernel of variant B: rows count the more the nearer they are to the observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from inference.methods.sequential.bank import Bank
    from inference.methods.sequential.history import Campaign

KERNEL_SHARE = 0.2  # of the rows that an automatic kernel leaves, as an effective number


def calibration_kernel(
    campaign: Campaign, bank: Bank, weight: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """exp(-d^2 / 2 t^2), d the distance to the observation in robust standard deviations; a gap counts as 0.

    Without a bandwidth, the smallest that leaves a fifth of the weighted rows, as an effective number.
    """
    used = weight > 0
    x = bank.x[used]
    spread = np.nanquantile(x, (0.05, 0.95), axis=0)
    scale = np.where(spread[1] > spread[0], (spread[1] - spread[0]) / 3.29, 1.0)
    square = np.nansum(np.square((bank.x - campaign.x_o) / scale), axis=1)
    if campaign.config.bandwidth is not None:
        return np.exp(-0.5 * square / campaign.config.bandwidth**2)

    def effective(log_bandwidth: float) -> float:
        joint = weight[used] * np.exp(-0.5 * (square[used] - square[used].min()) / np.exp(2 * log_bandwidth))
        return joint.sum() ** 2 / np.square(joint).sum()

    wanted = KERNEL_SHARE * weight[used].sum() ** 2 / np.square(weight[used]).sum()
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if effective(middle) >= wanted else (middle, high)
    return np.exp(-0.5 * (square - square[used].min()) / np.exp(2 * high))
