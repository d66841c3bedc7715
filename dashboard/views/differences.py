"""How far a posterior is from a reference: a classifier's accuracy, and the parameters that differ most."""

from __future__ import annotations

from typing import Any

import panel as pn
from bokeh.models import Span

from dashboard import shell, theme
from dashboard.views.drawing import columns, rows_of, span
from dashboard.views.draws import PosteriorDraws
from dashboard.views.markup import run_html
from dashboard.views.tables import table
from dashboard.words import count, number
from inference.diagnostics import C2ST
from inference.diagnostics.compare import Pair, ParameterDifference

SHOWN = 12  # parameters in the picture; the table has all
MEANINGS = (
    ("model", "distance of the two marginals"),
    ("prior dashed", "exceeded in 5 % of cases by independent draws of one posterior"),
)
SLIGHT, CLEAR = 0.6, 0.75  # accuracies up to which a difference is called so


class Differences(pn.viewable.Viewer):
    """What `compare_runs` found about a pair.

    Args:
        pair: a run and its reference.
        draws: of the run, for the labels of the parameters.
    """

    def __init__(self, pair: Pair, draws: PosteriorDraws) -> None:
        super().__init__()
        self.pair, self.draws = pair, draws
        self.figure, self.gauge = _distance_figure(pair), _gauge(pair.c2st)
        self.c2st_words = shell.Line(text=c2st_sentence(pair.c2st), testid="c2st-summary")
        self.words = shell.Line(text=difference_sentence(pair), testid="difference-summary")

    def __panel__(self) -> pn.Column:
        score = pn.Column(
            shell.heading("Can a classifier tell them apart?", level=3), shell.plot(self.gauge),
            self.c2st_words, margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        ranked = pn.Column(
            shell.heading("Parameters that differ most", level=3), shell.legend(*MEANINGS),
            shell.plot(self.figure), self.words,
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        both = shell.columns(score, ranked, widths="minmax(0, 2fr) minmax(0, 3fr)")
        numbers = run_html(difference_table(self.pair, self.draws), margin=(10, 0, 0, 0))
        return pn.Column(both, numbers, margin=0, sizing_mode="stretch_width")


def c2st_sentence(score: C2ST) -> str:
    """The accuracy with its uncertainty, and what it means."""
    (low, high), (even_low, even_high) = score.interval, score.null_interval
    if score.accuracy <= even_high:
        meaning = "a classifier cannot tell the two apart"
    elif score.accuracy <= SLIGHT:
        meaning = "a classifier tells the two apart slightly"
    elif score.accuracy <= CLEAR:
        meaning = "a classifier tells the two apart clearly"
    else:
        meaning = "a classifier tells the two apart easily"
    return (
        f"C2ST {score.accuracy:.2f} (95 %: {max(low, 0):.2f} to {min(high, 1):.2f}): {meaning}; equal "
        f"posteriors give {even_low:.2f} to {even_high:.2f} with "
        f"{count(score.num, 'independent draw')} each."
    )


def difference_sentence(pair: Pair) -> str:
    """Which parameter differs most, and in what."""
    most = pair.parameters[0]
    if most.kolmogorov <= pair.chance:
        return "No parameter by itself differs more than independent draws of one posterior would."
    return (
        f"Most in {most.name}: mean shifted by {_signed(most.mean_shift)} standard deviations of the "
        f"reference, {number(most.sd_ratio, 2)} times as wide; Kolmogorov distance {most.kolmogorov:.2f}."
    )


def difference_table(pair: Pair, draws: PosteriorDraws) -> str:
    """Markup: all parameters, those that differ most first."""
    labels = {name: draws.label_html(k) for k, name in enumerate(draws.names)}
    rows = [_row(labels[each.name], each, pair.chance) for each in pair.parameters]
    heads = ("mean shift (reference sd)", "sd ratio", "Kolmogorov distance")
    head = "<th>parameter</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
    return table(head, rows, "difference-table")


def _row(label: str, each: ParameterDifference, chance: float) -> str:
    strong = " strong" if each.kolmogorov > chance else ""
    values = (_signed(each.mean_shift), number(each.sd_ratio), number(each.kolmogorov))
    cells = "".join(f'<td class="number{strong}">{value}</td>' for value in values)
    return f"<td>{label}</td>{cells}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _distance_figure(pair: Pair) -> Any:
    shown = pair.parameters[:SHOWN]
    names = [each.name for each in shown]
    top = max(1.15 * max(each.kolmogorov for each in shown), 2 * pair.chance)
    fig = theme.figure(
        "Kolmogorov distance of the marginals, 0 to 1", "", height=90 + 24 * len(names),
        x_range=span(0, min(top, 1.02)), y_range=rows_of(names), toolbar_location=None, min_border_left=90,
    )  # fmt: skip
    fig.ygrid.visible = False
    source = columns(name=names, distance=[each.kolmogorov for each in shown])
    bars = fig.hbar(y="name", right="distance", height=0.55, source=source, fill_alpha=0.6, line_color=None)
    theme.paint(bars, fill_color="model")
    line = Span(location=pair.chance, dimension="height", line_width=2, line_dash="dashed")
    fig.add_layout(theme.paint(line, line_color="prior"))
    return fig


def _gauge(score: C2ST) -> Any:
    """The accuracy with its 95 % interval, on an axis from chance to certainty; the band is chance."""
    fig = theme.figure(
        "C2ST accuracy (0.5: alike, 1: always told apart)", "", height=130, x_range=span(0.42, 1.0),
        y_range=span(0, 1), toolbar_location=None,
    )  # fmt: skip
    fig.yaxis.visible = False
    fig.ygrid.visible = False
    low, high = score.null_interval
    band = fig.quad(left=[low], right=[high], bottom=[0], top=[1], fill_alpha=0.25, line_color=None)
    theme.paint(band, fill_color="prior")
    first, last = (min(max(end, 0.42), 1.0) for end in score.interval)
    theme.paint(fig.segment([first], [0.5], [last], [0.5], line_width=3), line_color="model")
    dot = fig.scatter([max(score.accuracy, 0.42)], [0.5], size=12, line_color=None)
    theme.paint(dot, fill_color="model")
    return fig
