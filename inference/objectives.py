"""What training minimises: one loss per row, as functions of an estimator and a batch of rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key

from inference.estimators.base import DensityEstimator
from inference.estimators.ensemble import Ensemble

LOG_SHARE = -1.1  # of q within a region, where the one draw was outside: log of (0 + 1/2) / (1 + 1/2)


class Rows(NamedTuple):
    """Training rows side by side.

    Attributes:
        u: (n, dim), unconstrained parameters.
        x: (n, num_features).
        weight: (n,), at least zero; the share of a row in the mean loss. Zero leaves a row out.
        log_prior: (n,), log density of the prior at u, in unconstrained space.
        round: (n,), the round that a row was simulated in.
    """

    u: Float[Array, "n dim"]
    x: Float[Array, "n num_features"]
    weight: Float[Array, " n"]
    log_prior: Float[Array, " n"]
    round: Int[Array, " n"]


def make_rows(
    u: ArrayLike,
    x: ArrayLike,
    *,
    weight: ArrayLike | None = None,
    log_prior: ArrayLike | None = None,
    round: ArrayLike | None = None,
) -> Rows:
    """Rows of weight 1 and of the first round where nothing else is said; `log_prior` is 0 if not given."""
    num = np.shape(u)[0]
    arrays = (
        np.asarray(u, np.float32),
        np.asarray(x, np.float32),
        np.asarray(np.ones(num) if weight is None else weight, np.float32),
        np.asarray(np.zeros(num) if log_prior is None else log_prior, np.float32),
        np.asarray(np.zeros(num) if round is None else round, np.int32),
    )
    return Rows(*jax.device_put(arrays))


# (key, estimator, rows) -> one loss per row; the key is for objectives that draw (atoms, weights of a
# Bayesian net).
# An estimator of the kind that the objective is for.
Objective = Callable[[Key[Array, ""], Any, Rows], Float[Array, " n"]]


def negative_log_prob(key: Key[Array, ""], estimator: DensityEstimator, rows: Rows) -> Float[Array, " n"]:
    """-log q(u | x): right for rows that were simulated from the prior, or from the prior cut to a region."""
    del key
    return -jax.vmap(estimator.log_prob)(rows.u, rows.x)


class AtomicLoss(eqx.Module):
    """The loss of SNPE-C with atomic proposals: tell the parameters of a row from those of other rows.

    For each row the atoms are its own u and `num_atoms` - 1 others of the batch, drawn without replacement;
    the loss is -log of the own share in sum q(u' | x) / p(u'). It is right whatever the rows' proposal was.

    Attributes:
        num_atoms: at least two; no more than the rows of a batch are used.
        is_combined: whether -log q(u | x) is added for rows of the first round, which came from the prior;
            it pins down q where the atoms leave it free.

    Reference: Greenberg et al. 2019, arXiv:1905.07488, section 3 and appendix.
    """

    num_atoms: int = eqx.field(static=True, default=10)
    is_combined: bool = eqx.field(static=True, default=False)

    def __call__(self, key: Key[Array, ""], estimator: DensityEstimator, rows: Rows) -> Float[Array, " n"]:
        """One loss per row."""
        others = atoms_of(key, len(rows.weight), self.num_atoms)

        def ratios(x: Array, atoms: Int[Array, " atoms"]) -> tuple[Array, Array]:
            h = estimator.encode(x)
            log_q = jax.vmap(lambda u: estimator.log_prob_given(u, h))(rows.u[atoms])
            return log_q[0], jnp.where(rows.weight[atoms] > 0, log_q - rows.log_prior[atoms], -jnp.inf)

        log_q, log_ratios = jax.vmap(ratios)(rows.x, others)
        # A row without weight has no share: it must not make the loss of others undefined.
        own = jnp.where(rows.weight > 0, log_ratios[:, 0], 0.0)
        loss = logsumexp(jnp.where(rows.weight[:, None] > 0, log_ratios, 0.0), axis=1) - own
        return loss - jnp.where(rows.round == 0, log_q, 0.0) if self.is_combined else loss


def atoms_of(key: Key[Array, ""], num: int, num_atoms: int) -> Int[Array, "num atoms"]:
    """For each of `num` rows, itself and others, without replacement; all rows if there are fewer."""
    offsets = 1 + jax.random.permutation(key, num - 1)[: min(num_atoms, num) - 1]
    return (jnp.arange(num)[:, None] + jnp.concatenate([jnp.zeros(1, int), offsets])) % num


class Bounds(NamedTuple):
    """A region: where log q(u | code) of an estimate is at or above a threshold."""

    estimator: DensityEstimator
    code: Float[Array, "..."]
    threshold: Float[Array, ""]

    def contains(self, u: Float[Array, " dim"]) -> Bool[Array, ""]:
        """Whether a point lies inside."""
        return self.estimator.log_prob_given(u, self.code) >= self.threshold


class TruncatedLoss(eqx.Module):
    """-log q(u | x) + log q(R | x): right for rows from the prior within a region R, also where it cuts.

    The plain loss would have q learn posteriors that are cut off at the edge of R, which in ten dimensions
    are most of them; here q is the posterior under the whole prior, in all rounds. The second term is the
    share of q inside R. Its gradient is the mean gradient of log q over draws of q inside, of which one is
    tried for each row and step. A row whose draw lies outside is left out of that step: that depends on x and
    q and not on u, so it changes how much a row counts and not what is learnt.

    Measured on the benchmark's Bernoulli GLM, observation 1, 2 x 5 000 simulations, one member, seed 1: C2ST
    0.547; 0.588 after one round of 10 000.

    Attributes:
        regions: rows of round r lie in the first r of them.
    """

    regions: tuple[Bounds, ...]

    def __call__(self, key: Key[Array, ""], estimator: DensityEstimator, rows: Rows) -> Float[Array, " n"]:
        """One loss per row; for a row without a gradient its value."""
        keys = jax.random.split(key, len(rows.weight))
        return jax.vmap(lambda key, *row: self._of_row(key, estimator, *row))(
            keys, rows.u, rows.x, rows.round
        )

    def _of_row(self, key: Array, estimator: DensityEstimator, u: Array, x: Array, round: Array) -> Array:
        h, fixed = estimator.encode(x), jax.lax.stop_gradient
        draw = fixed(estimator.sample_given(key, h))
        # Both at once: a shorter program, for products of twice as many rows.
        log_q, log_q_draw = jax.vmap(lambda at: estimator.log_prob_given(at, h))(jnp.stack([u, draw]))
        is_outside = jnp.stack([~region.contains(draw) for region in self.regions])
        is_inside = ~(is_outside & (jnp.arange(len(self.regions)) < round)).any()
        is_cut, counts = round > 0, is_inside & jnp.isfinite(log_q_draw)
        moved = jnp.where(counts, jnp.where(counts, log_q_draw, 0.0) - log_q, 0.0)
        value = fixed(-log_q + jnp.where(counts, 0.0, LOG_SHARE))
        return jnp.where(is_cut, value + moved - fixed(moved), -log_q)


class EnsembleLoss(eqx.Module):
    """Each member's own loss, averaged: members learn side by side and not from each other."""

    member_loss: Objective

    def __call__(self, key: Key[Array, ""], estimator: Ensemble, rows: Rows) -> Float[Array, " n"]:
        """One loss per row."""
        keys = jax.random.split(key, estimator.spec.num_members)
        each = eqx.filter_vmap(lambda member, k: self.member_loss(k, member, rows))(estimator.members, keys)
        return each.mean(axis=0)
