"""Step two of a new run where an emergent property is wanted: which statistics, and what they shall be."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from dashboard import emergent, shell
from dashboard.background import Latest
from dashboard.emergent import Hint, Support
from dashboard.views.plan import Plan
from dashboard.views.target_row import TargetRow
from inference.goals import EmergentProperty
from simulators import Simulator

MOST_ROWS = 12
FEW = 2  # statistics that are all wanted, as long as nobody says otherwise
TEACH = "Drag a band: its middle is the target mean, and it reaches one sd to both sides."


class PropertyChoice(pn.viewable.Viewer):
    """A row per statistic and whether what is wanted can be had; shows nothing for other observations.

    Args:
        plan: what is chosen.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.rows: dict[str, TargetRow] = {}
        self.support: Support | None = None
        self.state = shell.Line(testid="property-state", kind="state")
        self.hint = shell.Line(testid="property-hint", kind="state")
        self.place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.content = pmui.Column(
            self.state, self.place, self.hint, margin=0, sizing_mode="stretch_width", sx={"gap": "14px"}
        )
        self._supports = Latest(emergent.support, self._fill, self._fail)
        self._hints = Latest(_hint, self._tell, self._fail)
        plan.param.watch(self._follow, ["model", "kind"])
        self._follow()

    def __panel__(self) -> pmui.Column:
        return self.content

    def _follow(self, *_: object) -> None:
        self.content.visible = self.plan.kind == "property"
        if not self.content.visible or self._is_of(self.plan.simulator):
            return
        self.rows, self.support = {}, None
        self.place.objects = []
        self.state.text, self.hint.text = "Simulating from the prior …", ""
        self._supports.ask(self.plan.simulator)

    def _is_of(self, simulator: Simulator) -> bool:
        return self.support is not None and self.support.simulator is simulator

    def _fill(self, found: Support) -> None:
        if found.simulator is not self.plan.simulator:
            return
        targets, names = self.plan.targets, found.simulator.feature_names
        asked = list(targets) or list(found.simulator.targets)
        shown = [name for k, name in enumerate(names) if k < MOST_ROWS or name in asked]
        usable = [name for name in shown if not found.undefined(name)]
        wanted = asked or (usable if len(usable) <= FEW else usable[:1])
        self.support = found
        self.rows = {
            name: TargetRow(
                name, found.unit(name), found.column(name), targets.get(name) or _rounded(*found.usual(name)),
                ticked=name in wanted,
            )
            for name in shown
        }  # fmt: skip
        for row in self.rows.values():
            row.param.watch(self._take, ["ticked", "target"])
        more = f" Shown are the first {len(shown)} of {len(names)} statistics." if names[MOST_ROWS:] else ""
        with pn.io.hold():
            self.state.text = TEACH + more
            self.place.objects = list(self.rows.values())
        self._take()

    def _take(self, *_: object) -> None:
        self.plan.targets = {name: row.target for name, row in self.rows.items() if row.ticked}
        wanted = self.plan.emergent_property
        if wanted is None or self.support is None:
            self._tell(Hint("warning", self.plan.missing))
        else:
            self._hints.ask((self.support, wanted))

    def _tell(self, hint: Hint) -> None:
        self.hint.kind, self.hint.text = hint

    def _fail(self, error: Exception) -> None:
        self.state.text = f"The prior cannot be shown: {error}"


def _hint(wish: tuple[Support, EmergentProperty]) -> Hint:
    return emergent.feasibility(*wish)


def _rounded(mean: float, sd: float) -> tuple[float, float]:
    """To two digits of the sd, as a person would write them."""
    return float(f"{mean:.3g}"), float(f"{sd:.2g}")
