"""Local-linear regression adjustment: accepted draws moved to where they would be at the observation.

    u_i* = u_i - beta' (x_i - x_o),   beta by least squares with weights 1 - (d_i / epsilon)^2

in the prior's unconstrained space, so that no draw leaves the support. It helps where the posterior moves
linearly with the features and keeps its shape, within the threshold; elsewhere it can make things worse.
(Beaumont, Zhang and Balding 2002, Genetics 162, 2025.)
"""

import numpy as np
from jaxtyping import Float


def adjust(
    u: Float[np.ndarray, "n dim"],
    differences: Float[np.ndarray, "n num_features"],
    distance: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "n dim"], Float[np.ndarray, " n"]]:
    """Adjusted draws, and their weights.

    Args:
        u: accepted, unconstrained.
        differences: scaled features less the observation.
        distance: of the same rows; the largest is the threshold.

    Raises:
        ValueError: there are too few rows for the number of features.
    """
    weight = 1 - (distance / distance.max()) ** 2 if distance.max() > 0 else np.ones(len(u))
    num, least = int((weight > 0).sum()), differences.shape[1] + 2
    if num < least:
        raise ValueError(
            f"The regression needs {least} accepted draws for {differences.shape[1]} features, and there are "
            f"{num}; simulate more, keep more of them, or switch the regression off."
        )
    design = np.column_stack([np.ones(len(u)), differences])
    root = np.sqrt(weight)[:, None]
    slopes = np.linalg.lstsq(root * design, root * np.asarray(u, float), rcond=None)[0][1:]
    return u - differences @ slopes, weight
