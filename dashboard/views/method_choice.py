"""Step three of a new run: the method, its settings, and the seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard.forms import config_form
from dashboard.views.plan import Plan, goal_of
from inference.settings import find_method

LARGEST_SEED = 2**32 - 1


class MethodChoice(pn.viewable.Viewer):
    """A form made from the method's config; the plan gets the config whenever it is usable."""

    def __init__(self, plan: Plan, methods: Mapping[str, Any]) -> None:
        super().__init__()
        self.plan, self.methods = plan, dict(methods)
        self.method = pmui.Select(label="Method", options=self._offered(), value=plan.method, **_INPUT)
        self.seed = pmui.IntInput(
            label="Seed",
            value=plan.seed,
            start=0,
            end=LARGEST_SEED,
            helper_text="The same seed, the same run",
            **_INPUT,
        )
        self.form = config_form(plan.config, self._check)
        self.place = pmui.Column(self.form, sizing_mode="stretch_width", margin=0)
        self.method.param.watch(self._change, "value")
        self.seed.param.watch(self._take_seed, "value")
        self.form.param.watch(self._take, "config")
        plan.param.watch(self._follow, ["model", "kind", "seen", "ticked"])
        self._take()  # what the plan's config has other than the defaults is in the request as well

    def __panel__(self) -> pmui.Column:
        first = pmui.Row(
            self.method, self.seed, sizing_mode="stretch_width", margin=(0, 0, 18, 0), sx={"gap": "24px"}
        )
        return pmui.Column(first, self.place, sizing_mode="stretch_width", margin=0)

    def _offered(self) -> dict[str, str]:
        """Of the methods those that explain what is to be explained: title -> name."""
        goal = goal_of(self.plan.kind)
        fitting = {name: one for name, one in self.methods.items() if find_method(name).goal == goal}
        return {one.title or name: name for name, one in fitting.items()}

    def _follow(self, *_: object) -> None:
        offered = self._offered()
        if offered != self.method.options:
            self.method.param.update(options=offered, value=self.plan.method)
        self.form.recheck()

    def _change(self, *_: object) -> None:
        self.form = config_form(self.methods[self.method.value].config, self._check)
        self.form.param.watch(self._take, "config")
        self.place.objects = [self.form]
        self.plan.param.update(method=self.method.value)
        self._take()

    def _take(self, *_: object) -> None:
        settings = {} if self.form.config is None else self.form.settings()
        self.plan.param.update(config=self.form.config, settings=settings)

    def _check(self, config: Any) -> None:
        """Whether the config can be used for the model and the observation."""
        plan = self.plan
        simulator = plan.simulator if plan.seen is None else plan.seen.simulator
        if plan.kind == "none" and dataclasses.asdict(config).get("num_rounds", 1) > 1:
            raise ValueError(
                "Several rounds need an observation to search around; choose one, or a single round."
            )
        method = self.methods[self.method.value]
        if plan.kind == "none" and method.needs_observation:
            raise ValueError("This method needs an observation; choose one, or another method.")
        plan.check_extras(method, config)
        method.check(config, simulator)

    def _take_seed(self, *_: object) -> None:
        self.plan.seed = self.seed.value or 0


_INPUT: Mapping[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
