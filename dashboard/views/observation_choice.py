"""Step two of a new run: what is to be explained."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from dashboard import observations, shell
from dashboard.emergent import why_none
from dashboard.views.plan import KINDS, Plan
from simulators.recordings import kind_of

TEACH = {
    "default": "A simulation at known parameters: the posterior can be compared with the truth.",
    "observed": "What was recorded, as it comes with the model; nobody knows its true parameters.",
    "property": "Means and sds of statistics: EPI finds the widest distribution of parameters with them.",
    "none": "The network learns the posterior for every observation; you choose one afterwards.",
}


class ObservationChoice(pn.viewable.Viewer):
    """Built-in, a recording from the server or uploaded, none, or an emergent property.

    Where several recordings can be used together, `RecordingSet` asks for them.

    Args:
        plan: what is chosen.
        offered: name -> path of the recordings on the server.
        limit: largest upload in bytes.
    """

    def __init__(self, plan: Plan, offered: Mapping[str, Path], *, limit: int) -> None:
        super().__init__()
        self.plan, self.offered = plan, dict(offered)
        self.uploads = observations.Uploads(self, limit=limit)
        self.kind = pmui.RadioButtonGroup(
            options={words: kind for kind, words in KINDS.items()},
            value=plan.kind,
            label="Kind of observation",
            size="small",
            margin=0,
            sx=shell.TOGGLE_SX,
            stylesheets=[shell.HIDDEN_LABEL],
        )
        kinds = observations.kinds_of(plan.simulators.values())
        self._labels = {kind: observations.labels(self.offered, kind) for kind in kinds}
        self.recording = pmui.Select(label="On this server", options={"choose …": ""}, value="", **_WIDE)
        self.sweep = pmui.Select(label="Sweep", options=[], visible=False, **_WIDE)
        self.upload = shell.file_dropper(limit)
        self.teach = shell.Line(testid="observation-help")
        self.refusal = shell.Line(testid="no-property", kind="state")
        self.error = shell.Line(testid="observation-error", kind="error")
        self.files = shell.columns(
            pmui.Column(
                self.recording, self.sweep, sizing_mode="stretch_width", margin=0, sx={"gap": "16px"}
            ),
            self.upload,
            widths="minmax(220px, 1fr) minmax(0, 1fr)",
            from_size="lg",
        )
        self.kind.param.watch(lambda event: self.plan.choose(kind=event.new), "value")
        self.recording.param.watch(self._choose, "value")
        self.sweep.param.watch(self._choose_sweep, "value")
        self.upload.param.watch(self._take_upload, "value")
        plan.param.watch(self._follow, ["model", "kind", "file", "sweeps", "problem", "is_reading"])
        self._follow()

    def __panel__(self) -> pmui.Column:
        content = (self.kind, self.teach, self.refusal, self.files, self.error)
        return pmui.Column(*content, sizing_mode="stretch_width", margin=0, sx={"gap": "14px"})

    def _name(self) -> str:
        return next((name for name, path in self.offered.items() if path == self.plan.file), "")

    def _choose(self, *_: object) -> None:
        if self.recording.value:
            self.plan.choose(file=self.offered[self.recording.value])

    def _choose_sweep(self, *_: object) -> None:
        if self.sweep.value is not None:
            self.plan.choose(sweep=self.sweep.value)

    def _take_upload(self, *_: object) -> None:
        for name, content in self.upload.value.items():
            try:
                kept = self.uploads.keep({name: content})
            except ValueError as error:
                self.plan.refuse(str(error))
            else:
                self.plan.choose(file=kept[0])

    def _follow(self, *_: object) -> None:
        plan = self.plan
        takes_recordings = plan.simulator.drive is not None
        no_property = why_none(plan.simulator)
        missing = {"recording": not takes_recordings, "property": bool(no_property)}
        shown = {words: kind for kind, words in KINDS.items() if not missing.get(kind)}
        self.kind.param.update(options=shown, value=plan.kind)
        fitting = self._labels[kind_of(plan.simulator)] if takes_recordings else {}
        name = self._name()
        self.recording.param.update(
            options={"choose …": "", **fitting}, value=name if name in fitting.values() else ""
        )
        self.sweep.param.update(options=plan.sweeps, value=plan.sweep, visible=len(plan.sweeps) > 1)
        self.files.visible = plan.kind == "recording" and not plan.shares
        waiting = " Reading …" if plan.is_reading else ""
        self.teach.text = self._teach() + waiting
        self.refusal.text = f"No emergent property can be asked for: {no_property}" if no_property else ""
        must_choose = len(plan.sweeps) > 1 and plan.sweep is None
        self.error.text = plan.problem or ("Choose a sweep of this file." if must_choose else "")

    def _teach(self) -> str:
        kind, observed = self.plan.kind, self.plan.simulator.observed
        if kind == "recording":
            return kind_of(self.plan.simulator).words
        is_real = kind == "default" and observed is not None and observed.theta is None
        return TEACH["observed" if is_real else kind]


_WIDE = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
