"""What the extra observations tell about the shared parameters: how much, and which of them most."""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import Array, Key

from inference.hierarchical_posterior import HierarchicalPosterior
from inference.methods.base import Variables

NUM_DRAWS = 2_000
QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
MOST_NUMBERS = 64  # of extras that the narrowing is told for; of more, some are passed over


def narrowing(key: Key[Array, ""], posterior: HierarchicalPosterior) -> Variables:
    """The shared parameters for 0, 1, ... N extras, in the order in which they were given, and each one's share.

    Variables, empty for an amortised posterior and where there is no extra:
        num_shown (step): extras that were used; narrowing_sd (step, shared), narrowing_quantile (step,
            quantile, shared): of the posterior, in the parameters' units; quantile_level (quantile).
        extra_told (extra): Kullback-Leibler divergence, in nats, of the posterior of the shared parameters
            with all extras from that without this one. Zero: it told nothing that the others do not tell.

    Args:
        key: of the draws.
        posterior: amortised, that of the first round: later ones know the observed extras only.
    """
    if posterior.x_o is None or posterior.extra is None or not len(posterior.extra):
        return {}
    extra, shared = posterior.extra, list(posterior.prior.shared_positions)
    steps = np.unique(np.linspace(0, len(extra), min(len(extra) + 1, MOST_NUMBERS)).round().astype(int))
    draws = np.stack([np.asarray(posterior.sample(key, NUM_DRAWS, extra=extra[:n])) for n in steps])
    draws = draws[:, :, shared]
    return {
        "num_shown": (("step",), steps),
        "quantile_level": (("quantile",), QUANTILES),
        "narrowing_sd": (("step", "shared"), draws.std(axis=1)),
        "narrowing_quantile": (
            ("step", "quantile", "shared"),
            np.quantile(draws, QUANTILES, axis=1).swapaxes(0, 1).astype(np.float32),
        ),
        "extra_told": (("extra",), _told(jax.random.fold_in(key, 1), posterior)),
    }


def _told(key: Key[Array, ""], posterior: HierarchicalPosterior) -> np.ndarray:
    """By leaving each extra out."""
    assert posterior.extra is not None
    theta = posterior.sample(key, NUM_DRAWS)
    log_q = np.asarray(posterior.shared_log_prob(theta))
    told = [
        log_q - np.asarray(posterior.shared_log_prob(theta, extra=np.delete(posterior.extra, i, axis=0)))
        for i in range(len(posterior.extra))
    ]
    return np.mean(np.clip(told, -50.0, 50.0), axis=1).astype(np.float32)
