"""The models on offer, each with a small live picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from html import escape

import panel as pn
import panel_material_ui as pmui

from dashboard import links, shell, words
from dashboard.background import in_background
from dashboard.views.pictures import PLACEHOLDER, picture
from simulators import Simulator


class Gallery(pn.viewable.Viewer):
    """One card per model; the pictures arrive when they are simulated."""

    def __init__(self, simulators: Mapping[str, Simulator]) -> None:
        super().__init__()
        self.simulators = dict(simulators)
        self.cards = {
            name: shell.html(card(one, PLACEHOLDER), css_classes=["fill"])
            for name, one in self.simulators.items()
        }
        for name, simulator in self.simulators.items():
            in_background(partial(picture, simulator), partial(self._show, name))

    def __panel__(self) -> pmui.Column:
        return shell.columns(
            *self.cards.values(), widths="repeat(auto-fill, minmax(300px, 1fr))", align="stretch"
        )

    def _show(self, name: str, drawn: str) -> None:
        self.cards[name].object = card(self.simulators[name], drawn)


def card(simulator: Simulator, drawn: str) -> str:
    """Markup of one model: picture, name, one sentence, size, and where to go."""
    name, title = escape(simulator.name), escape(simulator.title or simulator.name)
    sizes = words.count(simulator.prior.dim, "parameter"), words.count(simulator.num_features, "feature")
    explore, run = links.model_url(simulator.name), links.infer_url(simulator.name)
    return (
        f'<article class="model" data-testid="model-{name}">{drawn}'
        f'<h3><a class="plain" href="{explore}">{title}</a></h3>'
        f'<p>{escape(simulator.summary)}</p><p class="quiet small">{" · ".join(sizes)}</p>'
        f'<p class="actions"><a class="button" href="{explore}" aria-label="Explore {title}">Explore</a>'
        f'<a class="button accent" href="{run}" aria-label="New run with {title}">New run</a></p></article>'
    )
