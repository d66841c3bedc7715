"""Ranges that follow what is drawn, and recordings in a sentence; live views and previews share them."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import Range1d

from dashboard import words
from simulators import RecordingAxes

MARGIN = 0.06  # of the values' span, above and below


def empty_range() -> Range1d:
    """A range for ``fit`` to change; unlike a DataRange1d it needs no data to be drawn."""
    return Range1d(start=0.0, end=1.0)


def fit(range_: Range1d, values: np.ndarray, *, is_growing: bool = False) -> None:
    """Let a range hold ``values`` with a margin; those that are not finite are left out.

    Args:
        range_: changed in place.
        values: of any shape.
        is_growing: only ever widen it, so that a plot does not jump while a slider moves.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return
    low, high = float(finite.min()), float(finite.max())
    pad = MARGIN * (high - low) or 1.0
    low, high = low - pad, high + pad
    if is_growing and range_.tags == [_FITTED]:
        low, high = min(low, _end(range_.start)), max(high, _end(range_.end))
    range_.update(start=low, end=high, tags=[_FITTED])


def describe(axes: RecordingAxes, values: np.ndarray) -> str:
    """One sentence: the range and mean of a recording, or the ranges of its rows where they are few."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return f"The {axes.channel} is undefined throughout."
    unit = f" {words.unit(axes.unit)}" if axes.unit else ""
    span = f"{words.number(float(axes.time[-1] - axes.time[0]))} {axes.time_unit}"
    if axes.rows and not axes.overlaid:
        each = ", ".join(f"{name} {_span(row)}{unit}" for name, row in zip(axes.rows, values, strict=True))
        return f"{axes.channel.capitalize()} over {span}: {each}."
    sweeps = f" in {words.count(len(axes.rows), 'sweep')}" if axes.rows else ""
    mean = f"mean {words.number(_mean(finite))}{unit}"
    return f"{axes.channel.capitalize()} from {_span(values)}{unit} ({mean}) over {span}{sweeps}."


def _mean(values: np.ndarray) -> float:
    """The mean; zero where that is all that single precision can tell."""
    mean = float(values.mean())
    return mean if abs(mean) > 1e-6 * float(np.abs(values).max()) else 0.0


def _span(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return "undefined"
    return " to ".join(words.number(float(end)) for end in (finite.min(), finite.max()))


_FITTED = "fitted"


def _end(value: Any) -> float:
    return float(value)
