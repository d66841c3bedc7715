"""Where somebody is in a model's parameter space, and the simulation at that point."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

import jax
import numpy as np
import param

from dashboard import live
from dashboard.background import Latest
from simulators import Simulator


class Wish(NamedTuple):
    """What to simulate."""

    noise: int
    theta: np.ndarray


class Computed(NamedTuple):
    """Features of one simulation, and those of the observation it is compared with."""

    wish: Wish
    x: np.ndarray
    reference: live.Simulated


class Exploration(param.Parameterized):
    """Parameters and noise that somebody chooses; the simulation follows.

    Only the newest choice is simulated, so fast changes never queue up. The model is compiled on first use.
    Where a model has a picture of its own, the features come later than that: they may take seconds.
    """

    theta = param.Array(doc="Parameters, shape (dim,).")
    noise = param.Integer(0, bounds=(0, 2**32 - 1), doc="Seed of the simulation's noise.")
    simulated = param.ClassSelector(class_=live.Simulated, doc="The newest simulation.")
    reference = param.ClassSelector(
        class_=live.Simulated, doc="The built-in observation, or the simulation that stands for it."
    )
    is_computing = param.Boolean(default=False, doc="Whether features are still to come.")
    is_waiting = param.Boolean(
        default=True, doc="Whether nothing has been simulated yet (the model is being compiled)."
    )
    problem = param.String(doc="One sentence when the model cannot be simulated.")
    seconds = param.Number(0.0, doc="How long the newest simulation took.")

    def __init__(self, simulator: Simulator, **choices) -> None:
        self.simulator = simulator
        super().__init__(**{"theta": live.home_theta(simulator), **choices})
        self._draws = 0
        self._latest = Latest(self._simulate, self._show, self._fail)
        self._later = Latest(self._compute, self._complete, self._fail)
        self._shown: Wish | None = None
        self._ask()

    @property
    def named(self) -> dict[str, float]:
        """The parameters by name."""
        return dict(zip(self.simulator.prior.names, map(float, self.theta), strict=True))

    def set(self, name: str, value: float) -> None:
        """Change one parameter; a value outside the prior is moved to its edge."""
        theta = np.array(self.theta)
        theta[self.simulator.prior.names.index(name)] = value
        self.theta = live.inside(self.simulator.prior, theta)

    def reset(self) -> None:
        """Back to the model's own parameters and noise."""
        self.param.update(theta=live.home_theta(self.simulator), noise=0)

    def draw_from_prior(self) -> None:
        """Another point of the prior."""
        self._draws += 1
        key = jax.random.fold_in(jax.random.key(self.noise), time.time_ns() % 2**31 + self._draws)
        self.theta = np.asarray(self.simulator.prior.sample(key, 1)[0])

    def new_noise(self) -> None:
        """The same parameters with other noise."""
        self.noise = (self.noise + 1) % 2**32

    @param.depends("theta", "noise", watch=True)
    def _ask(self) -> None:
        self._latest.ask(Wish(self.noise, self.theta))

    def _simulate(self, wish: Wish) -> dict:
        run = (live.sketch if live.has_sketch(self.simulator) else live.single)(self.simulator)
        reference = self.reference or live.reference(self.simulator)
        if self.is_waiting:
            run(*wish)  # compiles
        start = time.perf_counter()
        simulated = run(*wish)
        self._shown = wish
        return {"simulated": simulated, "reference": reference, "seconds": time.perf_counter() - start}

    def _show(self, found: dict) -> None:
        is_computing = found["simulated"].x is None
        self.param.update(**found, is_waiting=False, is_computing=is_computing, problem="")
        if is_computing and self._shown is not None:
            self._later.ask(self._shown)

    def _compute(self, wish: Wish) -> Computed:
        compute = live.features(self.simulator)
        reference = self.reference or live.reference(self.simulator)
        if reference.x is None:
            reference = replace(reference, x=compute(0, reference.theta))
        return Computed(wish, compute(*wish), reference)

    def _complete(self, found: Computed) -> None:
        """Add the features to the picture that they belong to, if it is still the one that is shown."""
        self.reference = found.reference
        if found.wish is self._shown and self.simulated is not None:
            self.param.update(simulated=replace(self.simulated, x=found.x), is_computing=False)

    def _fail(self, error: Exception) -> None:
        problem = f"{self.simulator.title or self.simulator.name} failed: {error}"
        self.param.update(is_waiting=False, is_computing=False, problem=problem)
