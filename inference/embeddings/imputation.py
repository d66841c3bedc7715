"""Missing features: learned constants in their place, and indicators that say so."""

from __future__ import annotations

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.embeddings.spec import Shape
from inference.scaling import FeatureScaling

INITIAL_SD = 0.01


class Imputation(eqx.Module):
    """h_i = f_i (1 - m_i) + c_i m_i on scaled inputs, followed by the indicators m.

    A missing feature is NaN. Each view of a scalar has its constant, and each scalar one indicator. An array
    has one constant for all its entries, and as indicator the share of them that is missing.
    Gradients are finite, because NaN never enters the scaling.

    Reference: Lueckmann et al. 2017, section 2.3 (arXiv:1711.01861).

    Attributes:
        constants: one per scaled input, entries of one array sharing theirs.
        groups: shapes of the features; () for a scalar.
        keeps_arrays: leave NaN in arrays alone, for a network that leaves out the rows itself.
    """

    constants: Float[Array, " num_constants"]
    groups: tuple[Shape, ...] = eqx.field(static=True)
    keeps_arrays: bool = eqx.field(static=True)

    def __call__(self, x: Float[Array, " num_features"], scaling: FeatureScaling) -> Float[Array, " out"]:
        """Scaled inputs without gaps, then the indicators."""
        is_missing = jnp.isnan(x)
        inputs = scaling(jnp.where(is_missing, scaling.location, x))
        group = np.repeat(np.arange(len(self.groups)), [math.prod(shape) for shape in self.groups])
        scored = np.arange(x.shape[0]) if scaling.scored is None else np.array(scaling.scored, int)
        # The constants: one per group, then one per second view.
        index = np.concatenate([group, len(self.groups) + np.arange(len(scored))])
        fill = self.constants[index]
        if self.keeps_arrays:
            in_array = np.array([bool(shape) for shape in self.groups], bool)[group]
            fill = fill.at[: x.shape[0]].set(jnp.where(in_array, jnp.nan, fill[: x.shape[0]]))
        inputs = jnp.where(jnp.concatenate([is_missing, is_missing[scored]]), fill, inputs)
        return jnp.concatenate([inputs, self._indicators(is_missing, group)])

    def _indicators(self, is_missing, group: np.ndarray) -> Float[Array, " k"]:
        sizes = np.bincount(group, minlength=len(self.groups))
        shares = jnp.zeros(len(self.groups)).at[group].add(is_missing) / sizes
        shown = [i for i, shape in enumerate(self.groups) if not (shape and self.keeps_arrays)]
        return shares[np.array(shown, int)]


def make_imputation(
    rng: np.random.Generator, groups: tuple[Shape, ...], scaling: FeatureScaling, *, keeps_arrays: bool
) -> Imputation:
    """Constants drawn from N(0, 0.01^2)."""
    num_scored = scaling.num_outputs - scaling.location.shape[0]
    constants = INITIAL_SD * rng.normal(size=len(groups) + num_scored)
    return Imputation(jnp.asarray(constants.astype(np.float32)), groups, keeps_arrays)
