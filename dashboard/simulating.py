"""Simulations of draws that somebody asks for, made in the background some at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from dashboard.background import Gathering
from dashboard.views.draws import PosteriorDraws
from dashboard.views.trace_data import Traces
from inference.pictures import picture_variables
from simulators import Simulator

PIECE = 4  # simulations between two pictures


class Simulated(NamedTuple):
    """Traces of draws so far.

    Attributes:
        wanted: numbers of the draws.
        predicted: of the first of them, as `Traces.predicted`.
    """

    wanted: tuple[int, ...]
    predicted: Float[np.ndarray, "k R T"]


class Simulating(Gathering[Simulated]):
    """Simulates draws, to be drawn beside the traces of a result; see `Gathering`.

    Args:
        draws: of the posterior.
        traces: those that the result holds.
        drive: gives the simulator; called in the background.
    """

    failure = "Nothing could be simulated"

    def __init__(self, draws: PosteriorDraws, traces: Traces, drive: Callable[[], Simulator]) -> None:
        super().__init__()
        self.draws, self.shape = draws, traces.predicted.shape[1:]
        self._made = cache(lambda: _compiled(drive()))
        self.found = self._none(())

    def begin(self, rows: Sequence[int]) -> None:
        """Simulate these draws."""
        self.found = self._none(tuple(map(int, rows)))
        self._go_on()

    def is_whole(self, found: Simulated) -> bool:
        """Whether all have been simulated."""
        return len(found.predicted) >= len(found.wanted)

    def _is_wanted(self, found: Simulated) -> bool:
        return found.wanted == self.found.wanted

    def _more(self, so_far: Simulated) -> Simulated:
        simulator, draw = self._made()
        first = len(so_far.predicted)
        rows = np.array(so_far.wanted[first : first + PIECE])
        padded = np.pad(rows, (0, PIECE - len(rows)), mode="edge")  # one shape: compiled once
        made = draw(jnp.asarray(padded), jnp.asarray(self.draws.values[padded], jnp.float32))
        shown = picture_variables(simulator.axes, np.asarray(made, np.float32)[: len(rows)]).get("trace")
        new = np.zeros(0) if shown is None else shown.values.reshape(len(rows), -1, shown.shape[-1])
        if new.shape[1:] != self.shape:
            raise ValueError("the model here gives other recordings than those of this run.")
        return Simulated(so_far.wanted, np.concatenate([so_far.predicted, new]))

    def _none(self, wanted: tuple[int, ...]) -> Simulated:
        return Simulated(wanted, np.zeros((0, *self.shape), np.float32))


def _compiled(simulator: Simulator) -> tuple[Simulator, Any]:
    """The simulator, and what draws its recordings: (numbers of draws, their parameters) -> recordings."""

    def draw(number: jax.Array, row: jax.Array) -> Any:
        return simulator.drawn(jax.random.key(number), simulator.prior.as_dict(row))

    return simulator, jax.jit(jax.vmap(draw))
