"""The part of the Explore tab where parameters are pinned and the others follow."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.explore_address import write_pins
from dashboard.export import Cell, csv, download, heads
from dashboard.pinning import NUM_DRAWS, Answer, Pinning
from dashboard.pins import Pins
from dashboard.views.compensation import pinned_sentence
from dashboard.views.draws import PosteriorDraws
from dashboard.views.pair_mosaic import FIRST_SHOWN, PairMosaic
from dashboard.words import count
from inference.analysis import correlations
from inference.drawn_posterior import AnyPosterior

NUM_BESIDE = 4_000  # draws of the whole posterior above the diagonal
CALLED = ("given those pinned", "whole posterior")
LEAD = (
    "Pin some parameters: below the diagonal is what the others may still do, above it the whole posterior. "
    "Parameters that compensate for a pinned one move with its slider."
)
COMPILING = "Reading the posterior; this happens once …"


class PinnedView(pn.viewable.Viewer):
    """Sliders of the parameters, and the pair mosaic of those that are not pinned.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
        start: where the sliders begin, a draw, (dim,).
        pinned: parameter number -> value; None: the parameter that tells most.
        file_name: what the run is called.
    """

    def __init__(
        self,
        draws: PosteriorDraws,
        load: Callable[[], AnyPosterior],
        start: np.ndarray,
        *,
        pinned: Mapping[int, float] | None = None,
        file_name: str = "result",
    ) -> None:
        super().__init__()
        self.draws, self.start = draws.with_values(draws.values, prior=None), np.asarray(start, float)
        self.mosaic: PairMosaic | None = None
        self.file_name = file_name
        self.seconds = 0.0  # from the newest wish to its picture
        first = most_entangled(draws.values)
        self._usual = {first: float(self.start[first])}
        pinned = dict(self._usual if pinned is None else pinned)
        begin = np.array(self.start)
        begin[list(pinned)] = list(pinned.values())
        self.state = shell.Line(text=COMPILING, testid="pinned-state", kind="state")
        self.summary = shell.Line(testid="pinned-summary", kind="lead")
        self.draw = pmui.IntInput(
            label="Draw", value=0, start=0, end=len(draws) - 1, width=120, size="small", margin=0
        )
        self.pins = Pins(draws, begin, pinned, lambda k, value: self.pinning.set(k, value))
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.pinning = Pinning(draws.values, load, pinned)
        self.cell = Cell(file_name, self._code)
        self.draw.param.watch(lambda event: self.go(draws.values[event.new]), "value")
        self.pinning.param.watch(self._follow, "answer")
        self.pinning.param.watch(self._tell, "problem")
        self._follow()
        self._tell()

    def __panel__(self) -> pmui.Column:
        home = shell.button(
            "Middle draw", lambda: self.go(self.start), help_text="Sliders to the draw next to the medians"
        )
        free = shell.button("Let all go", self.release, help_text="Nothing pinned")
        row = pn.FlexBox(self.draw, home, free, gap="10px", align_items="center", margin=(12, 0, 0, 0))
        file = download("These draws as CSV", f"{self.file_name}-pinned.csv", self.file)
        controls = shell.card(
            shell.heading("Pinned parameters", level=3), self.pins, row, self.state, file, self.cell
        )  # fmt: skip
        content = shell.card(
            shell.heading("What the others may still do", level=3),
            shell.html(f'<p class="quiet">{LEAD}</p>'), self.summary, self._place,
        )  # fmt: skip
        return shell.columns(controls, content, widths="minmax(330px, 1fr) minmax(0, 2.4fr)")

    def go(self, theta: np.ndarray) -> None:
        """All sliders to a draw; what is pinned stays pinned, there."""
        pinned = {k: float(theta[k]) for k in self.pinning.pinned}
        self.pins.move(theta, pinned)
        self.pinning.pinned = pinned

    def release(self) -> None:
        """Let go of everything."""
        self.pins.move(np.array([one.value for one in self.pins.sliders]), {})
        self.pinning.pinned = {}

    @property
    def told(self) -> str:
        """What is pinned as the text of a link; empty where it is as it comes."""
        return "" if self.pinning.pinned == self._usual else write_pins(self.pinning.pinned, self.draws)

    def file(self) -> io.BytesIO:
        """The draws that are shown, of all parameters."""
        answer = self.pinning.answer
        rows = self.draws.values if answer is None else answer.draws
        return csv(pd.DataFrame(rows, columns=pd.Index(heads(self.draws))))

    def _code(self) -> str:
        names = list(self.draws.names)
        pinned = ", ".join(f"{k}: {float(value)!r}" for k, value in self.pinning.pinned.items())
        told = ", ".join(names[k] for k in self.pinning.pinned)
        return (
            f"pinned = {{{pinned}}}  # {told or 'nothing: pin one first'}\n"
            "given = analysis.pinned_draws(jax.random.key(0), result.posterior, draws, pinned)\n"
            "given = analysis.more_steps(jax.random.key(1), result.posterior, given, pinned, num_steps=48)\n"
            "given.draws  # (1000, dim)"
        )

    def _follow(self, *_: object) -> None:
        answer = self.pinning.answer
        if answer is None:
            return
        is_asked = self.mosaic is not None  # else the time is that of compiling
        with pn.io.hold():
            self._draw(answer)
            self.cell.refresh()
            if answer.is_first:
                self.seconds = time.perf_counter() - answer.wish.asked if is_asked else 0.0
            self._tell()

    def _draw(self, answer: Answer) -> None:
        pinned = answer.wish.pinned
        free = [name for k, name in enumerate(self.draws.names) if k not in pinned]
        given = self.draws.with_values(answer.draws, prior=None)
        named = {self.draws.names[k]: value for k, value in pinned.items()}
        self.summary.text = pinned_sentence(self.draws, given.only(free), named)
        if self.mosaic is None:
            beside = self.draws.with_values(self.draws.values[:NUM_BESIDE], prior=None)
            self.mosaic = PairMosaic(given, zoomed=True, reference=beside, called=CALLED)
            self._free = [*self.draws.names]
            self._place.objects = [self.mosaic]
        else:
            self.mosaic.draws = given
        shown = self._shown(free)
        if shown == self.mosaic.shown:
            self.mosaic.replace(given)
        else:
            self.mosaic.shown = shown
        self._free = free

    def _shown(self, free: list[str]) -> list[str]:
        """Of what was shown what is still free, and what has just been let go."""
        assert self.mosaic is not None
        freed = set(free) - set(self._free)
        kept = [name for name in free if name in self.mosaic.shown or name in freed]
        most = max(FIRST_SHOWN, len(self.mosaic.shown))
        return kept[:most] or free[:FIRST_SHOWN]

    def _tell(self, *_: object) -> None:
        answer = self.pinning.answer
        if self.pinning.problem or answer is None:
            self.state.text = self.pinning.problem or self.state.text
            return
        took = f"; the first {NUM_DRAWS} in {1000 * self.seconds:.0f} ms" if self.seconds else ""
        refining = "." if answer.is_last else "; refining …"
        self.state.text = f"{count(len(answer.draws), 'draw')}{took}{refining}"


def most_entangled(draws: np.ndarray) -> int:
    """The parameter whose correlations with the others are the strongest: pinning it tells most."""
    strength = np.nan_to_num(correlations(draws)) ** 2
    return int(np.argmax(strength.sum(axis=0)))
