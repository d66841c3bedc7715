"""The compiled part of EPI: an epoch of Adam steps and the look at what it led to, of all seeds at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from inference.epoch import CLIP_NORM
from inference.estimators.emergent import EmergentFlow
from inference.methods.emergent.objective import Batch, Multipliers, Statistics, Targets, draw, lagrangian
from simulators import Prior

NUM_SETS = 200  # independent sets of draws in a convergence test
WARM_SHARE = 0.05  # of an epoch, in which the learning rate rises unless it is constant
LEVEL = 0.05  # of the test of all constraints together


class SeedState(NamedTuple):
    """All that changes while one seed trains.

    Attributes:
        parameters: (k,) of the flow, in one vector.
        eta: (m,) multipliers.
        penalty: (), c.
        scale: (m,) unit of each constraint: its weight in the penalty is c / scale^2.
    """

    parameters: Float[Array, " k"]
    eta: Float[Array, " m"]
    penalty: Float[Array, ""]
    scale: Float[Array, " m"]


class Pace(NamedTuple):
    """Of one epoch; scalars, so that another pace compiles nothing anew.

    Attributes:
        num_steps: of the optimiser; with none an epoch is only a look.
        learning_rate: of the first step; the last has `final_share` of it, along half a cosine.
        eta_rate: eta rises by this times R / scale^2 in each step.
        scale_rate: share of the way to a lower current spread that `scale` goes in each step. It never rises:
            while a spread grows without bounds, its penalty would fall.
        eta_share: after the last step eta rises by this times c R / scale^2, with the R that the look finds.
    """

    num_steps: Int[Array, ""]
    learning_rate: Float[Array, ""]
    final_share: Float[Array, ""]
    eta_rate: Float[Array, ""]
    scale_rate: Float[Array, ""]
    eta_share: Float[Array, ""]


class Look(NamedTuple):
    """What one seed's density is like after an epoch.

    Attributes:
        entropy: in nats, over the parameters in their own units.
        mean, sd: (p,) of the statistics under it.
        violation: (m,) mean of T less its target.
        spread: (m,) standard deviation of T.
        p_value: (m,) two-sided: how often means of small sets fall on both sides of the target.
        passed: whether no constraint speaks against it, and none is violated by more than `accuracy`.
        norms: (NUM_SETS,) squared violation of each set, in units of `scale`.
        num_skipped: steps left out because the gradient was not finite.
        draws: (d, dim) some parameter rows.
    """

    entropy: Float[Array, ""]
    mean: Float[Array, " p"]
    sd: Float[Array, " p"]
    violation: Float[Array, " m"]
    spread: Float[Array, " m"]
    p_value: Float[Array, " m"]
    passed: Bool[Array, ""]
    norms: Float[Array, " sets"]
    num_skipped: Int[Array, ""]
    draws: Float[Array, "d dim"]


class Sizes(NamedTuple):
    """Numbers that the compiled programs depend on.

    Attributes:
        batch_size: draws of a step.
        test_size: draws of a set in the convergence test.
        norm_size: draws of a set whose squared violation is told.
        num_draws: kept after an epoch.
    """

    batch_size: int
    test_size: int
    norm_size: int
    num_draws: int


class Program(NamedTuple):
    """One seed's mathematics.

    Attributes:
        flow: gives the structure; its trainable numbers are replaced.
        prior: gives the support.
        statistics: of one simulation, with a derivative.
        targets: what they shall be.
        sizes: see there.
        accuracy: largest violation of a density that passes, in units of the targets.
        score_share: how much of the gradient of the constraints is the score's.
    """

    flow: EmergentFlow
    prior: Prior
    statistics: Statistics
    targets: Targets
    sizes: Sizes
    accuracy: float
    score_share: float = 0.0

    def batch(self, key: Key[Array, ""], parameters: Float[Array, " k"], num: int) -> Batch:
        """`num` draws and simulations."""
        return draw(key, self.flow.with_vector(parameters), self.prior, self.statistics, num)

    def train(self, key: Key[Array, ""], state: SeedState, pace: Pace) -> tuple[SeedState, Int[Array, ""]]:
        """An epoch of Adam steps from fresh moments: the new state, and how many steps were left out."""
        optimiser = optax.chain(optax.clip_by_global_norm(CLIP_NORM), optax.scale_by_adam())

        def loss(
            parameters: Array, multipliers: Multipliers, key: Array
        ) -> tuple[Array, tuple[Array, Array]]:
            flow, share = self.flow.with_vector(parameters), self.score_share
            batch = draw(key, flow, self.prior, self.statistics, self.sizes.batch_size, share)
            return lagrangian(batch, self.targets, multipliers, share)

        def step(i: Array, carry: tuple) -> tuple:
            parameters, eta, square, moments, num_skipped = carry
            multipliers = Multipliers(eta, state.penalty / square)
            (value, (violation, variance)), gradient = jax.value_and_grad(loss, has_aux=True)(
                parameters, multipliers, jax.random.fold_in(key, i)
            )
            is_finite = jnp.isfinite(value) & jnp.isfinite(gradient).all()
            updates, new = optimiser.update(jnp.where(is_finite, gradient, 0.0), moments)
            moved = parameters - _learning_rate(pace, i / pace.num_steps) * jnp.asarray(updates)
            rate = _multiplier_rate(pace, i / pace.num_steps)
            raised = eta + rate * _bounded(violation, jnp.sqrt(square))
            excess = square - jnp.maximum(variance, self.targets.unit**2)
            current = square - pace.scale_rate * jnp.maximum(excess, 0.0)
            kept = (parameters, eta, square, moments)
            carry = jax.tree.map(lambda a, b: jnp.where(is_finite, a, b), (moved, raised, current, new), kept)
            return (*carry, num_skipped + ~is_finite)

        moments = optimiser.init(state.parameters)
        start = (state.parameters, state.eta, state.scale**2, moments, jnp.int32(0))
        parameters, eta, square, _, skipped = jax.lax.fori_loop(0, pace.num_steps, step, start)
        return state._replace(parameters=parameters, eta=eta, scale=jnp.sqrt(square)), skipped

    def look(self, key: Key[Array, ""], state: SeedState) -> Look:
        """Entropy, moments and the convergence test, from NUM_SETS independent sets."""
        test_size, norm_size = self.sizes.test_size, self.sizes.norm_size

        def one(key: Array) -> tuple[Array, ...]:
            batch = self.batch(key, state.parameters, max(test_size, norm_size))
            violations = self.targets.violations(batch.x)
            norm = ((violations[:norm_size].mean(axis=0) / state.scale) ** 2).sum()
            return (
                violations[:test_size].mean(axis=0), norm, -batch.log_prob.mean(),
                violations.mean(axis=0), (violations**2).mean(axis=0),
                batch.x.mean(axis=0), (batch.x**2).mean(axis=0),
            )  # fmt: skip

        tested, norms, *others = jax.lax.map(one, jax.random.split(key, NUM_SETS))
        entropy, violation, square, mean, mean_square = (part.mean(axis=0) for part in others)
        p_value = two_sided(tested)
        is_close = (jnp.abs(violation) <= self.accuracy * self.targets.unit).all()
        theta = self.batch(jax.random.fold_in(key, NUM_SETS), state.parameters, self.sizes.num_draws).theta
        return Look(
            entropy, mean, jnp.sqrt(jnp.maximum(mean_square - mean**2, 0.0)), violation,
            jnp.sqrt(jnp.maximum(square - violation**2, 0.0)), p_value,
            (p_value > LEVEL / p_value.size).all() & is_close & jnp.isfinite(entropy), norms,
            jnp.int32(0), theta,
        )  # fmt: skip

    def epoch(self, key: Key[Array, ""], state: SeedState, pace: Pace) -> tuple[SeedState, Look]:
        """Train, look, and add to eta what is left of the violation."""
        train_key, look_key = jax.random.split(key)
        state, num_skipped = self.train(train_key, state, pace)
        look = self.look(look_key, state)._replace(num_skipped=num_skipped)
        raised = state.eta + pace.eta_share * state.penalty * _bounded(look.violation, state.scale)
        return state._replace(eta=jnp.where(jnp.isfinite(raised).all(), raised, state.eta)), look


def two_sided(means: Float[Array, "sets m"]) -> Float[Array, " m"]:
    """Twice the smaller share of means on one side of zero."""
    return 2 * jnp.minimum((means > 0).mean(axis=0), (means < 0).mean(axis=0))


def compiled(program: Program) -> Callable[[Array, SeedState, Pace], tuple[SeedState, Look]]:
    """`program.epoch` of all seeds, which lie along the first axis of keys and states."""
    return jax.jit(jax.vmap(program.epoch, in_axes=(0, 0, None)))


def _bounded(violation: Float[Array, " m"], scale: Float[Array, " m"]) -> Float[Array, " m"]:
    """R / scale^2, of an R that stray draws make no larger than its scale."""
    return jnp.clip(violation / scale, -1.0, 1.0) / scale


def _multiplier_rate(pace: Pace, fraction: Array) -> Array:
    """With a mean of `eta_rate`; it rises while the learning rate falls, because large steps disturb R."""
    falling = 0.5 * (1 + jnp.cos(jnp.pi * fraction))
    return pace.eta_rate * jnp.where(pace.final_share < 1, 2 * (1 - falling), 1.0)


def _learning_rate(pace: Pace, fraction: Array) -> Array:
    """A constant, or a rise over the first steps, which fresh moments make as long as can be, and a fall."""
    falling = 0.5 * (1 + jnp.cos(jnp.pi * fraction))
    rising = jnp.where(pace.final_share < 1, jnp.minimum((fraction + 1e-3) / WARM_SHARE, 1.0), 1.0)
    return pace.learning_rate * rising * (pace.final_share + (1 - pace.final_share) * falling)
