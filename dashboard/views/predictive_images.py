"""Images that draws of the posterior predict, beside the observed one: do they show the same?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from jaxtyping import Float

from dashboard import shell
from dashboard.views.draws import posterior_draws
from dashboard.views.groups import group
from dashboard.views.image_plot import ImagePlot
from dashboard.views.markup import run_html
from dashboard.views.selection import Selection
from dashboard.views.tables import parameter_list
from dashboard.words import count
from simulators.base import ImageAxes

NUM_SHOWN = 4  # draws at once
SIDE = 190  # pixels


@dataclass(frozen=True, eq=False)
class Images:
    """Images on the same axes.

    Attributes:
        predicted: of the first posterior draws, shape (k, H, W).
        observed: shape (H, W), or None when it is not at hand.
        log_prob: of the same draws, shape (k,), or None.
    """

    axes: ImageAxes
    predicted: Float[np.ndarray, "k H W"]
    observed: Float[np.ndarray, "H W"] | None = None
    log_prob: Float[np.ndarray, " k"] | None = None

    @property
    def likeliest(self) -> int:
        """The draw of highest posterior density."""
        return 0 if self.log_prob is None else int(np.nanargmax(self.log_prob))


def read_images(tree: xr.DataTree) -> Images | None:
    """The images in a result's tree; None when it has none."""
    image = group(tree, "posterior_predictive").get("image")
    if image is None:
        return None
    observed, lp = group(tree, "observed_data").get("image"), group(tree, "sample_stats").get("lp")
    places = image["image_column"], image["image_row"]
    axes = ImageAxes(
        places[0].values, places[1].values, image.attrs.get("long_name", "image"),
        image.attrs.get("units", ""), places[0].attrs.get("units", ""),
    )  # fmt: skip
    known = None if lp is None else np.asarray(lp.values).T.ravel()[: len(image)]  # as rows of draws go
    return Images(axes, image.values, None if observed is None else observed.values, known)


class PredictiveImages(pn.viewable.Viewer):
    """The observed image, that of the most probable draw, and those of further draws, in pages.

    Args:
        tree: of a result with images.
        selection: shared with other views; of selected draws only these are shown.
    """

    page = param.Integer(0, bounds=(0, None), doc="Which of the further draws are shown.")

    def __init__(self, tree: xr.DataTree, selection: Selection | None = None) -> None:
        super().__init__()
        images = read_images(tree)
        if images is None:
            raise ValueError("This result holds no images: its simulator has none to draw.")
        self.images, self.draws = images, posterior_draws(tree)
        self.selection = selection or Selection()
        first = {} if images.observed is None else {"observed": "Observed"}
        self.first = ImagePlot(images.axes, {**first, "likeliest": "Most probable draw"})
        self.others = ImagePlot(images.axes, {f"draw{k}": "" for k in range(NUM_SHOWN)}, side=SIDE)
        self.summary, self._parameters = shell.Line(testid="image-summary"), run_html("")
        self.first.show({"observed": images.observed} if first else {})
        self.first.show({"likeliest": images.predicted[images.likeliest]})
        self._draw()
        self.param.watch(self._draw, "page")
        self.selection.param.watch(self._restart, "ranges")

    def __panel__(self) -> pn.Column:
        more = shell.button("Other draws", self.turn, help_text="The next simulations of posterior draws")
        return pn.Column(
            self.first.layout, pmui.Row(more, margin=(12, 0, 10, 0)), self.others.layout, self.summary,
            self._parameters, margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    @property
    def shown(self) -> np.ndarray:
        """Numbers of the further draws on this page."""
        numbers = np.arange(len(self.images.predicted))
        if self.selection.ranges:
            numbers = numbers[self.draws.within(self.selection.ranges)[: len(numbers)]]
        start = NUM_SHOWN * (self.page % max(1, -(-len(numbers) // NUM_SHOWN)))
        return numbers[start : start + NUM_SHOWN]

    def turn(self) -> None:
        """Show the next draws; after the last the first."""
        self.page += 1

    def _restart(self, *_: object) -> None:
        if self.page:
            self.page = 0
        else:
            self._draw()

    def _draw(self, *_: object) -> None:
        shown = self.shown
        images = {f"draw{k}": self.images.predicted[shown[k]] if k < len(shown) else None
                  for k in range(NUM_SHOWN)}  # fmt: skip
        with pn.io.hold():
            self.others.show(images)
            names = [f"Draw {shown[k]}" if k < len(shown) else "" for k in range(NUM_SHOWN)]
            self.others.entitle({f"draw{k}": name for k, name in enumerate(names)})
            self._parameters.object = parameter_list(self.draws, self.images.likeliest)
            told = ", ".join(str(k) for k in shown) or "none"
            among = "selected " if self.selection.ranges else ""
            total = count(len(self.images.predicted), "simulation")
            self.summary.text = f"Of {total} of posterior draws, below: {among}draws {told}."
