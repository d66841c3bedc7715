"""Calibration of a result: ranks of true parameters, and how often regions hold the truth."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import panel as pn

from dashboard import shell, theme
from dashboard.views.diagnosis_data import Calibration
from dashboard.views.drawing import columns, span
from dashboard.views.rank_figures import RankCurves, RankHistograms
from dashboard.views.tables import folded, table
from dashboard.words import label_html, number
from inference.diagnostics import Band
from inference.diagnostics.judging import listed

ALARM = 0.01  # p-value of ranks, for all parameters together
MEANINGS = (("model", "this posterior"), ("prior", "where a calibrated posterior stays with 95 %"))


class CalibrationView(pn.viewable.Viewer):
    """A curve of coverage, the ranks of each parameter, and both as tables.

    Args:
        calibration: as `read_calibration` gives it.
    """

    def __init__(self, calibration: Calibration) -> None:
        super().__init__()
        self.calibration = calibration
        self.curve = _coverage_figure(calibration)
        self.ranks = (RankHistograms if calibration.curves is None else RankCurves)(calibration)
        self.coverage_words = shell.Line(text=coverage_sentence(calibration), testid="coverage-summary")
        self.rank_words = shell.Line(text=rank_sentence(calibration), testid="rank-summary")

    def __panel__(self) -> pn.Column:
        coverage = pn.Column(
            shell.heading("How often regions hold the truth", level=3), shell.plot(self.curve),
            self.coverage_words, shell.html(folded(_coverage_table(self.calibration))),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        ranks = pn.Column(
            shell.heading("Ranks of the true parameters", level=3),
            shell.html(f'<p class="quiet small">{self.ranks.axes}</p>'), shell.plot(self.ranks.figure),
            self.rank_words, shell.html(folded(_rank_table(self.calibration))),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        both = shell.columns(coverage, ranks, widths="minmax(0, 2fr) minmax(0, 3fr)")
        return pn.Column(shell.legend(*MEANINGS), both, margin=0, sizing_mode="stretch_width")


def coverage_sentence(calibration: Calibration) -> str:
    """How far nominal and actual coverage lie apart."""
    low, high = calibration.coverage_band
    is_outside = bool(((calibration.coverage < low) | (calibration.coverage > high)).any())
    at = int(np.argmin(np.abs(calibration.level - 0.8)))
    words = (
        f"Of {calibration.num} held-out simulations, regions meant to hold "
        f"{100 * calibration.level[at]:.0f} % of the truths hold {100 * calibration.coverage[at]:.0f} %"
    )
    if not is_outside:
        return f"{words}; the whole curve stays in its band."
    kind = (
        "below the diagonal: over-confident" if calibration.overconfidence > 0 else "above: under-confident"
    )
    return f"{words}; the curve lies {kind}."


def rank_sentence(calibration: Calibration) -> str:
    """Which parameters have uneven ranks."""
    if calibration.curves is not None and calibration.band is not None:
        return _curve_sentence(calibration, calibration.curves, calibration.band)
    is_odd = calibration.p_value < ALARM / len(calibration.names)
    odd = [name for name, odd in zip(calibration.names, is_odd, strict=True) if odd]
    if not odd:
        return "Ranks are even for every parameter. High in the middle: too wide; at the ends: too narrow."
    return f"Ranks are uneven for {', '.join(odd)}. High at the ends: too narrow; on one side: shifted."


def _curve_sentence(calibration: Calibration, curves: np.ndarray, band: Band) -> str:
    inside = band.is_inside(curves)
    if inside.all():
        whose = "The curve stays" if len(curves) == 1 else f"The curves of all {len(curves)} parameters stay"
        return f"{whose} in the band: ranks are even."
    odd = [name for name, is_inside in zip(calibration.names, inside, strict=True) if not is_inside]
    return (
        f"Ranks are uneven for {listed(odd)}. A hill: the posterior lies too high; a valley: too low; "
        "a hill, then a valley: too narrow; a valley, then a hill: too wide."
    )


def _coverage_figure(calibration: Calibration) -> Any:
    fig = theme.figure(
        "mass of the region", "share that holds the truth", height=300, x_range=span(0, 1),
        y_range=span(0, 1), toolbar_location=None,
    )  # fmt: skip
    # The band is defined at every mass, also between and beyond those at which coverage is told.
    level = np.concatenate([[0.0], calibration.level, [1.0]])
    low, high = (np.concatenate([[0.0], side, [1.0]]) for side in calibration.coverage_band)
    band = columns(x=level, low=low, high=high)
    theme.paint(fig.varea("x", "low", "high", source=band, fill_alpha=0.25), fill_color="prior")
    theme.paint(fig.line([0, 1], [0, 1], line_width=1, line_dash="dashed"), line_color="prior")
    source = columns(x=level, y=np.concatenate([[0.0], calibration.coverage, [1.0]]))
    theme.paint(fig.line("x", "y", source=source, line_width=2), line_color="model")
    dots = columns(x=calibration.level, y=calibration.coverage)
    theme.paint(fig.scatter("x", "y", source=dots, size=5, line_color=None), fill_color="model")
    return fig


def _coverage_table(calibration: Calibration) -> str:
    low, high = calibration.coverage_band
    rows = [
        "".join(f'<td class="number">{100 * value:.0f} %</td>' for value in (level, share))
        + f'<td class="number">{100 * a:.0f} to {100 * b:.0f} %</td>'
        for level, share, a, b in zip(calibration.level, calibration.coverage, low, high, strict=True)
    ]
    heads = ("mass of the region", "holds the truth", "calibrated (95 %)")
    return table("".join(f'<th class="number">{head}</th>' for head in heads), rows[1::2], "coverage-table")


def _rank_table(calibration: Calibration) -> str:
    rows = []
    for k, label in enumerate(calibration.labels):
        strong = " strong" if calibration.p_value[k] < ALARM / len(calibration.names) else ""
        values = (f"{100 * calibration.shift[k]:+.1f}", f"{100 * calibration.spread[k]:+.1f}")
        cells = "".join(f'<td class="number">{value.replace("-", "−")}</td>' for value in values)
        p = f'<td class="number{strong}">{number(float(calibration.p_value[k]), 2)}</td>'
        rows.append(f"<td>{label_html(label)}</td>{cells}{p}")
    heads = ("shift (% of ranks)", "too narrow (% of ranks)", "p-value")
    head = "<th>parameter</th>" + "".join(f'<th class="number">{escape(words)}</th>' for words in heads)
    return table(head, rows, "rank-table")
