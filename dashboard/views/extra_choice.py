"""Several observations that share parameters: which is x_0, and which stand beside it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import shell, words
from dashboard.candidates import Candidate
from dashboard.observations import Seen
from dashboard.views.plan import Plan
from dashboard.views.ticks import Ticks
from simulators import RecordingAxes

EMPTY = """<div class="empty" data-testid="no-recordings"><ol>
<li>Choose or upload recordings that share {shared}: several files, or one that holds several.</li>
<li>Make one of them x₀, whose own parameters you want, and tick those that stand beside it.</li>
<li>Run HNPE: those that differ most from x₀ tell most about {shared}.</li></ol></div>"""
DIVERSE = {"from the prior": True, "as those of x₀": False}


class ExtraChoice(pn.viewable.Viewer):
    """Follows a plan; shows nothing for a model whose observations share nothing.

    Args:
        plan: what is chosen.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.teach = shell.Line(testid="extras-help")
        self.told = shell.Line(testid="extras-found")
        self.ticks = Ticks(sizing_mode="stretch_width", margin=0)
        self.quick = pmui.Row(margin=0, sizing_mode="stretch_width", sx={"gap": "8px", "flexWrap": "wrap"})
        self.number = pmui.IntInput(
            label="Extra observations", value=plan.num_simulated, start=0, end=200, width=200, **_SMALL
        )
        self.diverse = pmui.RadioButtonGroup(
            label="Their own parameters",
            options=DIVERSE,
            value=plan.is_diverse,
            sx=shell.TOGGLE_SX,
            stylesheets=[shell.HIDDEN_LABEL],
            **_SMALL,
        )
        words_for = '<p class="small quiet" style="margin-top: 10px">their own parameters</p>'
        self.simulated = pmui.Row(
            self.number, shell.html(words_for, width=140, sizing_mode="fixed"), self.diverse,
            margin=0, sx={"gap": "16px", "flexWrap": "wrap"},
        )  # fmt: skip
        self.real = pmui.Column(self.told, self.quick, self.ticks, **_WIDE)
        self.empty = shell.html("")
        self.content = pmui.Column(self.teach, self.empty, self.simulated, self.real, **_WIDE)
        self.number.param.watch(lambda event: plan.choose(num_simulated=event.new or 0), "value")
        self.diverse.param.watch(lambda event: plan.choose(is_diverse=event.new), "value")
        self.ticks.param.watch(self._take, ["first", "ticked"])
        plan.param.watch(self._fill, "found")
        plan.param.watch(self._follow, ["model", "kind", "file", "found", "first", "ticked", "method"])
        self._fill()
        self._follow()

    def __panel__(self) -> pmui.Column:
        return self.content

    def _take(self, *_: object) -> None:
        self.plan.use(first=self.ticks.first, ticked=self.ticks.ticked)

    def _fill(self, *_: object) -> None:
        candidates = self.plan.found.candidates
        self.ticks.rows = rows(candidates)
        labels = [label for label in dict.fromkeys(one.label for one in candidates) if label]
        named = {"all": None, **{f"all {label}": label for label in labels}, "none": ""}
        self.quick.objects = [
            shell.button(name, lambda label=label: self._tick(label)) for name, label in named.items()
        ]

    def _tick(self, label: str | None) -> None:
        """Tick those of a condition; None: all, "": none."""
        candidates = self.plan.found.candidates
        chosen = [k for k, one in enumerate(candidates) if label is None or (label and one.label == label)]
        self.plan.use(ticked=chosen)

    def _follow(self, *_: object) -> None:
        plan = self.plan
        is_known = bool(plan.found.candidates)
        self.content.visible = plan.shares and plan.kind not in ("none", "property")
        self.simulated.visible = plan.kind == "default" and plan.uses_extras
        self.real.visible = plan.kind == "recording" and is_known
        self.ticks.param.update(first=plan.first, ticked=plan.ticked, is_several=plan.uses_extras)
        self.quick.visible = plan.uses_extras and len(plan.found.candidates) > 1
        self.told.text = plan.found.told
        self.empty.visible = plan.kind == "recording" and plan.file is None
        self.empty.object = EMPTY.format(shared=escape(_shared(plan)))
        self.teach.text = teach(plan)


def teach(plan: Plan) -> str:
    """What extra observations are for, or how many there are."""
    shared = _shared(plan)
    if not plan.uses_extras:
        return (
            f"All recordings of a session share {shared}: with the method HNPE, others beside this one tell "
            "more about it."
        )
    if plan.kind == "default":
        beside = words.count(plan.num_simulated, "simulation")
        if not plan.num_simulated:
            return f"Nothing stands beside x₀; others that share {shared} would make it known better."
        if plan.is_diverse:
            return f"{beside} beside x₀ with the same {shared}, as the method assumes: the answer is sharper."
        return f"{beside} beside x₀ with all its parameters: too alike, so the answer is sharp but wrong."
    if not plan.found.candidates:
        return ""
    beside = words.count(len(plan.extras), "observation")
    first = plan.found.candidates[plan.first]
    condition = f" ({first.label})" if first.label else ""
    return f"x₀ is {first.name}{condition}; {beside} beside it share {shared} with it."


def _shared(plan: Plan) -> str:
    return " and ".join(plan.simulator.prior.shared)


def rows(candidates: tuple[Candidate, ...]) -> list[dict[str, Any]]:
    """What the table shows of each observation."""
    labels = list(dict.fromkeys(one.label for one in candidates))
    return [
        {"name": one.name, "label": one.label, "colour": labels.index(one.label) % 7, "note": _note(one.seen)}
        for one in candidates
    ]


def _note(seen: Seen) -> str:
    """A number that tells observations apart: the only feature, or how strong the recording is."""
    if len(seen.x) == 1:
        return words.number(float(seen.x[0]))
    if seen.recording is None:
        return ""
    axes = seen.simulator.axes
    unit = f" {words.unit(axes.unit)}" if isinstance(axes, RecordingAxes) else ""
    return f"sd {words.number(float(seen.recording.std()))}{unit}"


_SMALL: Mapping[str, Any] = {"size": "small", "margin": 0}
_WIDE: Mapping[str, Any] = {"margin": 0, "sizing_mode": "stretch_width", "sx": {"gap": "10px"}}
