"""The part of the Explore tab on what must be set exactly and what may vary: stiff and sloppy directions."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import xarray as xr

from dashboard import shell, theme
from dashboard.export import Cell, csv, downloads, picture, ranges_code
from dashboard.pace import Pace
from dashboard.stiffness import NUM_HELD, NUM_SLOPES, STEEPEST, Counted, Found, Shuffling, Stiffness, words_of
from dashboard.views.drawing import columns, rows_of
from dashboard.views.draws import PosteriorDraws
from dashboard.words import number
from inference.analysis import Subspace
from inference.drawn_posterior import AnyPosterior
from simulators import Simulator

PREPARING = "Preparing; the first time this takes half a minute for many parameters …"
DIRECTIONS = "Following the slopes; the first time this takes half a minute for many parameters …"
MOST = 0.9  # of the mean squared slope, that the stiff directions hold together
ROW = 24  # pixels of a parameter
LEAD = (
    "A parameter is stiff if it must be set exactly once all others are held. One whose range on its own is "
    "wide all the same is free only because others give way."
)
SHUFFLE_LEAD = (
    "Give every parameter the value of another draw: each keeps its own distribution, and what they had to "
    "do with each other is gone. If far fewer simulations are then valid, or they lie farther from the "
    "observation, the posterior is more than its marginals."
)
BARS = (("model", "with all others held"), ("prior", "on its own"))


class StiffView(pn.viewable.Viewer):
    """Ranked widths, the spectrum of directions, and the test with shuffled draws.

    Args:
        tree: of the result.
        draws: of the posterior.
        load: gives the posterior; called in the background.
        drive: gives the simulator; called in the background.
        file_name: what the run is called.
    """

    def __init__(
        self,
        tree: xr.DataTree,
        draws: PosteriorDraws,
        load: Callable[[], AnyPosterior],
        drive: Callable[[], Simulator],
        *,
        file_name: str = "result",
    ) -> None:
        super().__init__()
        self.draws, self.file_name = draws, file_name
        self.stiffness, self.shuffling = Stiffness(draws, load), Shuffling(tree, draws, drive)
        self.state = shell.Line(testid="stiff-state", kind="state")
        self.summary = shell.Line(testid="stiff-summary", kind="lead")
        self.spectrum_summary = shell.Line(testid="spectrum-summary")
        self.shuffle_summary = shell.Line(testid="shuffle-summary")
        self.button = shell.button("Shuffle and simulate", self._toggle, margin=(10, 0, 0, 0))
        self.halt, self._pace = shell.button("Stop", self._halt_or_go_on), Pace()
        self.cell = Cell(file_name, self._code)
        self._bars = {"prior": columns(name=[], width=[]), "model": columns(name=[], width=[])}
        self._spectrum = columns(k=[], share=[])
        self._figures()
        self.stiffness.param.watch(self._follow, ["found", "is_running", "problem"])
        self.shuffling.param.watch(self._follow_shuffling, ["found", "is_running", "problem"])

    def __panel__(self) -> pn.viewable.Viewable:
        draw = picture(
            lambda: [[self.bars], [self.spectrum]], f"Stiff and sloppy · {self.file_name}",
            note=lambda: self.summary.text, meanings=lambda: BARS,
        )  # fmt: skip
        files = downloads(f"{self.file_name}-stiff", draw, self.file, words="Widths and directions as CSV")
        progress = shell.columns(self.halt, self.state, widths="auto minmax(0, 1fr)", align="center")
        bars = shell.card(
            shell.heading("How exactly each must be set", level=3),
            shell.html(f'<p class="quiet">{LEAD}</p>'),
            pn.Column(progress, margin=(10, 0, 0, 0), sizing_mode="stretch_width"),
            self.summary, shell.legend(*BARS), shell.plot(self.bars), files, self.cell,
        )  # fmt: skip
        spectrum = shell.card(
            shell.heading("Directions, from stiff to sloppy", level=3), shell.plot(self.spectrum),
            self.spectrum_summary,
        )  # fmt: skip
        shuffled = shell.card(
            shell.heading("Is it more than its marginals?", level=3),
            shell.html(f'<p class="quiet">{SHUFFLE_LEAD}</p>'), self.button, self.shuffle_summary,
        )  # fmt: skip
        beside = pn.Column(spectrum, shuffled, margin=0, sizing_mode="stretch_width")
        return shell.columns(bars, beside, widths="minmax(0, 1.2fr) minmax(0, 1fr)")

    def begin(self) -> None:
        """Work it out, or go on, unless it is known."""
        self._pace = Pace()
        self.stiffness.begin()

    def stop(self) -> None:
        """Hold no others, and simulate no further."""
        self.stiffness.stop()
        self.shuffling.stop()

    def file(self) -> io.BytesIO:
        """A line for each parameter: its widths as shares of its range, and its part in every direction."""
        found = self.stiffness.found
        if found is None:
            return csv(pd.DataFrame())
        table = pd.DataFrame({"parameter": self.draws.names, "width, others held": found.importance.width})
        table["width, on its own"] = found.alone
        directions = (
            [] if found.subspace is None else zip(found.subspace.shares, found.subspace.vectors, strict=True)
        )
        for k, (share, vector) in enumerate(directions):
            table[f"direction {k + 1}: {share:.4g} of the slope"] = vector
        return csv(table)

    def _code(self) -> str:
        return (
            f"{ranges_code(self.draws.whole_range)}\n"
            f"found = analysis.importance(result.posterior, draws[:{NUM_HELD}], ranges)\n"
            "found.width  # with all others held, as a share of the range\n"
            f"slopes = analysis.density_gradients(result.posterior, draws[:{NUM_SLOPES}])\n"
            "steep = np.linalg.norm(slopes.rows * draws.std(axis=0), axis=1)\n"
            f"kept = steep <= np.nanquantile(steep, {1 - STEEPEST})\n"
            "subspace = analysis.active_subspace(slopes.rows[kept], draws.std(axis=0))"
        )

    def _figures(self) -> None:
        names = self.draws.names
        self.bars = theme.figure(
            "width (share of the range)", "", height=ROW * len(names) + 70, y_range=rows_of(names),
            min_border_left=90,
        )  # fmt: skip
        self.bars.x_range.start = 0
        for role, height in (("prior", 0.75), ("model", 0.42)):
            drawn = self.bars.hbar(
                y="name", right="width", height=height, source=self._bars[role], line_color=None
            )
            drawn.glyph.fill_alpha = 0.45 if role == "prior" else 0.95
            theme.paint(drawn, fill_color=role)
        self.spectrum = theme.figure(
            "direction, the stiffest first", "share of the mean squared slope", height=250, y_axis_type="log",
        )  # fmt: skip
        dots = self.spectrum.scatter("k", "share", source=self._spectrum, size=9, line_color=None)
        theme.paint(dots, fill_color="model")

    def _follow(self, *_: object) -> None:
        stiffness, found = self.stiffness, self.stiffness.found
        self.halt.label = "Stop" if stiffness.is_running else "Go on"
        self.halt.visible = not stiffness.is_whole(found)
        self.state.text = stiffness.problem or self._told()
        if found is None:
            return
        order = np.argsort(found.importance.width)
        names = [self.draws.names[k] for k in order]
        with pn.io.hold():
            self.bars.y_range.factors = names[::-1]
            for role, widths in (("model", found.importance.width), ("prior", found.alone)):
                self._bars[role].data = {"name": names, "width": widths[order]}
            self.summary.text = widths_sentence(self.draws, found)
            if found.subspace is not None:
                k = np.arange(1, len(names) + 1)
                self._spectrum.data = {"k": k, "share": np.maximum(found.subspace.shares, 1e-12)}
                self.spectrum_summary.text = spectrum_sentence(self.draws, found.subspace)

    def _told(self) -> str:
        """How far it has come."""
        stiffness, found = self.stiffness, self.stiffness.found
        if found is None:
            return PREPARING if stiffness.is_running else ""
        left = self._pace.left(found.num, stiffness.num) if stiffness.is_running else ""
        done = f"The others were held at {found.num} of {stiffness.num} draws{left}."
        is_following = stiffness.is_running and found.num == stiffness.num and found.subspace is None
        return f"{done} {DIRECTIONS}" if is_following else done

    def _halt_or_go_on(self) -> None:
        if self.stiffness.is_running:
            self.stiffness.stop()
        else:
            self.begin()

    def _toggle(self) -> None:
        if self.shuffling.is_running:
            self.shuffling.stop()
        else:
            self.shuffling.begin()

    def _follow_shuffling(self, *_: object) -> None:
        shuffling = self.shuffling
        counted, is_done = shuffling.found, shuffling.is_whole(shuffling.found)
        begun = "Go on" if counted.num else "Shuffle and simulate"
        self.button.label = "Stop" if shuffling.is_running else begun
        self.button.disabled = is_done
        told = shuffle_sentence(counted) if counted.num else ""
        going = (
            f"Simulated {counted.num} of {shuffling.num} draws of either kind."
            if shuffling.is_running
            else ""
        )
        self.shuffle_summary.text = shuffling.problem or " ".join(filter(None, [going, told]))


def widths_sentence(draws: PosteriorDraws, found: Found) -> str:
    """Which parameter must be set most exactly, and which matters least."""
    width, alone = found.importance.width, found.alone
    first, last = int(np.argmin(width)), int(np.argmax(width))
    return (
        f"{draws.names[first]} must be set most exactly: with all others held it may vary over "
        f"{_percent(width[first])} of its range, on its own over {_percent(alone[first])}. "
        f"{draws.names[last]} matters least ({_percent(width[last])})."
    )


def spectrum_sentence(draws: PosteriorDraws, found: Subspace) -> str:
    """How many directions are stiff, and what the extremes mix."""
    shares, vectors = found.shares, found.vectors
    num = int(np.searchsorted(np.cumsum(shares), MOST)) + 1
    names = dict(enumerate(draws.names))
    verb = "direction holds" if num == 1 else "directions hold"
    return (
        f"{num} of {draws.dim} {verb} {MOST:.0%} of how steeply the density changes per posterior sd. "
        f"Stiffest: {words_of(vectors[0], names)}. Sloppiest: {words_of(vectors[-1], names)}. "
        f"The steepest {STEEPEST:.0%} of the draws, mostly at bounds, are left out."
    )


def shuffle_sentence(counted: Counted) -> str:
    """What is left of a model's behaviour."""
    (one, other), errors, distances = counted.shares, counted.errors, counted.distances
    words = (
        f"{_percent(one)} ± {_percent(errors[0])} of simulations of draws are valid, and "
        f"{_percent(other)} ± {_percent(errors[1])} when shuffled (of {counted.num} each)"
    )
    if not np.isfinite(distances).all():
        return f"{words}."
    near, far = (number(value, 2) for value in distances)
    return f"{words}; the valid ones lie {near} and {far} prior sd from the observation."


def _percent(share: Any) -> str:
    return f"{number(100 * float(share), 2)} %"
