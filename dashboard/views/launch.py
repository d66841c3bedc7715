"""The end of a new run's page: what will be done, what it will need, and the button."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import shell, words
from dashboard.background import Latest
from dashboard.emergent import property_words
from dashboard.estimate import Estimate, estimate
from dashboard.fields import setting_label
from dashboard.views.plan import KINDS, Plan
from dashboard.views.provenance import value_words
from inference.requests import Request
from simulators import Simulator


class Launch(pn.viewable.Viewer):
    """Follows a plan.

    Args:
        plan: what to do.
        start: submits a request; may raise ValueError with a sentence for the user.
    """

    def __init__(self, plan: Plan, start: Callable[[Request], None]) -> None:
        super().__init__()
        self.plan, self.start = plan, start
        self.words = shell.html("")
        self.priority = pmui.Select.from_param(
            plan.param.priority, label="Priority", description="", size="small", margin=0,
            sizing_mode="stretch_width",
        )  # fmt: skip
        self.needs = shell.Line(testid="estimate", kind="state")
        self.warning = shell.Line(testid="few-valid", kind="warning")
        self.error = shell.Line(testid="launch-error", kind="error")
        self.button = shell.button(
            "Run",
            self.run,
            variant="contained",
            color="primary",
            size="medium",
            sx={},
            sizing_mode="stretch_width",
        )
        self._latest = Latest(_estimate, self._show, self._fail)
        plan.param.watch(self._follow, _HEARD)
        self._follow()

    def __panel__(self) -> pmui.Column:
        content = (self.words, self.needs, self.warning, self.priority, self.button, self.error)
        return pmui.Column(*content, sizing_mode="stretch_width", margin=0, sx={"gap": "12px"})

    def run(self) -> None:
        """Submit what is planned; a second click while it is being submitted does nothing."""
        if self.button.disabled:
            return
        self.button.disabled = True
        try:
            self.start(self.plan.request())
        except (ValueError, OSError) as error:
            self.error.text = str(error)
            self.button.disabled = False

    def _follow(self, *_: object) -> None:
        plan = self.plan
        self.words.object = summary(plan)
        is_usable = plan.is_ready and plan.config is not None
        self.button.disabled = not is_usable
        self.error.text = self.warning.text = ""
        if is_usable:
            self.needs.text = "Measuring how long this will take …"
            simulator = plan.seen.simulator if plan.seen is not None else plan.simulator
            self._latest.ask((simulator, plan.config, plan.group_size))
        else:
            self.needs.text = plan.missing

    def _show(self, needs: Estimate) -> None:
        if not self.button.disabled:
            self.needs.text, self.warning.text = str(needs), needs.warning

    def _fail(self, error: Exception) -> None:
        self.needs.text = f"The time cannot be estimated: {error}"


def _estimate(wish: tuple[Simulator, Any, int]) -> Estimate:
    simulator, config, group_size = wish
    return estimate(simulator, config, group_size=group_size)


_HEARD = ["model", "kind", "seen", "ticked", "problem", "is_reading", "config", "method", "targets"]


def summary(plan: Plan) -> str:
    """Markup: the plan in three lines."""
    observation = plan.seen.label if plan.seen is not None else KINDS[plan.kind]
    if (wanted := plan.emergent_property) is not None:
        observation = property_words(wanted, plan.simulator.feature_units)
    lines = {
        "model": plan.simulator.title or plan.model,
        "observation": observation,
        **({"beside it": words.count(len(plan.extras), "other")} if plan.uses_extras else {}),
        "method": words.method_name(plan.method),
        **{setting_label(plan.method, name): value_words(value) for name, value in plan.settings.items()},
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in lines.items())
    return f'<dl data-testid="plan">{rows}</dl>'
