"""Is it right? A result against a reference, its calibration, and its Markov chains."""

from __future__ import annotations

import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.reference_view import ReferenceView
from dashboard.references import References
from dashboard.views.calibration import CalibrationView
from dashboard.views.chains import ChainTraces, has_chains
from dashboard.views.diagnosis_data import read_calibration
from dashboard.views.selection import Selection


class Validate(pn.viewable.Viewer):
    """Everything that can be checked about a result; what is not known is not shown.

    Args:
        tree: of the result.
        selection: shared with other views.
        references: the runs to compare with; None: there is no store, or no observation.
    """

    def __init__(
        self, tree: xr.DataTree, selection: Selection | None = None, references: References | None = None
    ) -> None:
        super().__init__()
        self.tree = tree
        self.reference = None if references is None else ReferenceView(tree, references, selection)

    def __panel__(self) -> pn.Column:
        shown = [] if self.reference is None else [self.reference]
        shown += [shell.card(*content) for content in self.sections()]
        return pn.Column(*(shown or [shell.html(NOTHING)]), margin=0, sizing_mode="stretch_width")

    def sections(self) -> list[list]:
        """Heading and view of each part that needs no other run."""
        shown: list[list] = []
        if (calibration := read_calibration(self.tree)) is not None:
            shown.append([CalibrationView(calibration)])
        if has_chains(self.tree):
            shown.append([shell.heading("Chains of this run", level=3), ChainTraces(self.tree)])
        return shown


NOTHING = (
    '<p class="quiet" data-testid="nothing-to-validate">This result holds nothing to check it with: no '
    "calibration, no Markov chains. A run of SNPE checks its calibration at its end.</p>"
)
