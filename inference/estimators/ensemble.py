"""An ensemble: estimators of one kind, trained side by side, whose densities are averaged."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Key

from inference.estimators.base import DensityEstimator, EstimatorSpec, with_arrays
from inference.scaling import ParameterScaling


class EnsembleEncoder(eqx.Module):
    """x -> (members, _): as each member sees it.

    Attributes:
        stacked: an `Encoder` whose every array has a leading axis of members.
    """

    stacked: Any

    def __call__(self, x: Float[Array, " num_features"]) -> Float[Array, "members _"]:
        """Encoded by each member.

        The scaling, which all share, is applied once. Applied by each member it came out wrong for more than
        1 170 rows of 7 features at once: XLA for the CPU (jax 0.10.2) loses its way in the sum over knots.
        """
        scaling = jax.tree.map(lambda leaf: leaf[0], self.stacked.scaling)
        others = eqx.tree_at(lambda encoder: encoder.scaling, self.stacked, None)

        def encode(one: Any) -> Array:
            is_empty = lambda node: node is None  # noqa: E731
            return eqx.tree_at(lambda encoder: encoder.scaling, one, scaling, is_leaf=is_empty)(x)

        return eqx.filter_vmap(encode, axis_size=self.stacked.scaling.location.shape[0])(others)


class Ensemble(DensityEstimator):
    """The equal mixture of its members, which share scalings and differ in their weights.

    Attributes:
        members: one estimator whose every array has a leading axis of members.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    members: DensityEstimator

    def __init__(self, spec: EstimatorSpec, members: DensityEstimator) -> None:
        self.spec, self.members = spec, members

    @property
    def parameter_scaling(self) -> ParameterScaling:
        """Of the first member; all are the same."""
        return self.member(0).parameter_scaling

    @property
    def encoder(self) -> EnsembleEncoder:
        """One for each member."""
        return EnsembleEncoder(self.members.encoder)

    def member(self, index: int) -> DensityEstimator:
        """One of them."""
        return jax.tree.map(lambda leaf: leaf[index] if eqx.is_array(leaf) else leaf, self.members)

    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, "members _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_given`."""
        each = eqx.filter_vmap(lambda member, code: member.log_prob_given(u, code))(self.members, h)
        return jax.scipy.special.logsumexp(each) - np.log(self.spec.num_members)

    def sample_given(self, key: Key[Array, ""], h: Float[Array, "members _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_given`."""
        member_key, draw_key = jax.random.split(key)
        draws = eqx.filter_vmap(lambda member, code: member.sample_given(draw_key, code))(self.members, h)
        return self._any(member_key, draws)

    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, "members _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_heavy`."""
        each = eqx.filter_vmap(lambda member, code: member.log_prob_heavy(u, code))(self.members, h)
        return jax.scipy.special.logsumexp(each) - np.log(self.spec.num_members)

    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, "members _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_heavy`."""
        member_key, draw_key = jax.random.split(key)
        draws = eqx.filter_vmap(lambda member, code: member.sample_heavy(draw_key, code))(self.members, h)
        return self._any(member_key, draws)

    def _any(self, key: Array, draws: Float[Array, "members dim"]) -> Float[Array, " dim"]:
        """A draw of every member is made, because under vmap a choice of weights would be copied per draw."""
        return draws[jax.random.randint(key, (), 0, self.spec.num_members)]


def stack(members: list[DensityEstimator], spec: EstimatorSpec) -> Ensemble:
    """An ensemble of estimators that were built from one spec."""
    return Ensemble(spec, with_arrays(lambda *leaves: np.stack(leaves), *members))


def split(ensemble: Ensemble, num: int) -> tuple[Ensemble, ...]:
    """Ensembles of `num` equal shares of the members, in order; `join` puts them together again.

    Raises:
        ValueError: the members cannot be divided so.
    """
    each, rest = divmod(ensemble.spec.num_members, num)
    if rest:
        raise ValueError(f"{ensemble.spec.num_members} members cannot be divided into {num} equal shares.")
    spec = replace(ensemble.spec, num_members=each)

    def share(first: int) -> Ensemble:
        return Ensemble(spec, with_arrays(lambda leaf: leaf[first : first + each], ensemble.members))

    return tuple(share(i * each) for i in range(num))


def join(shares: list[Ensemble]) -> Ensemble:
    """One ensemble of the members of several."""
    members = with_arrays(lambda *leaves: np.concatenate(leaves), *(share.members for share in shares))
    num = sum(share.spec.num_members for share in shares)
    return Ensemble(replace(shares[0].spec, num_members=num), members)
