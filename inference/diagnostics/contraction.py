"""What the data told about each parameter, and whether it was right."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import ArrayLike, Float


@dataclass(frozen=True, eq=False)
class Contraction:
    """Per parameter; leading axes are those of the observations, if there are several.

    Attributes:
        contraction: (*m, dim), 1 - variance of the posterior / variance of the prior: 1 where the data fix
            the parameter, 0 where they tell nothing, below 0 where the posterior is the wider one.
        z_score: (*m, dim), (mean of the posterior - truth) / sd of the posterior; None without a truth.
    """

    contraction: Float[np.ndarray, "*m dim"]
    z_score: Float[np.ndarray, "*m dim"] | None

    @property
    def mean_square_z(self) -> Float[np.ndarray, " dim"] | None:
        """Over the observations: 1 +- sqrt(2 / m) for m near-Gaussian posteriors; above, they are too sure.

        A single observation tells little: 1 +- 1.4.
        """
        return None if self.z_score is None else (np.atleast_2d(self.z_score) ** 2).mean(axis=0)


def contraction(
    theta: ArrayLike,
    prior: ArrayLike,
    *,
    true_theta: ArrayLike | None = None,
) -> Contraction:
    """Prior-to-posterior contraction, and the z-score of a truth that is known.

    Args:
        theta: posterior draws, of one observation (n, dim) or of several (m, n, dim).
        prior: draws from the prior, (k, dim).
        true_theta: from which the observations were simulated, (dim,) or (m, dim).

    Raises:
        ValueError: the shapes do not fit.

    References:
        Schad, Betancourt and Vasishth 2021, doi:10.1037/met0000275, "model sensitivity".
    """
    theta, prior = np.asarray(theta, float), np.asarray(prior, float)
    truth = None if true_theta is None else np.asarray(true_theta, float)
    wanted = (*theta.shape[:-2], theta.shape[-1])
    if prior.shape[1:] != theta.shape[-1:] or (truth is not None and truth.shape != wanted):
        raise ValueError(
            f"Posterior draws {theta.shape} need prior draws (k, {theta.shape[-1]}) and a truth of shape "
            f"{wanted}; got {prior.shape} and {None if truth is None else truth.shape}."
        )
    mean, sd = theta.mean(axis=-2), theta.std(axis=-2)
    shrunk = 1 - sd**2 / np.maximum(prior.var(axis=0), 1e-300)
    return Contraction(shrunk, None if truth is None else (mean - truth) / np.maximum(sd, 1e-300))
