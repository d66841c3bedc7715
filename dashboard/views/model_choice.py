"""Step one of a new run: which model."""

from __future__ import annotations

from html import escape

import panel as pn
import panel_material_ui as pmui

from dashboard import links, shell, words
from dashboard.views.plan import Plan


class ModelChoice(pn.viewable.Viewer):
    """A list of models, and what the chosen one is."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        options = {one.title or name: name for name, one in plan.simulators.items()}
        self.select = pmui.Select(
            label="Model",
            options=options,
            value=plan.model,
            size="small",
            sizing_mode="stretch_width",
            margin=0,
        )
        self.about = shell.html(about(plan))
        self.select.param.watch(lambda event: plan.choose(model=event.new), "value")
        plan.param.watch(self._tell, "model")

    def __panel__(self) -> pmui.Column:
        return shell.columns(
            self.select, self.about, widths="minmax(220px, 1fr) minmax(0, 2fr)", from_size="lg"
        )

    def _tell(self, *_: object) -> None:
        self.about.object = about(self.plan)


def about(plan: Plan) -> str:
    """Markup: one sentence on the model, its size, and a link to play with it."""
    simulator = plan.simulator
    sizes = words.count(simulator.prior.dim, "parameter"), words.count(simulator.num_features, "feature")
    explore = f'<a href="{links.model_url(simulator.name)}">explore it</a>'
    return f'<p>{escape(simulator.summary)}</p><p class="quiet small">{" · ".join(sizes)} · {explore}</p>'
