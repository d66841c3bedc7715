"""HierarchicalPosterior: the posterior of an observation that shares parameters with others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.epoch import bucket_size
from inference.estimators import DensityEstimator
from inference.estimators.ensemble import Ensemble
from inference.estimators.hierarchical import HierarchicalDensity
from inference.posterior import MAX_BATCH, MIN_BATCH, LogDensity, Posterior
from simulators import Prior


@dataclass(frozen=True, eq=False)
class HierarchicalPosterior:
    """q(local of x_0, shared | x_0, x_1 ... x_N) in the prior's own space, for any N up to a limit.

    Attributes:
        estimator: a hierarchical density, or an ensemble of such.
        prior: gives the support and the bijection, and says which parameters are shared.
        x_o: the observation x_0, shape (num_features,); None for an amortised posterior.
        extra: the extra observations (N, num_features), whose order does not matter; None: none.
        is_amortised: whether other observations and extras may be given; not after several rounds.

    Raises:
        ValueError: an observation has the wrong length, is not finite, or there are too many extras.
    """

    estimator: DensityEstimator
    prior: Prior
    x_o: np.ndarray | None = None
    extra: np.ndarray | None = None
    is_amortised: bool = True

    def __post_init__(self) -> None:
        if self.x_o is not None:
            x_o, others = np.asarray(self.x_o, np.float32), self.extra
            extra = np.zeros((0, x_o.size)) if others is None else others
            object.__setattr__(self, "x_o", x_o)
            object.__setattr__(self, "extra", np.asarray(extra, np.float32))
            self._whole(x_o, self.extra)

    @property
    def num_extra(self) -> int:
        """The largest number of extras."""
        hierarchy = self.estimator.spec.hierarchy
        assert hierarchy is not None
        return hierarchy.num_extra

    def sample(
        self, key: Key[Array, ""], num: int, x: ArrayLike | None = None, extra: ArrayLike | None = None
    ) -> Float[Array, "*m num dim"]:
        """Independent draws of the local parameters of x_0 and the shared ones, in the prior's order.

        Args:
            key: PRNG key.
            num: how many draws.
            x: x_0, (num_features,), or rows of them (m, num_features) for `num` draws of each; None: the
                observation.
            extra: (N, num_features), or (m, N, num_features) for rows of x; None: none, or where x is None
                those of the observation.

        Raises:
            ValueError: as of `Posterior.sample`, or there are too many extras.
        """
        return self._plain.sample(key, num, self._given(x, extra))

    def log_prob(
        self, theta: ArrayLike, x: ArrayLike | None = None, extra: ArrayLike | None = None
    ) -> Float[Array, " n"]:
        """Normalised log density of parameter rows, in nats; -inf outside the prior's support.

        Args:
            theta: (n, dim) in the prior's units, or one row (dim,).
            x: as of `sample`; rows of it are one for each of theta's.
            extra: as of `sample`.

        Raises:
            ValueError: as of `Posterior.log_prob`, or there are too many extras.
        """
        return self._plain.log_prob(theta, self._given(x, extra))

    def sample_all(
        self, key: Key[Array, ""], num: int, x: ArrayLike | None = None, extra: ArrayLike | None = None
    ) -> Float[Array, "num recordings dim"]:
        """Joint draws of the parameters of all observations, x_0 first; in each the shared ones are equal.

        Those of x_0 are the draws of `sample` with the same key.

        Args:
            key: PRNG key.
            num: how many draws.
            x: x_0, (num_features,); None: the observation.
            extra: as of `sample`.

        Raises:
            ValueError: as of `sample`, or x is not one row.
        """
        given = self._given(x, extra)
        whole = np.asarray(self._plain.x_o if given is None else given, np.float32)
        if num < 1 or whole.ndim != 1:
            raise ValueError(
                f"Joint draws are at least one, of one observation and its extras; got {num} draws of "
                f"{'rows of x' if whole.ndim > 1 else 'one x'}."
            )
        recordings = whole.reshape(1 + self.num_extra, -1)
        is_there = ~np.isnan(recordings).all(axis=1)
        size = min(bucket_size(num, minimum=MIN_BATCH), max(1, MAX_BATCH // len(recordings)))
        draws = [
            _sample_all(self.estimator, self.prior, key, start + jnp.arange(size), jnp.asarray(whole))
            for start in range(0, num, size)
        ]
        return jnp.concatenate(draws)[:num, np.flatnonzero(is_there)]

    def mode(
        self, key: Key[Array, ""], x: ArrayLike | None = None, extra: ArrayLike | None = None
    ) -> Float[Array, " dim"]:
        """As `Posterior.mode`."""
        return self._plain.mode(key, self._given(x, extra))

    def log_density(self, x: ArrayLike | None = None, extra: ArrayLike | None = None) -> LogDensity:
        """As `Posterior.log_density`."""
        return self._plain.log_density(self._given(x, extra))

    def share_at_bounds(self, theta: ArrayLike) -> Float[np.ndarray, "dim 2"]:
        """As `Posterior.share_at_bounds`."""
        return self._plain.share_at_bounds(theta)

    def whole(self, extra: Float[np.ndarray, "N num_features"]) -> Float[np.ndarray, " num_inputs"]:
        """The observation with these extras, as the estimator is given it.

        Raises:
            ValueError: there is no observation, or too many extras.
        """
        if self.x_o is None:
            raise ValueError("This posterior has no observation of its own.")
        return self._whole(self.x_o, extra)

    @cached_property
    def _plain(self) -> Posterior:
        """The same, of all recordings side by side."""
        whole = None if self.x_o is None else self._whole(self.x_o, self.extra)
        return Posterior(self.estimator, self.prior, whole, self.is_amortised)

    def _given(self, x: ArrayLike | None, extra: ArrayLike | None) -> np.ndarray | None:
        if x is None and (extra is None or self.x_o is None):
            return None
        return self._whole(self.x_o if x is None else x, extra)

    def _whole(self, x: Any, extra: Any) -> np.ndarray:
        """All recordings side by side, checked; NaN where there is none."""
        x, num = np.asarray(x, np.float32), self.estimator.spec.num_features
        others = np.zeros((*x.shape[:-1], 0, num)) if extra is None else np.asarray(extra, np.float32)
        if x.ndim not in (1, 2) or x.shape[-1] != num or others.shape[-1:] != (num,) or others.ndim < 2:
            raise ValueError(
                f"x must be one row of {num} features or rows of them, and extra rows (N, {num}) of the "
                f"same; got shapes {x.shape} and {others.shape}."
            )
        if others.shape[-2] > self.num_extra:
            raise ValueError(
                f"This posterior learnt to use up to {self.num_extra} extra observations; got "
                f"{others.shape[-2]}: run HNPE with a larger num_extra."
            )
        for rows in (x, others):
            unusable = ~np.isfinite(rows) & ~(np.isnan(rows) & self.estimator.spec.imputes)
            if unusable.any() or np.isnan(rows).all(axis=-1).any():
                raise ValueError(
                    f"An observation has {int((~np.isfinite(rows)).sum())} features that are not finite; all "
                    "must be known."
                )
        return side_by_side(x, others, self.num_extra)


def side_by_side(
    x: Float[np.ndarray, "*m num_features"], extra: Float[np.ndarray, "*k N num_features"], most: int
) -> Float[np.ndarray, "*m inputs"]:
    """An observation and its extras as a hierarchical density is given them: NaN where there is none.

    Args:
        x: one observation, or rows of them.
        extra: of each, or the same ones for all.
        most: extras to make room for.
    """
    whole = np.full((*x.shape[:-1], 1 + most, x.shape[-1]), np.nan, np.float32)
    whole[..., 0, :] = x
    whole[..., 1 : 1 + extra.shape[-2], :] = extra
    return whole.reshape(*x.shape[:-1], -1)


@eqx.filter_jit
def _sample_all(estimator: Any, prior: Prior, key: Array, rows: Array, x: Array) -> Array:
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(rows)

    def draws(member: HierarchicalDensity, keys: Array) -> Array:
        encoded, is_there = member.encoder.each(x)
        pooled = member.encoder.pool(encoded, is_there)
        return jax.vmap(lambda k: member.sample_all(k, encoded, pooled))(keys)

    if not isinstance(estimator, Ensemble):
        return prior.from_unconstrained(draws(estimator, keys))
    # As `Ensemble.sample_given`: all members with one key, of which another key takes one.
    member_keys, draw_keys = jax.vmap(jax.random.split, out_axes=1)(keys)
    of_each = eqx.filter_vmap(lambda member: draws(member, draw_keys))(estimator.members)
    chosen = jax.vmap(lambda k: jax.random.randint(k, (), 0, estimator.spec.num_members))(member_keys)
    return prior.from_unconstrained(of_each[chosen, jnp.arange(len(rows))])
