"""What somebody has selected: ranges of parameters, and one draw; shared by views that know no other view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import param

from dashboard.links import read_number
from dashboard.views.draws import PosteriorDraws
from dashboard.words import count, number
from simulators.registry import unknown_name

Ranges = dict[str, tuple[float, float]]


class Selection(param.Parameterized):
    """Ranges of parameters that draws must lie in, and one draw that somebody looks at."""

    ranges = param.Dict({}, doc="Parameter name -> (low, high), in its unit. Empty: nothing is selected.")
    picked = param.Integer(
        None, allow_None=True, bounds=(0, None), doc="Number of the draw looked at, or None."
    )

    def clear(self) -> None:
        """Select nothing."""
        self.param.update(ranges={}, picked=None)

    def rows(self, draws: PosteriorDraws) -> np.ndarray | None:
        """Numbers of the selected draws, shape (m,); None when nothing is selected."""
        return np.flatnonzero(draws.within(self.ranges)) if self.ranges else None

    def sentence(
        self, draws: PosteriorDraws, reference: PosteriorDraws | None = None, *, called: str = "reference"
    ) -> str:
        """``"412 of 10 000 draws selected: g_Na 40 to 52."``, with shares where there is a reference."""
        rows = self.rows(draws)
        if rows is None:
            return f"{count(len(draws), 'draw')}; none selected. Drag a box in any cell to select."
        parts = [f"{name} {number(low)} to {number(high)}" for name, (low, high) in self.ranges.items()]
        told = f"{_thousands(rows.size)} of {count(len(draws), 'draw')}"
        if reference is not None:
            other = int(reference.within(self.ranges).sum())
            told += (
                f" ({_percent(rows.size, draws)}) and {_thousands(other)} of {_thousands(len(reference))} "
            )
            told += f"of the {called} ({_percent(other, reference)})"
        return f"{told} selected: {', '.join(parts)}."


def write_ranges(ranges: Ranges) -> str:
    """Ranges as the text of a link: ``"g_Na:40:52,g_K:3:5"``."""
    return ",".join(f"{name}:{low:.5g}:{high:.5g}" for name, (low, high) in ranges.items())


def read_ranges(text: str, names: Sequence[str]) -> tuple[Ranges, list[str]]:
    """The ranges in the text of a link, and one sentence for each part that is not one."""
    ranges: Ranges = {}
    problems = []
    for part in filter(None, text.split(",")):
        name, *ends = part.rsplit(":", 2)
        low, high = (read_number(end) for end in ends) if len(ends) == 2 else (math.nan, math.nan)
        if name not in names and len(ends) == 2:
            problems.append(unknown_name("parameter", name, list(names)))
        elif not low <= high:
            problems.append(
                f"'{part}' is no selection; one is written name:low:high, for instance {names[0]}:1:2."
            )
        else:
            ranges[name] = (low, high)
    return ranges, problems


def _percent(num: int, draws: PosteriorDraws) -> str:
    return f"{number(100 * num / len(draws), 2)} %"


def _thousands(value: int) -> str:
    return f"{value:,}".replace(",", " ")
