"""A first run in three steps: a model, what to explain, and the button; a good choice is made for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from types import MappingProxyType
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell, words
from dashboard.background import Latest
from dashboard.views.pictures import PLACEHOLDER, picture
from inference.requests import Request
from simulators import Simulator

CONFIG = MappingProxyType({"num_simulations": 2_000, "estimator": "mdn"})  # which compiles fast
# Models that a first run with these settings takes a minute or two for, and what each teaches.
TEACH = {
    "two_moons": "The simplest case where two separate regions of parameters explain the same data.",
    "autapse": "A neuron that excites itself. One measured number, two parameters: a whole band explains it.",
    "hodgkin_huxley": "A spiking neuron: eight parameters, of which seven features of its voltage tell some.",
}
EXPLAIN = {
    "hidden": "New data are simulated with parameters that nobody is shown. The result reveals them: "
    "you see whether the posterior has found them.",
    "shipped": "The observation that comes with the model, made with the parameters that its authors chose.",
}
_NAMES = {"Hidden parameters": "hidden", "The built-in observation": "shipped"}


class FirstSteps(pn.viewable.Viewer):
    """The three cards.

    Args:
        simulators: those on offer, of which the ones in `TEACH` are shown.
        start: submits a request; may raise ValueError with a sentence for the user.
        seed: of the run, and of the hidden parameters.
    """

    model = param.Selector(default="two_moons", objects=list(TEACH))
    explained = param.Selector(default="hidden", objects=list(EXPLAIN))

    def __init__(
        self,
        simulators: Mapping[str, Simulator],
        start: Callable[[Request], None],
        *,
        seed: int,
        **choices: Any,
    ) -> None:
        super().__init__(**choices)
        self.simulators, self.start, self.seed = simulators, start, seed
        titles = {simulators[name].title: name for name in TEACH}
        self.models = _choice("Model", titles, self.model)
        self.kinds = _choice("What to explain", _NAMES, self.explained)
        self.about = shell.html("")
        self.teach = shell.Line(testid="first-explained")
        self.error = shell.Line(testid="launch-error", kind="error")
        self.button = shell.button(
            "Run", self.run, variant="contained", color="primary", size="medium", sx={}
        )
        self._latest = Latest(_drawn, self._show)
        self.models.param.watch(lambda event: self.param.update(model=event.new), "value")
        self.kinds.param.watch(lambda event: self.param.update(explained=event.new), "value")
        self._tell_model()
        self._tell_explained()

    def __panel__(self) -> pmui.Column:
        return pmui.Column(
            shell.step(1, "Pick a model", self.models, self.about),
            shell.step(2, "What shall it explain?", self.kinds, self.teach),
            shell.step(3, "Let it work", shell.html(_WORK), self.button, self.error),
            sizing_mode="stretch_width",
            margin=0,
        )

    @property
    def request(self) -> Request:
        """What to submit."""
        observation = {"kind": "default"} | ({"hidden": self.seed} if self.explained == "hidden" else {})
        return Request(self.model, "snpe", dict(CONFIG), observation, self.seed)

    def run(self) -> None:
        """Submit it; a second click meanwhile does nothing."""
        if self.button.disabled:
            return
        self.button.disabled = True
        try:
            self.start(self.request)
        except (ValueError, OSError) as error:
            self.error.text = str(error)
            self.button.disabled = False

    @param.depends("model", watch=True)
    def _tell_model(self) -> None:
        self._show((self.model, PLACEHOLDER))
        self._latest.ask(self.simulators[self.model])

    @param.depends("explained", watch=True)
    def _tell_explained(self) -> None:
        self.teach.text = EXPLAIN[self.explained]

    def _show(self, drawn: tuple[str, str]) -> None:
        name, markup = drawn
        if name == self.model:
            self.about.object = about(self.simulators[name], markup)


def about(simulator: Simulator, drawn: str) -> str:
    """Markup: what the model does, as a picture and in words."""
    sizes = words.count(simulator.prior.dim, "parameter"), words.count(simulator.num_features, "feature")
    return (
        f'<div class="first">{drawn}<div><p>{escape(simulator.summary)}</p>'
        f'<p class="summary">{escape(TEACH[simulator.name])}</p>'
        f'<p class="quiet small">{" · ".join(sizes)}</p></div></div>'
    )


def _drawn(simulator: Simulator) -> tuple[str, str]:
    return simulator.name, picture(simulator)


def _choice(label: str, options: Mapping[str, str], value: str) -> pmui.RadioButtonGroup:
    return pmui.RadioButtonGroup(
        label=label, options=dict(options), value=value, size="small", margin=(0, 0, 14, 0),
        sx=shell.TOGGLE_SX, stylesheets=[shell.HIDDEN_LABEL],
    )  # fmt: skip


_WORK = """<p>The model is simulated 2 000 times with parameters from its prior; a small network learns
from that which parameters go with which data, and is asked about these. Then the answer is checked.</p>
<p class="quiet small" data-testid="first-budget" style="margin: 6px 0 14px">Under a minute, mostly to
compile (a spiking neuron: twice that); seconds when it has been done before on this machine.</p>"""
