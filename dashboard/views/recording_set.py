"""Files with observations that share parameters: from the server or uploaded, and how to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import panel as pn
import panel_material_ui as pmui

from dashboard import observations, shell
from dashboard.forms import ConfigForm, config_form
from dashboard.views.plan import Plan
from simulators.recordings import kind_of, parts_of

COMPANIONS = (".eeg", ".vmrk")  # of a BrainVision header


class RecordingSet(pn.viewable.Viewer):
    """Follows a plan; shows nothing for a model whose observations share nothing.

    Args:
        plan: what is chosen.
        offered: name -> path of the recordings on the server.
        limit: largest upload in bytes.
    """

    def __init__(self, plan: Plan, offered: Mapping[str, Path], *, limit: int) -> None:
        super().__init__()
        self.plan, self.offered = plan, dict(offered)
        self.uploads = observations.Uploads(self, limit=limit)
        kinds = observations.kinds_of(plan.simulators.values())
        self._labels = {kind: observations.labels(self.offered, kind) for kind in kinds}
        self.server = pmui.MultiChoice(
            label="On this server", options={}, sizing_mode="stretch_width", margin=0
        )
        self.upload = shell.file_dropper(limit, multiple=True)
        self.place = pmui.Column(sizing_mode="stretch_width", margin=0)
        self.form: ConfigForm | None = None
        self._made_for: tuple[type, tuple[str, ...]] = (type(None), ())
        self._is_following = False
        files = shell.columns(
            self.server, self.upload, widths="minmax(220px, 1fr) minmax(0, 1fr)", from_size="lg"
        )
        self._parts = [files, self.place]  # not in the page of a model that has no use for them
        self.content = pmui.Column(sizing_mode="stretch_width", margin=0, sx={"gap": "14px"})
        self.server.param.watch(self._choose, "value")
        self.upload.param.watch(self._take_upload, "value")
        plan.param.watch(self._follow, ["model", "kind", "file", "found"])
        self._follow()

    def __panel__(self) -> pmui.Column:
        return self.content

    def _choose(self, *_: object) -> None:
        if not self._is_following:
            self._use([self.offered[name] for name in self.server.value])

    def _take_upload(self, *_: object) -> None:
        if not self.upload.value:
            return
        try:
            kept = self.uploads.keep(self.upload.value)
        except ValueError as error:
            self.plan.refuse(str(error))
        else:
            self._use(recordings_among(kept))

    def _use(self, files: list[Path]) -> None:
        first, *others = files or [None]
        self.plan.choose(file=first, others=others)

    def _follow(self, *_: object) -> None:
        plan = self.plan
        is_shown = plan.shares and plan.kind == "recording"
        if is_shown != bool(self.content.objects):
            self.content.objects = self._parts if is_shown else []
        self.content.visible = is_shown
        self.place.visible = plan.file is not None
        if not self.content.visible:
            return
        fitting = self._labels.get(kind_of(plan.simulator), {})
        names = {path: name for name, path in self.offered.items()}
        self._is_following = True
        chosen = [names[path] for path in plan.files if path in names]
        self.server.param.update(options=fitting, value=[name for name in chosen if name in fitting.values()])
        self._is_following = False
        self._make_form()

    def _make_form(self) -> None:
        """A form for how to read, anew where the channels to choose from have become known."""
        options, found = self.plan.options, self.plan.found
        wanted = (type(options), found.channels or self._made_for[1])
        if wanted == self._made_for:
            return
        self._made_for = wanted
        if options is None:
            self.form, self.place.objects = None, []
            return
        choices = {}
        if found.channels:
            options, choices = replace(options, channel=found.channel), {"channel": found.channels}
        self.form = config_form(options, choices=choices)
        self.form.param.watch(self._take_options, "config")
        self.place.objects = [self.form]

    def _take_options(self, *_: object) -> None:
        if self.form is not None and self.form.config is not None:
            self.plan.choose(options=self.form.config)


def recordings_among(files: list[Path]) -> list[Path]:
    """Those of the files that are no part of another one."""
    parts = {part for file in files if file.suffix.lower() == ".vhdr" for part in _companions(file)}
    alone = [file for file in files if file not in parts]
    kept = [file for file in alone if file.suffix.lower() not in COMPANIONS]
    return kept or alone


def _companions(header: Path) -> tuple[Path, ...]:
    try:
        return parts_of(header)[1:]
    except ValueError:
        return ()  # reading it will say why
