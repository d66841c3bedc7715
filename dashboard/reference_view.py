"""Which run a result is compared with: chosen from a list, or begun here and followed until it is done."""

from __future__ import annotations

from functools import partial
from html import escape

import panel as pn
import panel_material_ui as pmui
import xarray as xr

from dashboard import links, shell
from dashboard.against_reference import AgainstReference
from dashboard.background import in_background, repeat
from dashboard.references import Found, References, exact_methods, title_of
from dashboard.results import compared, tree_of
from dashboard.views import run_rows
from dashboard.views.draws import posterior_draws
from dashboard.views.selection import Selection
from dashboard.words import method_name
from inference.runs import ACTIVE, Run

POLL_MILLISECONDS = 1000


class ReferenceView(pn.viewable.Viewer):
    """Chooses a reference, or begins one, and shows the result against it.

    Args:
        tree: of the result.
        references: to choose from.
        selection: shared with other views.
    """

    def __init__(self, tree: xr.DataTree, references: References, selection: Selection | None = None) -> None:
        super().__init__()
        self.tree, self.references, self.selection = tree, references, selection
        self.choice = pmui.Select(label="Reference", options={"none": "none"}, value="none",
                                  width=520, size="small", margin=(8, 0, 0, 0), visible=False)  # fmt: skip
        self.words = shell.html(LOOKING)
        look = {"variant": "contained", "color": "primary", "sx": {}}
        self.button = shell.button("Run a reference now", self.start, visible=False, **look)
        self.body = pn.Column(margin=0, sizing_mode="stretch_width")
        self.shown: AgainstReference | None = None
        self._going: Run | None = None
        self.choice.param.watch(self._chosen, "value")
        self._look()

    def __panel__(self) -> pn.Column:
        if pn.state.curdoc is not None:
            repeat(self.follow, milliseconds=POLL_MILLISECONDS)
        title = shell.heading("Against a reference", level=3)
        head = pmui.Column(self.choice, self.words, self.button, margin=0, sizing_mode="stretch_width",
                           sx={"gap": "10px"})  # fmt: skip
        return pn.Column(shell.card(title, head), self.body, margin=0, sizing_mode="stretch_width")

    def start(self) -> None:
        """Begin a reference; a second click while it begins does nothing."""
        if self.button.disabled:
            return
        self.button.disabled = True
        try:
            self._going = self.references.start()
        except (ValueError, OSError) as error:
            self.words.object = _error(error)
            self.button.disabled = False
        else:
            self.button.visible = False
            self.follow()

    def follow(self) -> None:
        """Look how far a reference is that is going on; compare with it as soon as it is done."""
        going = self._going
        if going is None:
            return
        row = run_rows.overview(going)
        self._say(_progress(row))
        if row.state not in ACTIVE:
            self._going = None
        if row.state == "done":
            self.references.chosen = going.id
            self._look()
        elif self._going is None:  # it has ended without a result, its own page says why
            self.button.param.update(visible=True, disabled=False)

    def _look(self) -> None:
        in_background(self.references.find, self._take, self._fail)

    def _take(self, found: Found) -> None:
        if not self.references.chosen:
            self.references.chosen = self.references.best(found)
        self.choice.visible = bool(found.done)
        options = {title_of(run): run.id for run in found.done}
        self.choice.param.update(options={"none": "none", **options}, value=self.references.chosen or "none")
        has_exact = any(run.request.method in exact_methods() for run in found.done)
        method = "" if has_exact or self.references.is_exact or found.active else self.references.method
        self.button.param.update(visible=bool(method), disabled=False)
        self._going = found.active
        if found.active is not None:
            self.follow()
        else:
            self._say(self._advice(method, has_exact))
        self._show()

    def _advice(self, method: str, has_exact: bool) -> str:  # noqa: FBT001
        if method:
            return CAN_RUN.format(method=method_name(method))
        if has_exact:
            return ""
        return IS_EXACT if self.references.is_exact else NO_LIKELIHOOD

    def _chosen(self, *_: object) -> None:
        if self.choice.value != (self.references.chosen or "none"):
            self.references.chosen = self.choice.value
            self._show()

    def _show(self) -> None:
        run_id = self.references.chosen
        if run_id in ("", "none"):
            self.shown, self.body.objects = None, []
            return
        other = self.references.store.get(run_id)
        self.body.objects = [shell.html(LOADING)]
        in_background(partial(self._read, other), partial(self._compare, other), self._fail)

    def _read(self, other: Run) -> xr.DataTree:
        """Its tree.

        Raises:
            ValueError: it cannot be read, or has other parameters: a model may have changed in between.
        """
        tree = tree_of(other)
        mine, its = (posterior_draws(one).names for one in (self.tree, tree))
        if set(mine) != set(its):
            raise ValueError(
                f"Run {other.id} has the parameters {', '.join(its)} and this one {', '.join(mine)}: "
                "the model has changed in between. Choose another reference."
            )
        return tree

    def _compare(self, other: Run, tree: xr.DataTree) -> None:
        if other.id != self.references.chosen:
            return  # somebody has chosen another one meanwhile
        compare = partial(compared, self.references.run, other)
        self.shown = AgainstReference(self.tree, tree, compare=compare, selection=self.selection)
        link = links.compare_url([self.references.run.id, other.id])
        more = f'<p><a href="{links.run_url(other.id)}">The reference run</a> · '
        more += f'<a href="{link}">Both on the page that compares runs</a></p>'
        with pn.io.hold():
            self._say(more)
            self.body.objects = [self.shown]

    def _fail(self, error: Exception) -> None:
        self.body.objects = [shell.alert(str(error), "error", "reference-error")]

    def _say(self, markup: str) -> None:
        if self.words.object != markup:
            self.words.object = markup


def _progress(row: run_rows.RunRow) -> str:
    link = f'<a href="{links.run_url(row.id)}" data-testid="reference-run">The reference</a>'
    return f"<div>{link} {run_rows.progress_cell(row)}</div>"


def _error(error: Exception) -> str:
    return f'<p class="error" data-testid="reference-error">{escape(str(error))}</p>'


LOOKING = '<p class="quiet">Looking for other runs on this observation …</p>'
LOADING = '<p class="quiet" data-testid="loading">Reading the reference …</p>'
CAN_RUN = (
    '<p data-testid="reference-advice">This model has a likelihood, so its posterior can be sampled exactly '
    "(method {method}) and this result compared with it, draw by draw. The run is a job like any other; this "
    "page follows it.</p>"
)
IS_EXACT = (
    '<p data-testid="reference-advice">This run samples the exact posterior, so it is itself what others are '
    "compared with; whether it ran for long enough is told by its chains below.</p>"
)
NO_LIKELIHOOD = (
    '<p data-testid="reference-advice">This model has no likelihood, so there is no exact reference. '
    "Calibration (below) tells whether such posteriors hold the truth as often as they say. A second run on "
    "the same observation, with another seed, estimator or method, tells how far the answer depends on them: "
    "choose it once it is done.</p>"
)
