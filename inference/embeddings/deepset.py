"""A network whose output does not depend on the order of the rows."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.arrays import ArrayEmbedding, num_columns, side_by_side
from inference.embeddings.mlp import dense
from inference.embeddings.spec import EmbeddingSpec
from inference.networks import Network


class DeepSet(eqx.Module):
    """rho(mean of phi over the rows, share of the rows that is there).

    A row with a NaN is left out. Where none is left, the mean is zero and so is the share, which tells the
    two apart.

    Reference: Zaheer et al. 2017, Deep sets, arXiv:1703.06114.
    """

    phi: Network
    rho: Network

    def __call__(self, *arrays: Float[Array, "rows ..."]) -> Float[Array, " num_outputs"]:
        """Sets side by side, each (rows,) or (rows, k)."""
        rows = side_by_side(arrays)
        is_there = ~jnp.isnan(rows).any(axis=1)
        phi = jax.vmap(self.phi)(jnp.where(is_there[:, None], rows, 0.0))
        total = jnp.where(is_there[:, None], phi, 0.0).sum(0)
        share = jnp.atleast_1d(is_there.mean())
        return self.rho(jnp.concatenate([total / jnp.maximum(is_there.sum(), 1), share]))


def deepset(rng: np.random.Generator, spec: EmbeddingSpec, num_inputs: int) -> ArrayEmbedding:
    """Each row through the same network, their mean through another; scalars bypass both."""
    del num_inputs
    phi = dense(rng, (num_columns(spec.groups), *[spec.width] * spec.depth, spec.width))
    rho = dense(rng, (spec.width + 1, *[spec.width] * spec.depth, spec.num_outputs))
    return ArrayEmbedding(DeepSet(phi, rho), spec.groups)
