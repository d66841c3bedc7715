"""May this result be believed? What each check found, and pictures that it rests on; see `validate` too."""

from __future__ import annotations

import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.views.bounds import BoundTable
from dashboard.views.diagnosis_data import read_place
from dashboard.views.groups import group
from dashboard.views.markup import run_html
from dashboard.views.members import Members
from dashboard.views.observation_place import ObservationPlace
from dashboard.views.verdict_words import findings_html
from inference.diagnostics import verdict


class Diagnosis(pn.viewable.Viewer):
    """What a result's tree allows to judge; what is not known is not shown.

    Args:
        tree: of a result.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        self.tree, self.verdict = tree, verdict(tree)

    def __panel__(self) -> pn.Column:
        words = run_html(findings_html(self.verdict))
        cards = [
            shell.card(_title("What was checked"), words),
            *(shell.card(*content) for content in self.sections()),
        ]
        return pn.Column(*cards, margin=0, sizing_mode="stretch_width")

    def sections(self) -> list[list]:
        """Heading and view of each part that there are numbers for."""
        tree, found = self.tree, group(self.tree, "diagnostics")
        shown: list[list] = []
        if (place := read_place(tree)) is not None:
            shown.append([_title("The observation among the simulations"), ObservationPlace(place)])
        if "member_mean" in found:
            shown.append([_title("Members of the ensemble"), Members(tree)])
        if "share_at_bounds" in found:
            shown.append([_title("At the bounds of the prior"), BoundTable(tree)])
        return shown


def _title(words: str) -> pn.pane.HTML:
    return shell.heading(words, level=3)
