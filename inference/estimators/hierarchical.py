"""A density in two factors: of the parameters that recordings share, and of those that each has alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from inference.embeddings.encoder import AsItIs, Encoder
from inference.embeddings.recordings import Encoded, RecordingsEncoder, make_recordings_encoder
from inference.estimators.base import DensityEstimator, EstimatorSpec
from inference.estimators.flows import coupling_flow, masked_autoregressive_flow, spline_coupling_flow
from inference.estimators.hierarchy import HierarchySpec
from inference.estimators.mixtures import gaussian_density, mixture_density
from inference.scaling import ParameterScaling

NAME = "hierarchical"
DENSITIES: Mapping[str, Callable[..., DensityEstimator]] = MappingProxyType(
    {
        "nsf": spline_coupling_flow,
        "maf": masked_autoregressive_flow,
        "coupling": coupling_flow,
        "mdn": mixture_density,
        "gaussian": gaussian_density,
    }
)


class Parts(NamedTuple):
    """Unconstrained parameters of one recording: its own, and the shared ones."""

    local: Float[Array, " num_local"]
    shared: Float[Array, " num_shared"]


class HierarchicalDensity(DensityEstimator):
    """q(local of x_0 | shared, x_0) q(shared | x_0, {x_1, ...}); x is all recordings side by side.

    Given the shared parameters nothing but x_0 tells about its local ones, so the first factor serves every
    recording alike, and one draw of the shared parameters with one draw of it per recording is a draw from
    the posterior of all.

    Reference: Rodrigues et al. 2021, arXiv:2102.06477.

    Attributes:
        shared: given what `encoder` pools of all recordings.
        local: given an encoded recording, the scaled shared parameters, and in truncated rounds a 1 for the
            first recording.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: RecordingsEncoder
    shared: DensityEstimator
    local: DensityEstimator

    def log_prob_given(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """See `DensityEstimator.log_prob_given`."""
        encoded, pooled = self._split(h)
        local = self.local_log_prob(u, encoded, is_first=True)
        return self.shared.log_prob_given(self.parts(u).shared, pooled) + local

    def sample_given(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """See `DensityEstimator.sample_given`."""
        shared_key, local_key = jax.random.split(key)
        encoded, pooled = self._split(h)
        shared = self.shared.sample_given(shared_key, pooled)
        given = self._condition(encoded, shared, is_first=True)
        return self._joined(Parts(self.local.sample_given(local_key, given), shared))

    def log_prob_heavy(self, u: Float[Array, " dim"], h: Float[Array, " _"]) -> Float[Array, ""]:
        """Of the heavy-tailed companions of both factors."""
        encoded, pooled = self._split(h)
        local, shared = self.parts(u)
        given = self._condition(encoded, shared, is_first=True)
        return self.shared.log_prob_heavy(shared, pooled) + self.local.log_prob_heavy(local, given)

    def sample_heavy(self, key: Key[Array, ""], h: Float[Array, " _"]) -> Float[Array, " dim"]:
        """Of the heavy-tailed companions of both factors."""
        shared_key, local_key = jax.random.split(key)
        encoded, pooled = self._split(h)
        shared = self.shared.sample_heavy(shared_key, pooled)
        given = self._condition(encoded, shared, is_first=True)
        return self._joined(Parts(self.local.sample_heavy(local_key, given), shared))

    def local_log_prob(
        self,
        u: Float[Array, " dim"],
        encoded: Float[Array, " num_encoded"],
        *,
        is_first: bool | Bool[Array, ""],
    ) -> Float[Array, ""]:
        """Log density of a recording's local parameters given its shared ones."""
        local, shared = self.parts(u)
        return self.local.log_prob_given(local, self._condition(encoded, shared, is_first=is_first))

    def sample_all(self, key: Key[Array, ""], encoded: Encoded, pooled: Array) -> Float[Array, "n dim"]:
        """One joint draw for all recordings, shared parameters alike; the first one's is `sample_given`'s."""
        shared_key, local_key = jax.random.split(key)
        shared = self.shared.sample_given(shared_key, pooled)

        def one(i: Array, code: Array) -> Array:
            mine = jnp.where(i == 0, local_key, jax.random.fold_in(local_key, i))
            given = self._condition(code, shared, is_first=i == 0)
            return self._joined(Parts(self.local.sample_given(mine, given), shared))

        return jax.vmap(one)(jnp.arange(len(encoded)), encoded)

    def parts(self, u: Float[Array, " dim"]) -> Parts:
        """Local and shared parameters."""
        return Parts(u[np.array(self._hierarchy.local(len(u)), int)], u[np.array(self._hierarchy.shared)])

    @property
    def _hierarchy(self) -> HierarchySpec:
        assert self.spec.hierarchy is not None
        return self.spec.hierarchy

    def _joined(self, parts: Parts) -> Array:
        places = np.argsort((*self._hierarchy.local(self.spec.dim), *self._hierarchy.shared))
        return jnp.concatenate(parts)[places]

    def _split(self, h: Array) -> tuple[Array, Array]:
        num = self.encoder.recording.num_outputs
        return h[:num], h[num:]

    def _condition(self, encoded: Array, shared: Array, *, is_first: bool | Array) -> Array:
        scaled = self.shared.parameter_scaling(shared)
        flag = [jnp.asarray(is_first, encoded.dtype)[None]] if self._hierarchy.is_cut else []
        return jnp.concatenate([encoded, scaled, *flag])


def hierarchical_density(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder
) -> HierarchicalDensity:
    """The estimator "hierarchical", as `spec.hierarchy` says; `encoder` is that of one recording."""
    hierarchy = spec.hierarchy
    assert hierarchy is not None
    whole = make_recordings_encoder(
        rng, encoder, hierarchy.aggregator, most=hierarchy.num_extra, width=spec.width
    )

    def factor(positions: tuple[int, ...], num_inputs: int) -> DensityEstimator:
        inner = replace(
            spec, name=hierarchy.density, dim=len(positions), hierarchy=None, embedding=None, num_members=1
        )
        mine = ParameterScaling(*(part[np.array(positions)] for part in (scaling.location, scaling.scale)))
        return DENSITIES[hierarchy.density](rng, inner, mine, AsItIs(num_inputs))

    shared = factor(hierarchy.shared, whole.num_pooled)
    num_given = encoder.num_outputs + len(hierarchy.shared) + hierarchy.is_cut
    return HierarchicalDensity(spec, scaling, whole, shared, factor(hierarchy.local(spec.dim), num_given))
