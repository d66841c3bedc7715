"""What a newcomer is told beside a run: what is going on, and how to read what comes of it."""

from __future__ import annotations

from html import escape

import numpy as np
import panel as pn
import xarray as xr

from dashboard import links, shell
from dashboard.background import in_background
from dashboard.results import tree_of
from dashboard.run_overview import RunOverview
from dashboard.views.draws import posterior_draws
from inference.runs import Run

INTERVAL = 90  # per cent of the draws
UNDER_WAY = (
    (
        "Simulating",
        "The model is run with many parameters drawn from the prior: what is possible before data.",
    ),
    (
        "Training",
        "A network learns which parameters go with which data. The held-out loss should fall and level.",
    ),
    (
        "Checking",
        "The answer is tried on simulations whose parameters are known, before you have to trust it.",
    ),
)


class Guide(pn.viewable.Viewer):
    """Follows what an overview shows."""

    def __init__(self, overview: RunOverview) -> None:
        super().__init__()
        self.run = overview.run
        self.words = shell.html("")
        overview.param.watch(lambda event: self._follow(event.new), "state")
        self._follow(overview.state)

    def __panel__(self) -> pn.viewable.Viewable:
        return shell.card(self.words)

    def _follow(self, state: str) -> None:
        if state == "done":
            in_background(lambda: read_words(self.run), self._show, self._fail)
        elif state in ("queued", "running"):
            self.words.object = _list("What happens now", UNDER_WAY)
        else:
            self.words.object = _list("The run has not ended", [("Resume", "goes on where it was left.")])

    def _show(self, markup: str) -> None:
        self.words.object = markup

    def _fail(self, error: Exception) -> None:
        self.words.object = ""  # the page itself says what is wrong with the result


def read_words(run: Run) -> str:
    """Markup: how to read the result of a run."""
    tree = tree_of(run)
    told = [("The posterior", POSTERIOR), ("The truth", truth_words(tree)), ("The verdict", VERDICT)]
    own = f'<p><a class="button" href="{links.infer_url()}">Now with data of your own</a></p>'
    return _list("How to read this", told) + own


def truth_words(tree: xr.DataTree) -> str:
    """Where the true parameters lie in the posterior; where there are none, that there are none."""
    draws = posterior_draws(tree)
    if draws.truth is None:
        return "Nobody knows the true parameters of these data; Predictions shows whether they are explained."
    tail = (100 - INTERVAL) / 2
    low, high = np.percentile(draws.values, [tail, 100 - tail], axis=0)
    rows = zip(draws.names, draws.truth, low, high, strict=True)
    told = [
        f"{name} = {true:.3g} ({INTERVAL} % of the draws: {a:.3g} to {b:.3g})" for name, true, a, b in rows
    ]
    num = int(((low <= draws.truth) & (draws.truth <= high)).sum())
    share = "all" if num == len(told) else f"{num} of {len(told)}"
    return (
        f"The data were simulated with {', '.join(told)}: {share} within. The cross marks them. "
        f"Expect that {INTERVAL} times in a hundred; they need not be where the posterior is darkest."
    )


POSTERIOR = (
    "Each picture is two parameters. Dark means many settings there explain the data; white, none. A band "
    "means that one parameter makes up for the other. Drag a box to follow some settings through all tabs."
)
VERDICT = (
    "The line with the coloured word says how far to trust this, and what to do next. It rests on "
    "simulations whose parameters are known: Validate and Diagnosis show them. More simulations usually help."
)


def _list(title: str, told: list[tuple[str, str]] | tuple[tuple[str, str], ...]) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in told)
    return f'<h2 class="tight">{escape(title)}</h2><dl class="guide" data-testid="guide">{items}</dl>'
