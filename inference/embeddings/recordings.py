"""From several recordings to what their shared parameters depend on, whatever the order of the extra ones."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from inference.embeddings.encoder import Encoder
from inference.embeddings.mlp import dense
from inference.networks import Network

Encoded = Float[Array, "recordings num_encoded"]
Present = Bool[Array, " recordings"]


class MeanPool(eqx.Module):
    """The first recording, the mean of the others beside it, and how many these are.

    Nothing in it is learnt. As in the code of Rodrigues et al. 2021, arXiv:2102.06477.
    """

    most: int = eqx.field(static=True)

    def __call__(self, encoded: Encoded, is_there: Present) -> Float[Array, " out"]:
        """One vector."""
        others = jnp.where(is_there[1:, None], encoded[1:], 0.0)
        mean = others.sum(0) / jnp.maximum(is_there[1:].sum(), 1)
        return jnp.concatenate([encoded[0], mean, _number(is_there, self.most)])


class AttentionPool(eqx.Module):
    """rho(sum_i w_i phi(x_i), number) over all recordings alike, each output of phi with weights of its own.

    The weights of one output are a softmax over the recordings of what another output of the same network
    says, so that anything between the mean and the extreme of a set can be learnt.

    Reference: Linhart et al. 2022, arXiv:2211.02309 (the weighted average); Zaheer et al. 2017,
    arXiv:1703.06114 (the form).
    """

    phi: Network
    rho: Network
    most: int = eqx.field(static=True)

    def __call__(self, encoded: Encoded, is_there: Present) -> Float[Array, " out"]:
        """One vector."""
        values, scores = jnp.split(jax.vmap(self.phi)(encoded), 2, axis=1)
        weights = jax.nn.softmax(jnp.where(is_there[:, None], scores, -jnp.inf), axis=0)
        pooled = (weights * values).sum(0)
        return self.rho(jnp.concatenate([pooled, _number(is_there, self.most)]))


class RecordingsEncoder(eqx.Module):
    """x_0, x_1, ... side by side -> x_0 encoded, followed by what the shared parameters depend on.

    A recording that is not there is NaN in all features; the first one always is there. Any number of
    recordings may be given.

    Attributes:
        recording: of each one.
        pool: over all.
        num_pooled: length of what the pool gives.
    """

    recording: Encoder
    pool: MeanPool | AttentionPool
    num_pooled: int = eqx.field(static=True)

    @property
    def scaling(self) -> Any:
        """Of the features of a recording: a `FeatureScaling`, or what stands in while it is replaced."""
        return self.recording.scaling

    @property
    def num_outputs(self) -> int:
        """Length of both together."""
        return self.recording.num_outputs + self.num_pooled

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " num_outputs"]:
        """Both, one after the other."""
        encoded, is_there = self.each(x)
        return jnp.concatenate([encoded[0], self.pool(encoded, is_there)])

    def each(self, x: Float[Array, " inputs"]) -> tuple[Encoded, Present]:
        """Every recording encoded, and which are there."""
        recordings = x.reshape(-1, self.scaling.location.shape[0])
        is_there = ~jnp.isnan(recordings).all(axis=1)
        known = jnp.where(is_there[:, None], recordings, self.scaling.location)  # NaN would harm gradients
        return jax.vmap(self.recording)(known), is_there


def make_recordings_encoder(
    rng: np.random.Generator, recording: Encoder, aggregator: str, *, most: int, width: int
) -> RecordingsEncoder:
    """An untrained encoder.

    Args:
        rng: decides the initial weights.
        recording: encodes one.
        aggregator: "mean" or "attention".
        most: extra recordings at most.
        width: units per hidden layer of the densities; attention has half as many, as many of it are outputs.
    """
    num = recording.num_outputs
    if aggregator == "mean":
        return RecordingsEncoder(recording, MeanPool(most), 2 * num + 1)
    half = -(-width // 2)
    phi = dense(rng, (num, half, half, 2 * half))
    rho = dense(rng, (half + 1, width, half))
    return RecordingsEncoder(recording, AttentionPool(phi, rho, most), half)


def _number(is_there: Present, most: int) -> Float[Array, 1]:
    """The number of extra recordings, from -1 for none to 1 for all, in its logarithm."""
    share = jnp.log1p(is_there[1:].sum()) / np.log1p(max(most, 1))
    return jnp.atleast_1d(2.0 * share - 1.0)
