"""The loss of a hierarchical density: groups of recordings, of which a random number is shown each time."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Bool, Float, Int, Key

from inference.estimators.hierarchical import HierarchicalDensity
from inference.objectives import Rows, atoms_of


class Group(NamedTuple):
    """One row: recordings in the order in which they are looked at now.

    Attributes:
        u: unconstrained parameters of each recording.
        x: features of each; NaN where there is no recording.
        is_there: which recordings are there.
        is_shown: which of them the shared parameters are to be told from; the first always is.
    """

    u: Float[Array, "recordings dim"]
    x: Float[Array, "recordings num_features"]
    is_there: Bool[Array, " recordings"]
    is_shown: Bool[Array, " recordings"]


class HierarchicalLoss(eqx.Module):
    """-log q(shared | shown recordings) - log q(local | shared, recording), the latter of a mean of two.

    A row holds `num_recordings` side by side, in u as in x. In the first round all recordings of a row are
    alike: which one is the first, and how many of the others are shown, is drawn anew in each step, so that
    one network learns to answer for any number; the held-out loss always draws the same. In later rounds the
    first one's local parameters are from the proposal and those of the others from the prior given the shared
    ones: the first stays the first, and as many are shown as were observed.

    Attributes:
        num_recordings: of a row.
        num_observed: shown in later rounds.
        is_first_round: whether this is the first round; an array, so that the next compiles nothing anew.
        num_atoms: 0: plain likelihood, for rows from the prior, or from the prior cut to a region. Else the
            first recording's parameters are to be told from those of other rows, as by `AtomicLoss`; the
            others' local ones are from the prior and need no correction.
    """

    num_recordings: int = eqx.field(static=True)
    num_observed: int = eqx.field(static=True)
    is_first_round: Bool[Array, ""]
    num_atoms: int = eqx.field(static=True, default=0)

    def __call__(self, key: Key[Array, ""], estimator: HierarchicalDensity, rows: Rows) -> Float[Array, " n"]:
        """One loss per row."""
        atoms_key, group_key = jax.random.split(key)
        num = len(rows.weight)
        groups = jax.vmap(self._group)(jax.random.split(group_key, num), rows.u, rows.x)
        if not self.num_atoms:
            return jax.vmap(lambda group: self._plain(estimator, group))(groups)
        atoms = atoms_of(atoms_key, num, self.num_atoms)
        return jax.vmap(lambda group, mine: self._atomic(estimator, group, mine, groups.u[:, 0], rows))(
            groups, atoms
        )

    def _group(self, key: Key[Array, ""], u: Array, x: Array) -> Group:
        """A random order in which what is not there comes last."""
        order_key, number_key = jax.random.split(key)
        num = self.num_recordings
        u, x = u.reshape(num, -1), x.reshape(num, -1)
        is_there = ~jnp.isnan(x).all(axis=1)
        places = jax.random.uniform(order_key, (num,)) + 2.0 * ~is_there
        places = places.at[0].add(jnp.where(self.is_first_round, 0.0, -4.0))
        order = jnp.argsort(places)
        shown = jnp.where(self.is_first_round, 1 + _number(number_key, num - 1), self.num_observed)
        return Group(u[order], x[order], is_there[order], is_there[order] & (jnp.arange(num) < shown))

    def _plain(self, estimator: HierarchicalDensity, group: Group) -> Float[Array, ""]:
        encoded, _ = estimator.encoder.each(group.x.ravel())
        return -_shared(estimator, group, encoded) - self._local(estimator, group, encoded, first=0)

    def _atomic(
        self, estimator: HierarchicalDensity, group: Group, atoms: Int[Array, " k"], u: Array, rows: Rows
    ) -> Float[Array, ""]:
        encoded, _ = estimator.encoder.each(group.x.ravel())
        h = jnp.concatenate([encoded[0], estimator.encoder.pool(encoded, group.is_shown)])
        log_q = jax.vmap(lambda atom: estimator.log_prob_given(u[atom], h))(atoms)
        ratios = jnp.where(rows.weight[atoms] > 0, log_q - rows.log_prior[atoms], -jnp.inf)
        is_usable = rows.weight[atoms[0]] > 0  # without weight it has no share
        own, ratios = jnp.where(is_usable, ratios[0], 0.0), jnp.where(is_usable, ratios, 0.0)
        return logsumexp(ratios) - own - self._local(estimator, group, encoded, first=1)

    def _local(
        self, estimator: HierarchicalDensity, group: Group, encoded: Array, *, first: int
    ) -> Float[Array, ""]:
        """Mean over two recordings from `first` on, those that there are; 0 without any."""
        picked = slice(first, min(2, self.num_recordings))
        is_first, is_there = jnp.arange(self.num_recordings)[picked] == 0, group.is_there[picked]
        log_q = jax.vmap(lambda u, code, flag: estimator.local_log_prob(u, code, is_first=flag))(
            group.u[picked], encoded[picked], is_first
        )
        return jnp.where(is_there, log_q, 0.0).sum() / jnp.maximum(is_there.sum(), 1)


def _shared(estimator: HierarchicalDensity, group: Group, encoded: Array) -> Float[Array, ""]:
    pooled = estimator.encoder.pool(encoded, group.is_shown)
    return estimator.shared.log_prob_given(estimator.parts(group.u[0]).shared, pooled)


def _number(key: Key[Array, ""], most: int) -> Int[Array, ""]:
    """How many extra recordings: half of the time any number, else few, evenly in the logarithm."""
    coin, share = jax.random.uniform(key, (2,))
    number = jnp.where(coin < 0.5, share * (most + 1.0), jnp.exp(share * np.log(most + 2.0)) - 1.0)
    return jnp.clip(jnp.floor(number).astype(int), 0, most)
