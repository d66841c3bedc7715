"""The course of EPI while a run goes on, read from its checkpoint whenever an epoch has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import panel as pn

from dashboard import shell
from dashboard.views.convergence import Convergence
from dashboard.views.course_data import live_course
from inference.methods.emergent.findings import read_training
from inference.runs import Run
from simulators import get_simulator


class LiveCourse(pn.viewable.Viewer):
    """Follows a run of an emergent property.

    Args:
        run: which.
    """

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.curves: Convergence | None = None
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self._epoch = 0

    def __panel__(self) -> pn.Column:
        return self._place

    def update(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Show what is new since the last call: nothing unless an epoch has ended."""
        epochs = [int(event["done"]) for event in events if event["stage"] == "train"]
        if not epochs or epochs[-1] == self._epoch:
            return
        try:
            variables = read_training(self.run.folder)
        except (ValueError, OSError):  # being written, or damaged, which the run itself will tell
            return
        if variables is None:
            return
        self._epoch = epochs[-1]
        request = self.run.request
        names = get_simulator(request.simulator).feature_names
        course = live_course(variables, request.observation["sd"], names)
        if self.curves is None:
            self.curves = Convergence(course)
            self._place.objects = [shell.heading("Entropy and constraints", level=3), self.curves]
        else:
            self.curves.update(course)
