"""What a method is: a name, a frozen config dataclass, and one run function.

The signature that every method of this folder follows (and that `inference/execute.py` calls) is

    run(config, simulator, goal, context) -> MethodOutput

Simulating happens inside `run`, because a sequential method simulates once per round.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Array

from inference.drawn_posterior import AnyPosterior
from inference.goals import EmergentProperty, Goal
from inference.progress import Progress
from simulators import Simulations, Simulator

# Named numbers for a labelled store: name -> (dimension names, values). `xarray.Dataset(variables)` accepts
# it as it is. Dimensions used here: "parameter", "feature", "side" (low, high), "epoch", or none for a
# scalar.
Variables = Mapping[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True, eq=False)
class RunContext:
    """What a run function is given beside its config, simulator and goal.

    Attributes:
        key: PRNG key; the only source of randomness of the run.
        on_progress: called with a `Progress` after each chunk and epoch; may raise `Stopped`, in which case
            everything in `folder` is valid and the same call resumes from it.
        folder: the run folder. The method writes `simulations/round-NNN` and `checkpoint/round-NNN.npz` in it
            and resumes from what it finds there. None keeps nothing.
        simulations: simulations to use instead of simulating.
        client: a `distributed.Client`, or the address of its scheduler, to simulate on; None: this machine.
    """

    key: Array
    on_progress: Callable[[Progress], None]
    folder: Path | None = None
    simulations: Simulations | None = None
    client: Any = None


@dataclass(frozen=True, eq=False)
class MethodOutput:
    """What a method gives back: a posterior, and how it was come by.

    Attributes:
        posterior: with its `x_o` set when the goal was an observation.
        simulations: all simulations that were used; None for a method that needs none.
        training: losses by epoch, as `training_variables` gives them; empty for a method which trains
            nothing.
        held_out: simulations that training did not see, from what the estimator takes for its prior; None
            where there are none to calibrate with.
        diagnostics: named numbers about the run, see `Variables`.
        sample_stats: numbers about each draw of a `DrawnPosterior`, dimensions ("chain", "draw"), by ArviZ's
            names: lp, diverging, acceptance_rate, ...
    """

    posterior: AnyPosterior
    simulations: Simulations | None = None
    training: Variables = field(default_factory=dict)
    held_out: Simulations | None = None
    diagnostics: Variables = field(default_factory=dict)
    sample_stats: Variables = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """One entry of `METHODS`.

    Attributes:
        name: as typed on the command line, e.g. "snpe".
        title: as shown to people.
        config: the frozen dataclass of its settings. Every field has a default and `metadata` with "help",
            and where they apply "bounds" (low, high), "choices" (tuple), "unit" and "advanced" (True: fold
            away).
        run: `run(config, simulator, goal, context) -> MethodOutput`.
        check: `check(config, simulator)` raises a ValueError in one sentence where they do not go together.
        needs_observation: whether there is nothing to do without one.
        trains: whether it learns from simulations, which takes time and memory.
        is_exact: whether its draws are those of the posterior itself, a reference for other methods.
        goal: what it explains, an "observation" or an emergent "property".
        extras_for: `extras_for(config, goal)`, how many observations beside x_0 it learns to use; raises a
            ValueError where the goal has more. None: it uses one observation only.
    """

    name: str
    title: str
    config: type
    run: Callable[[Any, Simulator, Goal, RunContext], MethodOutput]
    check: Callable[[Any, Simulator], None] = lambda config, simulator: None
    needs_observation: bool = False
    trains: bool = True
    is_exact: bool = False
    goal: Literal["observation", "property"] = "observation"
    extras_for: Callable[[Any, Goal], int] | None = None

    def check_goal(self, goal: Goal) -> None:
        """Raise ValueError, in one sentence, unless it explains this kind of goal."""
        is_property = isinstance(goal, EmergentProperty)
        if self.goal == "property" and not is_property:
            raise ValueError(
                f"The method {self.name} needs an emergent property, means and sds of statistics; give one."
            )
        if self.goal == "observation" and is_property:
            raise ValueError(
                f"The method {self.name} explains an observation; an emergent property needs the method epi."
            )
        if self.needs_observation and goal is None:
            raise ValueError(f"The method {self.name} needs an observation; choose one, or another method.")

    def check_extra(self, config: Any, goal: Goal) -> None:
        """Raise ValueError, in one sentence, unless the extra observations of a goal can be used."""
        if self.extras_for is None:
            raise ValueError(
                f"The method {self.name} explains one observation; leave out the extra ones, or choose hnpe."
            )
        self.extras_for(config, goal)
