"""Features as a table: markup that live views and previews share."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from dashboard import words
from dashboard.views.feature_groups import FeatureGroup, groups_of
from simulators import Simulator

FIRST = 6  # values of a long array that are shown
MOST_ROWS = 20  # more of them scroll


def feature_table(
    simulator: Simulator, columns: Mapping[str, np.ndarray | None], *, testid: str = "features"
) -> str:
    """Markup: one row per feature; long arrays are summed up, and many rows scroll.

    Args:
        simulator: whose features.
        columns: heading -> features, shape (num_features,); None while not known. The first one counts.
        testid: value of ``data-testid``.
    """
    heads = "".join(f'<th scope="col" class="number">{escape(head)}</th>' for head in columns)
    rows = "".join(_rows(simulator, found, list(columns.values())) for found in groups_of(simulator))
    head = f'<tr><th scope="col">feature</th>{heads}<th scope="col">unit</th></tr>'
    table = f'<table data-testid="{testid}"><thead>{head}</thead><tbody>{rows}</tbody></table>'
    is_tall = rows.count("<tr>") > MOST_ROWS
    return f'<div class="scroll" tabindex="0">{table}</div>' if is_tall else table


def _rows(simulator: Simulator, found: FeatureGroup, columns: list[np.ndarray | None]) -> str:
    """All values of an array, or the first of a long one, and in one row what the others are."""
    listed = 0 if found.is_image else FIRST if found.is_long else found.size
    rows = "".join(_row(simulator, found.start + i, columns) for i in range(listed))
    if listed == found.size:
        return rows
    size = " × ".join(map(str, found.shape)) if found.is_image else f"{found.size - listed} more"
    parts = [None if x is None else np.asarray(x)[found.start + listed : found.stop] for x in columns]
    cells = "".join(f'<td class="number quiet">{"…" if x is None else _span(x)}</td>' for x in parts)
    name = escape(found.name.replace("_", " "))
    return f'<tr><th scope="row">{name}, {size}</th>{cells}<td></td></tr>'


def _span(values: np.ndarray) -> str:
    finite = values[np.isfinite(values)]
    ends = (words.number(float(end)) for end in (finite.min(), finite.max())) if finite.size else ()
    return " to ".join(ends) or words.number(np.nan)


def _row(simulator: Simulator, index: int, columns: list[np.ndarray | None]) -> str:
    name = simulator.feature_names[index]
    label = words.label_html(simulator.feature_labels.get(name, name))
    unit = words.unit(escape(simulator.feature_units.get(name, "")))
    first, *others = ("…" if x is None else words.number(float(x[index])) for x in columns)
    cells = f'<td class="number strong" data-testid="feature-{escape(name)}">{first}</td>'
    cells += "".join(f'<td class="number quiet">{value}</td>' for value in others)
    return f'<tr><th scope="row" title="{escape(name)}">{label}</th>{cells}<td class="quiet">{unit}</td></tr>'
