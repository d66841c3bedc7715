"""Moving along an axis of a density's curvature, and what the model does on the way."""

from __future__ import annotations

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell
from dashboard.curvature import Curvature, within
from dashboard.views.draws import PosteriorDraws
from dashboard.views.exploration import Exploration
from dashboard.views.live_cloud import LiveCloud
from dashboard.views.live_features import LiveFeatures
from dashboard.views.live_image import LiveImage
from dashboard.views.live_trace import LiveTrace
from dashboard.words import number
from simulators import Simulator
from simulators.base import ImageAxes

FARTHEST = 3.0  # lengths of an axis to both sides


class Player(pn.viewable.Viewer):
    """A slider along an axis, the simulation at the point it leads to, and its features.

    Args:
        simulator: the model.
        draws: which name the parameters and their bounds.
        theta: where to begin, (dim,).
    """

    theta = param.Array(doc="Where it is, (dim,).")

    def __init__(self, simulator: Simulator, draws: PosteriorDraws, theta: np.ndarray) -> None:
        super().__init__()
        self.draws, self.found = draws, None
        here = within(theta, draws.low, draws.high).astype(np.float32)
        self.exploration = Exploration(simulator, theta=here)
        self.axis = pmui.Select(label="Along", options=_named(draws.dim), value=0, **_SMALL)
        self.offset = pmui.FloatSlider(
            label="Steps of 1/√|λ|", start=-FARTHEST, end=FARTHEST, step=0.05, value=0.0, size="small",
            sizing_mode="stretch_width", margin=(0, 12),
        )  # fmt: skip
        self.summary = shell.Line(testid="player-summary")
        self.axis.param.watch(self._home, "value")
        self.offset.param.watch(self._move, "value")

    def __panel__(self) -> pn.viewable.Viewable:
        home = shell.button("Back", self._home, help_text="To the chosen draw")
        controls = shell.columns(self.axis, self.offset, home, widths="200px minmax(0, 1fr) 90px")
        picture, features = live_picture(self.exploration), LiveFeatures(self.exploration)
        results = shell.columns(picture, features, widths="minmax(0, 2fr) minmax(0, 1fr)", from_size="lg")
        head = shell.heading("Along an axis", level=3)
        return shell.card(head, controls, self.summary, results)

    def begin(self, found: Curvature) -> None:
        """At another point."""
        self.found = found
        self.axis.value = 0
        self._home()

    def _home(self, *_: object) -> None:
        self.offset.value = 0.0
        self._move()

    def _move(self, *_: object) -> None:
        if self.found is None:
            return
        k, steps = self.axis.value, self.offset.value
        axes = self.found.axes
        wanted = self.found.theta + steps * axes.lengths[k] * axes.vectors[k]
        theta = within(wanted, self.draws.low, self.draws.high)
        self.theta = theta
        self.exploration.theta = theta.astype(np.float32)
        values = ", ".join(
            f"{name} {number(float(value))}" for name, value in zip(self.draws.names, theta, strict=True)
        )
        is_inside = np.allclose(theta, wanted)
        stopped = "" if is_inside else " The support ends here: the point is moved to its edge."
        self.summary.text = f"{steps:+.2f} steps along v{k + 1}: {values}.{stopped}"


def live_picture(exploration: Exploration) -> pn.viewable.Viewer:
    """What the model does: an image, a recording, or its features among those of the prior."""
    axes = exploration.simulator.axes
    if axes is None:
        return LiveCloud(exploration)
    return LiveImage(exploration, axes) if isinstance(axes, ImageAxes) else LiveTrace(exploration, axes)


def _named(dim: int) -> dict[str, int]:
    """What the axes are called."""
    words = {0: ", most sensitive", dim - 1: ", most robust"}
    return {f"v{k + 1}{words.get(k, '')}": k for k in range(dim)}


_SMALL = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
