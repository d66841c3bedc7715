"""What the rounds of a sequential method share, and what is kept of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.estimators import DensityEstimator
from inference.gaussians import GaussianMixture
from inference.proposals import Draws, Region
from inference.train import TrainingRecord
from simulators import Simulator

NUM_PRIOR = 20_000  # draws that say where the prior has its mass


class RoundKeys(NamedTuple):
    """Keys of one round."""

    simulate: Array
    split: Array
    weights: Array
    train: Array
    proposal: Array
    change: Array


@dataclass(frozen=True, eq=False)
class Campaign:
    """What all rounds share.

    Attributes:
        config: settings, of SNPE or HNPE. simulator: the model. key: of the whole run.
        x_o: the observation as the estimators are given it, or None.
        num_extra: recordings beside the first one in each group, with the same shared parameters; SNPE has
            none, so that its groups are single simulations. x_o is then all recordings side by side.
    """

    config: Any
    simulator: Simulator
    x_o: Float[np.ndarray, " num_inputs"] | None
    key: Array
    num_extra: int = 0

    @property
    def group_size(self) -> int:
        """Simulations of a group."""
        return 1 + self.num_extra

    @property
    def observed(self) -> list[Float[np.ndarray, " num_features"]]:
        """The observed recordings, the first one first."""
        if self.x_o is None:
            return []
        first, *others = self.x_o.reshape(-1, self.simulator.num_features)
        return [first, *(x for x in others if not np.isnan(x).all())]

    def key_of(self, number: int) -> RoundKeys:
        """Keys of a round; those of the first do not depend on how many rounds follow."""
        base = self.key if number == 0 else jax.random.fold_in(self.key, number)
        simulate, split, weights, train = jax.random.split(base, 4)
        proposal, change = jax.random.split(jax.random.fold_in(base, 2**31))
        return RoundKeys(simulate, split, weights, train, proposal, change)

    def unconstrained(self, theta: Float[ArrayLike, "n dim"]) -> np.ndarray:
        """Parameters as the estimators see them."""
        return np.asarray(jax.jit(self.simulator.prior.to_unconstrained)(jnp.asarray(theta)))

    def constrained(self, u: Float[ArrayLike, "n dim"]) -> np.ndarray:
        """Parameters in the prior's own space."""
        return np.asarray(jax.jit(self.simulator.prior.from_unconstrained)(jnp.asarray(u)))

    @cached_property
    def prior_draws(self) -> Float[np.ndarray, "n dim"]:
        """Unconstrained draws of the prior."""
        return self.unconstrained(self.simulator.prior.sample(jax.random.fold_in(self.key, 2**30), NUM_PRIOR))


@dataclass(frozen=True, eq=False)
class Round:
    """What is kept of a round.

    Attributes:
        number: from 0.
        estimator: as trained. posterior: the same after the variant's correction.
        record: how training went.
        draws: of the proposal; None in the first round.
        change: nats between this posterior and the last one at the observation.
        region: of a truncation, for the rounds that follow.
        tilt: of the proposal of this round, for the closed forms of A and C.
        share_of_prior: share of the prior's mass that lies in the region.
    """

    number: int
    estimator: DensityEstimator
    posterior: DensityEstimator
    record: TrainingRecord
    draws: Draws | None = None
    change: float = float("nan")
    region: Region | None = None
    tilt: GaussianMixture | None = None
    share_of_prior: float = 1.0
