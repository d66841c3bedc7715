"""What is checked at the end of each run, as named numbers for the tree of its result."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.calibration import LEVELS, Calibrated, Coverage, Ranks, sbc
from inference.diagnostics.misspecification import LEAST_ROWS, Misspecification, misspecification
from inference.tree import Variables

NUM_CALIBRATED = 200  # rows, each with its own posterior
NUM_DRAWS = 500  # from each of those: ranks are as even with as many as with more
NUM_POSITIONS = 50  # of a rank plot
NUM_SCORED = 2_048  # rows whose log density is compared with the prior's


def diagnose(
    key: Key[Array, ""],
    posterior: Calibrated | None,
    held_out_theta: Float[np.ndarray, "n dim"] | None,
    held_out_x: Float[np.ndarray, "n num_inputs"] | None,
    training_x: Float[np.ndarray, "m num_features"],
    x_o: ArrayLike | None = None,
) -> Variables:
    """All checks that `verdict` reads beside those of the draws and of the training.

    Variables, with n the rows that were used:
        rank_histogram (parameter, rank_bin): rows per bin of ranks; num_calibrated (): rows in all bins.
        rank_p_value, rank_shift, rank_spread (parameter): see `Ranks`.
        rank_difference (parameter, rank_position): see `Ranks.ecdf_difference`; rank_position, rank_low,
            rank_high (rank_position): where, and the band in which all parameters' curves stay with 95 %.
        coverage_level, coverage (level): nominal and actual; calibration_error (): mean distance of the two.
        overconfidence (): mean nominal less actual coverage.
        gain, gain_error (): mean log density of the true parameters over that of the prior, nats; its
            standard error.
        x_o_tail (feature): tail probability of the observation among `training_x`, two-sided; and the
            scalars x_o_p_value, x_o_farthest, x_o_mahalanobis, x_o_neighbours, x_o_excess: see
            `Misspecification`.

    Args:
        key: of the draws.
        posterior: of the run; None, as for one of draws, leaves calibration out.
        held_out_theta: not trained on, and from the distribution that the estimator takes for its prior: the
            prior itself, or the truncated one of the last round. None leaves calibration out, as for
            estimators that were corrected for another proposal.
        held_out_x: their features, such as the estimator accepts.
        training_x: features of simulations from the prior (or the last proposal): the cloud in which the
            observation should lie.
        x_o: the observation; None: amortised.
    """
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    if posterior is not None and held_out_theta is not None and held_out_x is not None and len(held_out_x):
        theta, x = (np.asarray(rows[:NUM_SCORED], np.float32) for rows in (held_out_theta, held_out_x))
        ranks = sbc(key, posterior, theta[:NUM_CALIBRATED], x[:NUM_CALIBRATED], num_draws=NUM_DRAWS)
        found |= _calibration(posterior, ranks) | _gain(posterior, theta, x)
    complete = np.isfinite(np.asarray(training_x)).all(axis=1).sum()
    if x_o is not None and complete >= LEAST_ROWS:
        found |= _place(misspecification(x_o, training_x))
    return found


def _calibration(posterior: Calibrated, ranks: Ranks) -> dict:
    coverage = Coverage(LEVELS, ranks.coverage(), len(ranks))
    outside = 0.05 / ranks.ranks.shape[1]  # Bonferroni, over the parameters
    band = ranks.ecdf_band(mass=1 - outside, most_positions=NUM_POSITIONS)
    by_position = {"rank_position": band.position, "rank_low": band.low, "rank_high": band.high}
    by_parameter = {"rank_p_value": ranks.p_value, "rank_shift": ranks.shift, "rank_spread": ranks.spread}
    return {
        "rank_histogram": (("parameter", "rank_bin"), ranks.histogram()),
        **{name: (("parameter",), values) for name, values in by_parameter.items()},
        "rank_difference": (("parameter", "rank_position"), ranks.ecdf_difference(band.position)),
        **{name: (("rank_position",), values) for name, values in by_position.items()},
        "coverage_level": (("level",), coverage.level),
        "coverage": (("level",), coverage.coverage),
        "calibration_error": ((), np.asarray(coverage.error)),
        "overconfidence": ((), np.asarray(ranks.overconfidence)),
        "num_calibrated": ((), np.asarray(len(ranks))),
    }


def _gain(posterior: Calibrated, theta: np.ndarray, x: np.ndarray) -> dict:
    gain = np.asarray(_log_ratio(posterior.estimator, posterior.prior, theta, x), float)
    error = gain.std() / np.sqrt(len(gain))
    return {"gain": ((), np.asarray(gain.mean())), "gain_error": ((), np.asarray(error))}


def _place(found: Misspecification) -> dict:
    scalars = {
        "x_o_p_value": found.p_value,
        "x_o_farthest": found.farthest,
        "x_o_mahalanobis": found.mahalanobis,
        "x_o_neighbours": found.neighbours,
        "x_o_excess": found.excess,
    }
    return {"x_o_tail": (("feature",), found.tail)} | {
        name: ((), np.asarray(value)) for name, value in scalars.items()
    }


@eqx.filter_jit
def _log_ratio(estimator, prior, theta, x) -> Float[Array, " n"]:
    """Log q(theta | x) - log p(theta), row by row."""

    def one(theta, x):
        u = prior.to_unconstrained(theta)
        return estimator.log_prob(u, x) - prior.log_abs_det_jacobian(u) - prior.log_prob(theta)

    return jax.vmap(one)(theta, x)
