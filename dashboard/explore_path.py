"""The part of the Explore tab where one walks through the posterior, with the simulation animating."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from dashboard import shell, theme
from dashboard.export import Cell, csv, downloads, heads, picture
from dashboard.player import live_picture
from dashboard.playing import Play
from dashboard.views.drawing import span
from dashboard.views.draws import PosteriorDraws
from dashboard.views.exploration import Exploration
from dashboard.views.live_features import LiveFeatures
from dashboard.views.live_trace import LiveTrace
from dashboard.walking import NUM_POINTS, NUM_STEPS, OFF, OFF_SHARE, RIDGE, STRAIGHT, Found, Walk
from dashboard.words import number, unit
from inference.analysis import Path
from inference.drawn_posterior import AnyPosterior

STEP_MILLISECONDS = 150  # from one point to the next while it plays
LOOKING = "Looking for the ridge; the first time may take half a minute …"
ROLES = {RIDGE: "model", STRAIGHT: "prior", OFF: "truth"}
DEEPEST = 120.0  # nats below the ridge that the figure shows
MOST_NAMED = 4  # parameters in a sentence
LEAD = (
    "Two settings may be far apart and explain the data equally well. A ridge of high density often joins "
    "them where the straight line falls into a valley. Walk along it, or step off it where the density falls "
    "steepest."
)


class PathView(pn.viewable.Viewer):
    """Log density along the ways between two draws, and a player along one of them.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
        exploration: whose simulation follows; None: this server does not have the model.
        file_name: what the run is called.
        note: one sentence about the simulation; none when empty.
    """

    def __init__(
        self,
        draws: PosteriorDraws,
        load: Callable[[], AnyPosterior],
        exploration: Exploration | None,
        *,
        file_name: str = "result",
        note: str = "",
    ) -> None:
        super().__init__()
        self.note = note
        self.draws, self.walk, self.file_name = draws, Walk(draws, load), file_name
        self.exploration = exploration
        self.picture = None if exploration is None else live_picture(exploration)
        self.cell = Cell(file_name, self._code)
        self.ends = [self._end(label, k) for k, label in enumerate(("From draw", "To draw"))]
        self.way = pmui.RadioButtonGroup(
            options=[RIDGE, STRAIGHT], value=RIDGE, label="Which way", size="small", margin=0,
            sx=shell.TOGGLE_SX, stylesheets=[shell.HIDDEN_LABEL],
        )  # fmt: skip
        self.slider = pmui.IntSlider(
            label="Point on the way", start=0, end=1, value=0, size="small", sizing_mode="stretch_width",
            margin=(0, 12),
        )  # fmt: skip
        self.off = shell.button(
            "Step off here", self.walk.step_off, help_text="Where the density falls steepest"
        )
        self.state = shell.Line(testid="path-state", kind="state")
        self.summary = shell.Line(testid="path-summary")
        self.here = shell.Line(testid="path-here")
        self.play = Play(self._rewind, self._step, milliseconds=STEP_MILLISECONDS)
        self._figure()
        self.slider.param.watch(lambda event: self.walk.param.update(index=event.new), "value")
        self.way.param.watch(lambda event: self.walk.param.update(way=event.new), "value")
        self.walk.param.watch(self._follow, ["found", "is_busy", "problem", "way"])
        self.walk.param.watch(self._move, "index")
        self.walk.choose()

    def __panel__(self) -> pn.Column:
        let = shell.button("Let it choose", self.walk.choose, help_text="Far apart and equally probable")
        go = shell.button("Between these", self.between)
        pair = pn.FlexBox(*self.ends, go, let, gap="12px", align_items="center", margin=(14, 0, 8, 0))
        widths = "auto auto minmax(120px, 1fr) auto"
        player = shell.columns(self.way, self.play, self.slider, self.off, widths=widths, align="center")
        legend = shell.legend(*((role, name) for name, role in ROLES.items()))
        lead = shell.html(f'<p class="quiet">{LEAD}</p>')
        card = shell.card(
            shell.heading("From one setting to another", level=3), lead, pair, self.state, self.summary,
            legend, shell.plot(self.figure), player, self.here, self._files(), self.cell,
        )  # fmt: skip
        return pn.Column(card, *self._simulation(), margin=0, sizing_mode="stretch_width")

    def _files(self) -> pn.FlexBox:
        def figures() -> list[list[Any]]:
            """The ways, and below them the recording where somebody is on them."""
            live = (
                [[figure] for figure in self.picture.figures] if isinstance(self.picture, LiveTrace) else []
            )
            return [[self.figure], *live]

        draw = picture(
            figures, f"From one setting to another · {self.file_name}",
            note=lambda: " ".join([self.summary.text, self.here.text]),
            meanings=lambda: [(role, name) for name, role in ROLES.items()],
        )  # fmt: skip
        return downloads(f"{self.file_name}-path", draw, self.file, words="The ways as CSV")

    def between(self) -> None:
        """The ways between the two draws that are written in the fields."""
        first, second = (end.value for end in self.ends)
        if first != second:
            self.walk.between((first, second))

    def stop(self) -> None:
        """Walk no farther."""
        self.play.stop()

    def file(self) -> io.BytesIO:
        """A line for each point: its way, the distance walked, the log density and the parameters."""
        found = self.walk.found
        tables = []
        for name, path in {} if found is None else found.ways.items():
            table = pd.DataFrame(path.points, columns=pd.Index(heads(self.draws)))
            table.insert(0, "log_density [nats]", path.log_prob)
            table.insert(0, "distance [prior sd]", self._distance(name))
            table.insert(0, "way", name)
            tables.append(table)
        return csv(pd.concat(tables) if tables else pd.DataFrame())

    def _code(self) -> str:
        found = self.walk.found
        start, goal = (0, 1) if found is None else found.pair
        at = max(1, 0 if found is None else found.off_at)
        scale = ", ".join(f"{value:.9g}" for value in self.walk.scale)
        settings = f"num_points={NUM_POINTS}, num_steps={NUM_STEPS}"
        return (
            f"start, goal = draws[{start}], draws[{goal}]\n"
            f"scale = np.array([{scale}])  # the prior's standard deviations\n"
            f"ridge = analysis.high_probability_path(result.posterior, start, goal, scale, {settings})\n"
            "straight = analysis.straight_path(\n"
            f"    result.posterior, start, goal, scale, num_points={NUM_POINTS}\n)\n"
            "bounds = result.posterior.prior.low, result.posterior.prior.high\n"
            f"off = analysis.orthogonal_path(result.posterior, ridge, {at}, scale, share={OFF_SHARE}, "
            "bounds=bounds)"
        )

    def _simulation(self) -> list[Any]:
        if self.exploration is None:
            return [shell.html('<p class="quiet">This server does not have the model of this run.</p>')]
        features = LiveFeatures(self.exploration)
        results = shell.columns(
            self.picture, features, widths="minmax(0, 2fr) minmax(0, 1fr)", from_size="lg"
        )
        note = [shell.alert(self.note, "info", "simulation-note")] if self.note else []
        return [shell.card(shell.heading("The simulation there", level=3), *note, results)]

    def _end(self, label: str, k: int) -> pmui.IntInput:
        last = len(self.draws) - 1
        return pmui.IntInput(
            label=label, value=min(k, last), start=0, end=last, width=140, size="small", margin=0
        )

    def _figure(self) -> None:
        self.figure = theme.figure(
            "distance walked (prior sd)", "log density (nats)", height=260, x_range=span(0, 1),
            y_range=span(0, 1),
        )  # fmt: skip
        self._lines, self._dot = {}, theme.source("x", "y")
        for name, role in ROLES.items():
            self._lines[name] = theme.source("x", "y")
            line = self.figure.line("x", "y", source=self._lines[name], line_width=2.2)
            theme.paint(line, line_color=role)
        dot = self.figure.scatter("x", "y", source=self._dot, size=11, line_width=2)
        theme.paint(dot, fill_color="surface", line_color="data")

    @property
    def _last(self) -> int:
        return 0 if self.walk.path is None else len(self.walk.path.points) - 1

    def _rewind(self) -> None:
        if self.walk.index >= self._last:
            self.slider.value = 0

    def _step(self) -> bool:
        """One point farther, and whether there are others."""
        self.slider.value = min(self.walk.index + 1, self._last)
        return self.walk.index < self._last

    def _follow(self, *_: object) -> None:
        walk, found = self.walk, self.walk.found
        self.state.text = walk.problem or (LOOKING if walk.is_busy else "")
        if found is None:
            return
        with pn.io.hold():
            self._show_ways(found)
            if walk.path is not None:
                self.slider.param.update(end=self._last, value=min(walk.index, self._last))
            self.way.param.update(options=[name for name in ROLES if name in found.ways], value=walk.way)
            self.off.disabled = walk.way != RIDGE
            for end, draw in zip(self.ends, found.pair, strict=True):
                end.value = draw
            self.summary.text = ways_sentence(found)
            self.cell.refresh()
            self._move()

    def _show_ways(self, found: Found) -> None:
        for name, source in self._lines.items():
            path = found.ways.get(name)
            source.data = (
                {"x": [], "y": []} if path is None else {"x": self._distance(name), "y": path.log_prob}
            )
        high = max(float(path.log_prob.max()) for path in found.ways.values())
        low = min(float(path.log_prob.min()) for path in found.ways.values())
        floor = max(low, float(found.ways.get(RIDGE, found.ways[STRAIGHT]).log_prob.min()) - DEEPEST)
        air = 0.06 * (high - floor) + 0.5
        self.figure.y_range.update(start=floor - air, end=high + air)
        longest = max(float(self._distance(name)[-1]) for name in found.ways)
        self.figure.x_range.update(start=0.0, end=1.02 * longest)

    def _distance(self, name: str) -> np.ndarray:
        """The way off begins where it leaves the ridge."""
        found = self.walk.found
        assert found is not None
        begin = float(found.ways[RIDGE].distance[found.off_at]) if name == OFF else 0.0
        return begin + found.ways[name].distance

    def _move(self, *_: object) -> None:
        walk, path, theta = self.walk, self.walk.path, self.walk.theta
        if path is None or theta is None:
            return
        k = min(walk.index, self._last)
        value = float(path.log_prob[k])
        if self.slider.value != k:
            self.slider.value = k
        with pn.io.hold():
            self._dot.data = {"x": [self._distance(walk.way)[k]], "y": [value]}
            self.here.text = self._here(path, k, theta)
        if self.exploration is not None:
            self.exploration.theta = theta.astype(np.float32)

    def _here(self, path: Path, k: int, theta: np.ndarray) -> str:
        draws = self.draws
        moved = np.abs(path.points[-1] - path.points[0]) / self.walk.scale
        told = ", ".join(
            f"{draws.names[p]} {number(float(theta[p]))} {unit(draws.units[p])}".rstrip()
            for p in np.argsort(-moved)[:MOST_NAMED]
        )
        value = number(float(path.log_prob[k]))
        return f"Point {k} of {len(path.points) - 1} {self.walk.way}: log density {value} nats; {told}."


def ways_sentence(found: Found) -> str:
    """How far the ways fall below their ends."""
    first, second = found.pair
    parts = [f"{name} {_fall(path)}" for name, path in found.ways.items() if name != OFF]
    falls = " and ".join(reversed(parts))
    words = f"From draw {first} to draw {second}: the density falls {falls} below the ends"
    if OFF not in found.ways:
        return f"{words}."
    off = found.ways[OFF]
    fall, length = float(off.log_prob[0] - off.log_prob[-1]), float(off.distance[-1])
    return f"{words}; off the ridge it falls {number(fall)} nats within {number(length)} prior sd."


def _fall(path: Path) -> str:
    ends = min(float(path.log_prob[0]), float(path.log_prob[-1]))
    return f"by {number(max(ends - float(path.log_prob.min()), 0.0), 2)} nats"
