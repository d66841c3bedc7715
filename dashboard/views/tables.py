"""Tables in markup: what the plots show, for those who read numbers or cannot see plots."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from dashboard.views.draws import PosteriorDraws
from dashboard.words import number, unit
from inference.analysis import central_interval, contraction


def parameter_table(draws: PosteriorDraws) -> str:
    """Median, interval, true value and contraction (share of the prior's variance gone) of each parameter."""
    low, middle, high = central_interval(draws.values)
    learned = None if draws.prior is None else contraction(draws.values, draws.prior)
    heads = ["median", "90 % interval"]
    heads += ["true value"] if draws.truth is not None else []
    heads += ["contraction"] if learned is not None else []
    rows = []
    for k in range(draws.dim):
        cells = [number(middle[k]), f"{number(low[k])} to {number(high[k])}"]
        cells += [number(float(draws.truth[k]))] if draws.truth is not None else []
        cells += [f"{100 * max(learned[k], 0):.0f} %"] if learned is not None else []
        rows.append(f"<td>{_name(draws, k)}</td>" + _cells(cells))
    head = "<th>parameter</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
    return table(head, rows, "parameter-table")


def draw_table(draws: PosteriorDraws, rows: np.ndarray) -> str:
    """The parameters of some draws, one row each."""
    names = "".join(f'<th class="number">{_name(draws, k)}</th>' for k in range(draws.dim))
    lines = [_cells([str(row), *(number(float(value), 4) for value in draws.values[row])]) for row in rows]
    return table(f'<th class="number">draw</th>{names}', lines, "draw-table")


def parameter_list(draws: PosteriorDraws, k: int) -> str:
    """Markup: the parameters of a draw."""
    cells = "".join(
        f"<li>{draws.label_html(p)} <b>{number(float(value))}</b> {escape(unit(draws.units[p]))}</li>"
        for p, value in enumerate(draws.values[k])
    )
    return f'<p class="quiet" data-testid="picked-draw">Draw {k}:</p><ul class="values">{cells}</ul>'


def table(head: str, rows: Sequence[str], testid: str) -> str:
    """A table that scrolls by itself where it is too wide."""
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table data-testid="{testid}"><tr>{head}</tr>{body}</table></div>'


def folded(markup: str, words: str = "As a table") -> str:
    """A table that is there for those who ask for it."""
    return f'<details style="margin-top: 8px"><summary>{escape(words)}</summary>{markup}</details>'


def _name(draws: PosteriorDraws, k: int) -> str:
    return f"{draws.label_html(k)} <small>{escape(unit(draws.units[k]))}</small>"


def _cells(texts: Sequence[str]) -> str:
    return "".join(f'<td class="number">{text}</td>' for text in texts)
