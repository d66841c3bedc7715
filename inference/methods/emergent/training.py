"""The epochs of EPI: in a thread, told of, checkpointed, and collapsed seeds begun again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inference.methods.base import RunContext
from inference.methods.emergent.course import (
    MOST_RESTARTS,
    Course,
    advance,
    begin,
    collapsed,
    load_course,
    save_course,
    since_pass,
    why_end,
)
from inference.methods.emergent.epoch import Look, Pace, Program, SeedState, compiled
from inference.methods.emergent.population import Particles, fitted
from inference.methods.emergent.start import (
    WIDE,
    annealing_of,
    gaussian_start,
    learning_rate_of,
    new_flow,
    penalty_of,
    spec_of,
)
from inference.progress import Progress

if TYPE_CHECKING:
    from inference.methods.epi import EPI

POLL_SECONDS = 0.2  # an epoch is left to a thread, so that a wish to stop is heard in time
LEAST_SHARE = 0.05  # of the learning rate, in the last epochs
SCALE_RATE = 0.05  # of a step: the unit of a constraint follows its spread within some twenty steps
START, FIRST_LOOK, GROWTH = 2**31, 2**30, 2**29  # folded into the key where epochs have their number


class Trainer(NamedTuple):
    """What does not change while EPI trains.

    Attributes:
        key: of the epochs.
        config: settings.
        program: one seed's mathematics.
        context: progress and folder.
        identity: of the run, for its checkpoint.
        particles: to which flows are fitted at the start, or None.
    """

    key: Array
    config: EPI
    program: Program
    context: RunContext
    identity: str
    particles: Particles | None = None

    def train(self) -> tuple[Course, str]:
        """All epochs, and why there are no more; resumed from the folder's checkpoint."""
        folder, config, unit = self.context.folder, self.config, self.program.targets.unit
        path = None if folder is None else folder / "checkpoint" / "epi.npz"
        epoch = compiled(self.program)
        course = None if path is None else load_course(path, self.identity)
        pool = ThreadPoolExecutor(1, thread_name_prefix="epi")
        try:
            states, first = self._heard(pool, lambda: self._start(epoch), course)
            course = course or begin(states, first, config, unit)
            while not (reason := why_end(course, config)):
                keys, states, began = self._keys(course.epoch), course.states, time.perf_counter()
                states, found = self._heard(
                    pool, _bound(epoch, keys, states, self._pace(since_pass(course))), course
                )
                growth_key = jax.random.fold_in(jax.random.fold_in(self.key, GROWTH), course.epoch)
                after = states, found, time.perf_counter() - began
                course = advance(course, growth_key, after, config, unit)
                course = self._restarted(course, found, first)
                if path is not None:
                    save_course(path, self.identity, course)
                self.context.on_progress(self._event(course))
        finally:
            pool.shutdown(wait=False)  # a stop does not wait for the epoch under way
        self.context.on_progress(self._event(course, reason))
        return course, reason

    def _heard(self, pool: ThreadPoolExecutor, job: Callable[[], Any], course: Course | None) -> Any:
        """What the job returns; the listener is heard meanwhile and may stop the run."""
        future = pool.submit(lambda: jax.block_until_ready(job()))
        while wait([future], timeout=POLL_SECONDS).not_done:
            self.context.on_progress(self._event(course))
        return future.result()

    def _start(self, epoch: Callable[..., tuple[SeedState, Look]]) -> tuple[SeedState, Look]:
        """Untrained seeds, and what they are like."""
        config = self.config
        parameters = jnp.stack([self._fresh(seed, 0) for seed in range(config.num_seeds)])
        if config.initialisation == "gaussian":
            key = jax.random.fold_in(self.key, START)
            parameters = gaussian_start(key, self.program.flow, self.program.prior, parameters)
        pace = self._pace(0)._replace(num_steps=jnp.int32(0), eta_share=jnp.float32(0))
        return epoch(self._keys(FIRST_LOOK), self._untrained(parameters), pace)

    def _untrained(self, parameters: Float[Array, "seeds k"]) -> SeedState:
        num, m = len(parameters), len(self.program.targets.unit)
        zeros, ones = (jnp.full((num, m), value, jnp.float32) for value in (0.0, 1.0))
        penalty = self.config.penalty or penalty_of(self.program.prior.dim)
        return SeedState(parameters, zeros, jnp.full(num, penalty, jnp.float32), ones)

    def _fresh(self, seed: int, attempt: int) -> Float[Array, " k"]:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.fold_in(self.key, START + 1), seed), attempt)
        prior = self.program.prior
        vector = new_flow(key, spec_of(self.config, prior.dim), prior).vector
        if self.particles is None:
            return vector
        return fitted(jax.random.fold_in(key, 1), self.program.flow, prior, self.particles, vector)

    def _restarted(self, course: Course, found: Look, first: Look) -> Course:
        """The course with collapsed seeds begun again from other flows, a few times each."""
        is_lost = collapsed(found, np.asarray(first.entropy), self.program.prior.dim)
        is_lost &= course.num_restarts < MOST_RESTARTS
        if not is_lost.any():
            return course
        num_restarts = course.num_restarts + is_lost
        fresh = [self._fresh(seed, int(attempt)) for seed, attempt in enumerate(num_restarts)]
        start = begin(self._untrained(jnp.stack(fresh)), first, self.config, self.program.targets.unit)

        def chosen(new: Array, old: Array) -> Array:
            return jnp.where(is_lost.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        return course._replace(
            states=jax.tree.map(chosen, start.states, course.states),
            norms=np.where(is_lost[:, None], start.norms, course.norms),
            num_restarts=num_restarts,
        )

    def _keys(self, number: int) -> Array:
        return jax.random.split(jax.random.fold_in(self.key, number), self.config.num_seeds)

    def _pace(self, num_late: int) -> Pace:
        """Of an epoch so many after the first that passed."""
        config, dim = self.config, self.program.prior.dim
        is_wide = dim > WIDE  # elsewhere once an epoch is enough, and collapses less
        scale_rate = SCALE_RATE if is_wide and config.scaling == "spread" else 0.0
        is_stepwise = config.multipliers == "steps"
        rates = (config.multiplier_rate, scale_rate, 0.0) if is_stepwise else (0.0, scale_rate, 1.0)
        annealing = config.annealing or annealing_of(dim)
        falling = max(annealing**num_late, LEAST_SHARE) if config.raise_entropy else 1.0
        first = config.learning_rate or learning_rate_of(dim)
        numbers = (falling * first, config.final_share, *rates)
        return Pace(jnp.int32(config.num_steps), *(jnp.float32(number) for number in numbers))

    def _event(self, course: Course | None, reason: str = "") -> Progress:
        most = self.config.max_epochs
        if course is None or not course.epoch:
            return Progress("train", 0, most, message="Compiling the training program.")
        entropy, passed = course.log["entropy"][-1], course.log["passed"][-1].astype(bool)
        best = int(np.argmax(np.where(passed, entropy, -np.inf))) if passed.any() else course.chosen
        violation = np.abs(course.log["violation"][-1][best]) / self.program.targets.unit
        values = {
            "entropy": float(entropy[best]),
            "violation": float(violation.max()),
            "penalty": float(course.log["penalty"][-1][best]),
            "passed": float(passed.sum()),
            "seed": float(best),
        }
        return Progress("train", course.epoch, course.epoch if reason else most, values, reason)


def _bound(epoch: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: epoch(*arguments)
