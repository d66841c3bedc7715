"""Chains in blocks of steps: compiled once, told of, stopped and resumed between blocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from inference.checkpoint import read_checkpoint, write_checkpoint
from inference.drawn_posterior import MOST_DRAWS
from inference.methods.base import RunContext
from inference.progress import Progress

MOST_STEPS = 256  # in a block
SECONDS = 0.4  # that a block should take
FASTER = 4  # times as many steps as the last block, at most

# One step of all chains: state -> (state, named numbers of the draw with the chains first).
Step = Callable[[Any], tuple[Any, dict[str, Array]]]


@dataclass(frozen=True)
class Plan:
    """How long chains are.

    Attributes:
        num_chains, num_warmup, num_samples: for each chain; steps of the warm-up are not kept.
    """

    num_chains: int
    num_warmup: int
    num_samples: int

    @property
    def num_steps(self) -> int:
        """Of each chain."""
        return self.num_warmup + self.num_samples

    @property
    def thin(self) -> int:
        """Every how manyeth draw is kept, so that all chains keep no more than `MOST_DRAWS`."""
        return min(-(-self.num_chains * self.num_samples // MOST_DRAWS), self.num_samples)

    def kept(self, first: int, num: int) -> np.ndarray:
        """Which of the steps from `first` on are kept; indices into those `num`."""
        after = np.arange(first, first + num) - self.num_warmup + 1
        return np.flatnonzero((after > 0) & (after % self.thin == 0))


class _Kept(NamedTuple):
    """What a run of chains has reached."""

    done: int
    state: Any
    rows: dict[str, np.ndarray]  # (draw, chain, ...)


def run_chains(
    step: Step, state: Any, plan: Plan, context: RunContext, identity: str
) -> dict[str, np.ndarray]:
    """The numbers of all draws that are kept, shapes (chain, draw, ...).

    The chains depend on the state alone, not on how they are cut into blocks: a run that was stopped ends
    with the draws of one that was not. With a folder, each block is kept before it is told of.

    Args:
        step: of all chains; randomness comes from keys in the state. The numbers of a draw may have
            "diverging", which is counted for people.
        state: where to begin, a pytree of arrays.
        plan: how long.
        context: its callback hears "sample" after each block, and may raise `Stopped`.
        identity: of this work, see `inference.checkpoint.fingerprint`.
    """
    path = None if context.folder is None else context.folder / "checkpoint" / "chains.npz"
    step = jax.jit(step)  # traced once for its shapes and the block
    _, shapes = jax.eval_shape(step, state)
    names = sorted(shapes)
    block = jax.jit(partial(_block, step, shapes))
    reached = _read(path, identity, state, names)
    if reached is None:
        empty = {name: np.zeros((0, *s.shape), s.dtype) for name, s in shapes.items()}
        reached = _Kept(0, state, empty)
    num, seconds = 1, 0.0
    while reached.done < plan.num_steps:
        _tell(context, plan, reached, is_compiled=seconds > 0)
        num, began = min(num, plan.num_steps - reached.done), time.perf_counter()
        state, rows = jax.block_until_ready(block(reached.state, num))
        reached = _extended(reached, plan, state, rows, num)
        _write(path, identity, reached, names)
        is_compiled, seconds = seconds > 0, time.perf_counter() - began
        num = int(np.clip(num * SECONDS / seconds, 1, FASTER * num)) if is_compiled else num
        num = min(num, MOST_STEPS)
    _tell(context, plan, reached, is_compiled=True)
    return {name: np.swapaxes(rows, 0, 1) for name, rows in reached.rows.items()}


def _block(step: Step, shapes: dict[str, Any], state: Any, num: Array) -> tuple[Any, dict[str, Array]]:
    """`num` steps; the first `num` rows of what is returned are theirs."""
    rows = {name: jnp.zeros((MOST_STEPS, *s.shape), s.dtype) for name, s in shapes.items()}

    def body(i: Array, carry: tuple[Any, dict[str, Array]]) -> tuple[Any, dict[str, Array]]:
        state, rows = carry
        state, row = step(state)
        return state, {name: rows[name].at[i].set(value) for name, value in row.items()}

    return jax.lax.fori_loop(0, num, body, (state, rows))


def _extended(reached: _Kept, plan: Plan, state: Any, rows: dict[str, Array], num: int) -> _Kept:
    index = plan.kept(reached.done, num)
    longer = {
        name: np.concatenate([kept, np.asarray(rows[name])[index]]) for name, kept in reached.rows.items()
    }
    return _Kept(reached.done + num, state, longer)


def _tell(context: RunContext, plan: Plan, reached: _Kept, *, is_compiled: bool) -> None:
    is_warm, diverging = reached.done >= plan.num_warmup, reached.rows.get("diverging")
    message = "compiling" if not is_compiled else "" if is_warm else "warm-up"
    values = {"divergences": float(diverging.sum())} if is_warm and diverging is not None else {}
    context.on_progress(Progress("sample", reached.done, plan.num_steps, values, message))


def _write(path: Path | None, identity: str, reached: _Kept, names: list[str]) -> None:
    if path is not None:
        arrays = [*jax.tree.leaves(reached.state), *(reached.rows[name] for name in names)]
        write_checkpoint(path, identity, [np.asarray(array) for array in arrays], {"done": reached.done})


def _read(path: Path | None, identity: str, state: Any, names: list[str]) -> _Kept | None:
    """None where nothing was kept; `state` gives the structure."""
    kept = None if path is None else read_checkpoint(path, identity)
    if kept is None:
        return None
    arrays, notes = kept
    leaves, structure = jax.tree.flatten(state)
    found = jax.tree.unflatten(structure, [jnp.asarray(array) for array in arrays[: len(leaves)]])
    return _Kept(notes["done"], found, dict(zip(names, arrays[len(leaves) :], strict=True)))
