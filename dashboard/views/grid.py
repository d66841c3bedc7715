"""Many small figures side by side, as many in a row as there is room for, all of one width."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn


def grid(cells: Sequence[pn.viewable.Viewable], least_width: int) -> pn.Column:
    """The cells in rows; none is narrower than `least_width` pixels, and the last row is not stretched."""
    columns = f"repeat(auto-fill, minmax({least_width}px, 1fr))"
    styles = {"display": "grid", "grid-template-columns": columns, "gap": "18px 28px"}
    return pn.Column(*cells, styles=styles, margin=(8, 0, 8, 0), sizing_mode="stretch_width")
