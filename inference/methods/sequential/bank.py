"""The simulations of all rounds so far, with what training needs to know of each row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from inference.train import split_rows
from simulators import Simulations
from simulators.simulate import joined

if TYPE_CHECKING:
    from inference.methods.sequential.history import Campaign


@dataclass(frozen=True, eq=False)
class Bank:
    """Simulations of all rounds, group after group.

    Attributes:
        campaign: what they belong to.
        simulations: theta, x as simulated, validity and round.
        u: unconstrained parameters. x: features, NaN where not finite. log_prior: density of u.
        is_usable: valid, and not without any feature.
        is_held_out: never trained on, in no round; whole groups.
    """

    campaign: Campaign
    simulations: Simulations
    u: Float[np.ndarray, "n dim"]
    x: Float[np.ndarray, "n num_features"]
    log_prior: Float[np.ndarray, " n"]
    is_usable: Bool[np.ndarray, " n"]
    is_held_out: Bool[np.ndarray, " n"]

    @classmethod
    def empty(cls, campaign: Campaign) -> Bank:
        """Before the first round."""
        prior, num_features = campaign.simulator.prior, campaign.simulator.num_features
        u, x = np.zeros((0, prior.dim), np.float32), np.zeros((0, num_features), np.float32)
        none = np.zeros(0, bool)
        names = (prior.names, campaign.simulator.feature_names)
        return cls(
            campaign, Simulations(u, x, none, np.zeros(0, int), *names), u, x, u[:, 0], none, none.copy()
        )

    def with_round(self, new: Simulations) -> Bank:
        """With the simulations of one more round, some of them held out at random.

        Raises:
            ValueError: if too few of them are usable.
        """
        number = int(self.simulations.round.max(initial=-1)) + 1
        u = np.asarray(self.campaign.unconstrained(new.theta))
        x = np.where(np.isfinite(new.x), new.x, np.nan).astype(np.float32)
        usable = new.is_valid & new.is_finite & np.isfinite(x).any(axis=1) & np.isfinite(u).all(axis=1)
        groups = np.flatnonzero(self.by_group(usable).any(axis=1))
        _, held_out = split_rows(
            self.campaign.key_of(number).split, len(groups), self.campaign.config.validation_fraction
        )
        is_held_out = np.zeros(len(u), bool)
        self.by_group(is_held_out)[groups[held_out]] = True
        log_prior = np.asarray(_log_prior(self.campaign, u))
        columns = ((self.u, u), (self.x, x), (self.log_prior, log_prior), (self.is_usable, usable))
        longer = [np.concatenate(pair) for pair in (*columns, (self.is_held_out, is_held_out))]
        newest = replace(new, round=np.full(len(new), number))
        return Bank(self.campaign, joined([self.simulations, newest]), *longer)

    def by_group(self, rows: np.ndarray) -> np.ndarray:
        """A view of rows as (groups, simulations of a group, ...)."""
        return rows.reshape(-1, self.campaign.group_size, *rows.shape[1:])

    @property
    def is_first(self) -> Bool[np.ndarray, " n"]:
        """Which simulations are the first of their group: those whose parameters the proposal chose."""
        return np.arange(len(self.u)) % self.campaign.group_size == 0

    @property
    def has_gaps(self) -> bool:
        """Whether a usable row misses a feature."""
        return bool(np.isnan(self.x[self.is_usable]).any())

    def check(self, x_o: np.ndarray | None) -> None:
        """Refuse an observation without a feature that the simulations always have.

        Raises:
            ValueError: naming those features.
        """
        if x_o is None:
            return
        never = np.asarray(~np.isnan(self.x[self.is_usable]).any(axis=0))
        names = [
            name
            for name, value, known in zip(self.simulations.feature_names, x_o, never, strict=True)
            if known and not np.isfinite(value)
        ]
        if names:
            raise ValueError(
                f"The observation has no finite value for {', '.join(names)}, which every simulation has: "
                "only a feature that simulations miss too can be missing."
            )


def _log_prior(campaign: Campaign, u: np.ndarray) -> jax.Array:
    return jax.jit(campaign.simulator.prior.unconstrained_log_prob)(jnp.asarray(u))
