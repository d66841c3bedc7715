"""The log density of a posterior as a function that JAX can differentiate, which the analyses are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.posterior import Posterior

LogDensity = Callable[[Float[Array, " dim"]], Float[Array, ""]]
CLEARANCE = 1e-6  # of the prior's range: where points outside are brought to


def log_density(posterior: Any, x: ArrayLike | None = None) -> Any:
    """Log q(theta | x) of one parameter row, in nats, in the prior's own space, traceable by JAX.

    Outside of a bounded prior it is that of the nearest point inside less the squared distance, in hundredths
    of the prior's range, so that a search which strays out finds its way back.

    Args:
        posterior: with an estimator; or a function of a row, which is given back as it is.
        x: features (num_features,); None: the observation.

    Returns:
        A `LogDensity`, and a pytree, so that a compiled function which takes it is compiled once.

    Raises:
        TypeError: the posterior is known by its draws alone.
        ValueError: there is no observation.
    """
    if callable(posterior):
        return posterior
    inner = getattr(posterior, "_inner", posterior)  # that of an emergent property holds one
    if not isinstance(inner, Posterior):
        raise TypeError(
            f"This analysis needs a density with slopes; a {type(posterior).__name__} has none: use the "
            "posterior of SNPE or EPI."
        )
    prior, condition = inner.prior, jnp.asarray(inner._condition(x))
    low, high = (np.asarray(bound, np.float32) for bound in (prior.low, prior.high))
    span = np.where(np.isfinite(low) & np.isfinite(high), high - low, np.float32(1))
    inside = low + CLEARANCE * span, high - CLEARANCE * span
    return eqx.Partial(
        _row, inner.estimator, prior, condition, inner.estimator.encode(condition), *inside, span
    )


def _row(estimator, prior, x, h, low, high, span, theta):
    del x
    kept = jnp.clip(theta, low, high)
    u = prior.to_unconstrained(kept)
    outside = (((theta - kept) / (0.01 * span)) ** 2).sum()
    return estimator.log_prob_given(u, h) - prior.log_abs_det_jacobian(u) - outside
