"""How EPI converged, or is converging: entropy and violated constraints by epoch, for each seed."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import Span

from dashboard import shell, theme
from dashboard.views.course_data import NONE, Course
from dashboard.views.drawing import span
from dashboard.views.grid import grid
from dashboard.words import count, number

LEAST = 1.0  # target units to both sides of zero that are always shown
GRADIENTS = {
    0.5: " Half of the gradient was the score's, which sees statistics that are flat in places.",
    1.0: " The gradient was the score's alone, as the model has no slopes or it was asked for.",
}
CALM = 0.5  # share of the epochs, the last ones, whose violations are all shown


class Convergence(pn.viewable.Viewer):
    """Curves; `update` redraws only their lines, so that it can be called whenever an epoch has ended.

    Args:
        course: of a result, or of a run that goes on.
    """

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course
        self.summary = shell.Line(testid="convergence-summary")
        self.violations = shell.Line(testid="violation-summary")
        self.entropy = SeedCurves("entropy (nats)", course.num_seeds, height=260)
        self._greatest: Any = self.entropy.level("truth")
        labels = [f"off by ({target_unit(name)})" for name in course.constraints]
        self.parts = [SeedCurves(label, course.num_seeds, height=190) for label in labels]
        for part in self.parts:
            part.level("prior")
        self._legend = shell.html("", margin=(0, 0, 6, 0))
        self.update(course)

    def __panel__(self) -> pn.Column:
        cells = [
            pn.Column(
                shell.html(f"<h4>{escape(name.replace('_', ' '))}</h4>"), shell.plot(part.figure), margin=0
            )
            for name, part in zip(self.course.constraints, self.parts, strict=True)
        ]
        return pn.Column(
            self._legend, shell.plot(self.entropy.figure), self.summary,
            grid(cells, 380), self.violations, margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def update(self, course: Course) -> None:
        """Show this course instead, of the same run."""
        self.course = course
        chosen = None if course.seed == NONE else (course.epoch, course.seed)
        with pn.io.hold():
            self.entropy.show(course.entropy, course.passed, chosen)
            for k, part in enumerate(self.parts):
                values = course.violation[:, :, k]
                part.show(values, course.passed, chosen)
                late = values[int(CALM * len(values)) :]
                most = 1.1 * max(LEAST, float(np.nanmax(np.abs(late), initial=0)))
                part.figure.y_range.update(start=-most, end=most)
            self._greatest.visible = bool(np.isfinite(course.greatest))
            if self._greatest.visible:
                self._greatest.location = course.greatest
            self.entropy.figure.y_range.update(**_reach(course))
            self.summary.text, self.violations.text = entropy_words(course), violation_words(course)
            self._legend.object = shell.legend_html(*_meanings(course))


class SeedCurves:
    """A line per seed, a dot for each epoch that passed, a ring around what was chosen.

    Args:
        y_label: with its unit.
        num_seeds: how many lines.
        height: in pixels.
    """

    def __init__(self, y_label: str, num_seeds: int, *, height: int) -> None:
        self.figure = theme.figure(
            "epoch", y_label, height=height, tools="pan,box_zoom,reset,save", y_range=span(0, 1)
        )
        self._lines, self._dots = [], []
        for seed in range(num_seeds):
            line, dots = (theme.source("epoch", "value") for _ in range(2))
            drawn = self.figure.line("epoch", "value", source=line, line_width=2)
            theme.paint(drawn, line_color=theme.role_of(seed))
            marks = self.figure.scatter("epoch", "value", source=dots, size=6, line_color=None)
            theme.paint(marks, fill_color=theme.role_of(seed))
            self._lines.append(line)
            self._dots.append(dots)
        self._chosen = theme.source("epoch", "value")
        ring = self.figure.scatter(
            "epoch", "value", source=self._chosen, size=15, line_width=2.5, fill_alpha=0
        )
        theme.paint(ring, line_color="data")

    def level(self, role: str, y: float = 0.0) -> Any:
        """A dashed horizontal line across the figure."""
        line: Any = Span(location=y, dimension="width", line_width=1.5, line_dash="dashed")
        self.figure.add_layout(theme.paint(line, line_color=role))
        return line

    def show(self, values: np.ndarray, passed: np.ndarray, chosen: tuple[int, int] | None) -> None:
        """Values and whether they passed, (epochs, seeds); the chosen (epoch, seed)."""
        epochs = np.arange(1, len(values) + 1)
        for seed, (line, dots) in enumerate(zip(self._lines, self._dots, strict=True)):
            line.data = {"epoch": epochs, "value": values[:, seed]}
            where = np.flatnonzero(passed[:, seed])
            dots.data = {"epoch": epochs[where], "value": values[where, seed]}
        picked = [] if chosen is None else [values[chosen]]
        self._chosen.data = {"epoch": [] if chosen is None else [chosen[0] + 1], "value": picked}
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        air = 0.08 * (high - low) or 1.0
        self.figure.y_range.update(start=low - air, end=high + air)


def entropy_words(course: Course) -> str:
    """Where the entropy stands, and beside what."""
    seed = course.leading
    passed = int(course.passed.any(axis=0).sum())
    epochs, seeds = count(course.num_epochs, "epoch"), count(course.num_seeds, "seed")
    told = f"{passed} of {seeds} met the constraints in {epochs}"
    if course.seed == NONE:
        value = number(float(course.entropy[-1, seed]))
        return f"Epoch {course.num_epochs}: entropy {value} nats of seed {seed}; {told} (dots)."
    value = float(course.entropy[course.epoch, course.seed])
    words = f"Chosen: seed {seed} after epoch {course.epoch + 1}, entropy {number(value)} nats"
    if np.isfinite(course.greatest):
        words += f", where {number(course.greatest)} is the greatest that there is (dashed)"
    words += f"; {told}. Dots mark epochs that met them, the ring what was chosen."
    return words + GRADIENTS.get(course.score_share, "")


def violation_words(course: Course) -> str:
    """The constraint that is off most, at what was chosen or last."""
    epoch = course.epoch if course.seed != NONE else course.num_epochs - 1
    values = course.violation[epoch, course.leading]
    k = int(np.argmax(np.abs(values)))
    when = "At the chosen epoch" if course.seed != NONE else f"After epoch {epoch + 1}"
    name = course.constraints[k].replace("_", " ")
    state = "passes the test" if course.passed[epoch, course.leading] else "does not pass the test"
    return (
        f"{when} the {name} is off most, by {number(float(values[k]), 2)} {target_unit(name)}; it {state}. "
        "Early epochs may lie outside the pictures."
    )


def target_unit(constraint: str) -> str:
    """What a violation is measured in: the sd that was asked for, of a variance what it is worth of it."""
    return "target sd" if constraint.startswith("mean") else "√2 target sd²"


def _reach(course: Course) -> dict[str, float]:
    low = float(np.nanmin(course.entropy[int(CALM * course.num_epochs) :]))
    high = float(np.nanmax(np.append(course.entropy, course.greatest)))
    air = 0.08 * (high - low) or 1.0
    return {"start": low - air, "end": high + air}


def _meanings(course: Course) -> list[tuple[str, str]]:
    return [
        (theme.role_of(k), f"seed {k}" + (", chosen" if k == course.seed else ""))
        for k in range(course.num_seeds)
    ]
