"""Small pieces of Bokeh that every view of a run needs. Typed as Any: Bokeh declares less than it accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bokeh.models import ColumnDataSource, FactorRange, Range1d


def columns(**values: Any) -> Any:
    """A ``ColumnDataSource`` with these columns."""
    return ColumnDataSource(values)


def span(low: float, high: float) -> Any:
    """A fixed range of an axis."""
    return Range1d(start=float(low), end=float(high))


def rows_of(names: Sequence[str]) -> Any:
    """A vertical axis of names, the first at the top."""
    return FactorRange(factors=list(names)[::-1])
