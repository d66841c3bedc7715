"""The model page: move a model's parameters and watch. ``?name=hodgkin_huxley&g_Na=40&noise=3``."""

from __future__ import annotations

from html import escape

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard import links, live, shell
from dashboard.player import live_picture
from dashboard.views.exploration import Exploration
from dashboard.views.live_features import LiveFeatures
from dashboard.views.sliders import Sliders
from simulators import Simulator, all_simulators


def page() -> pmui.Page:
    """The page at the current address."""
    query, simulators = links.read_query(), all_simulators()
    name = query.choice("name", simulators, "hodgkin_huxley", kind="model")
    exploration = from_query(simulators[name], query)
    query.check_known(["name", "noise", *simulators[name].prior.names])
    links.keep_address(lambda: choices(exploration))
    content = introduction(simulators[name]), bench(exploration)
    return shell.page(simulators[name].title or name, *content, problems=query.problems)


def from_query(simulator: Simulator, query: links.Query) -> Exploration:
    """The exploration that an address describes; what it leaves out is as the model has it."""
    prior, home = simulator.prior, live.home_theta(simulator)
    theta = [
        query.number(name, float(value), low=float(low), high=float(high))
        for name, value, low, high in zip(prior.names, home, prior.low, prior.high, strict=True)
    ]
    noise = query.integer("noise", 0, low=0, high=2**32 - 1)
    return Exploration(simulator, theta=live.inside(prior, np.array(theta)), noise=noise)


def choices(exploration: Exploration) -> dict[str, object]:
    """What the address says: the model, and whatever differs from where it begins."""
    home = live.home_theta(exploration.simulator)
    moved = {
        name: f"{value:.6g}"
        for (name, value), default in zip(exploration.named.items(), home, strict=True)
        if not np.isclose(value, default)
    }
    return {"name": exploration.simulator.name, **moved, "noise": exploration.noise or ""}


def introduction(simulator: Simulator) -> pn.pane.HTML:
    """Title, summary, source, and the way on."""
    title, summary = escape(simulator.title or simulator.name), escape(simulator.summary)
    source = f'<p class="quiet small">{escape(simulator.source)}</p>' if simulator.source else ""
    words = f'<h1>{title}</h1><p class="lead tight">{summary}</p>{source}'
    onward = f'<a class="button strong" href="{links.infer_url(simulator.name)}">New run with this model</a>'
    return shell.html(f'<div class="between"><div>{words}</div>{onward}</div>', margin=(0, 0, 24, 0))


def bench(exploration: Exploration) -> pmui.Column:
    """Sliders on the left; on the right what the model does with them, and its features."""
    picture = live_picture(exploration)
    features = shell.card(shell.heading("Features", level=3), LiveFeatures(exploration))
    results = pmui.Column(shell.card(picture), features, sizing_mode="stretch_width", margin=0)
    return shell.columns(controls(exploration), results, widths="minmax(320px, 1fr) minmax(0, 2fr)")


def controls(exploration: Exploration) -> pmui.Paper:
    """The sliders, and what else one can do with the parameters."""
    actions = pmui.Row(
        shell.button("Reset", exploration.reset, help_text="Back to the built-in observation"),
        shell.button("Draw from prior", exploration.draw_from_prior),
        shell.button("New noise", exploration.new_noise, help_text="The same parameters"),
        sizing_mode="stretch_width",
        margin=(12, 0, 0, 0),
        sx={"flexWrap": "wrap", "gap": "8px"},
    )
    state = shell.Line(testid="model-state", kind="state")

    def tell(*_: object) -> None:
        compiling = "Compiling the model; this happens once …" if exploration.is_waiting else ""
        state.text = exploration.problem or compiling

    exploration.param.watch(tell, ["is_waiting", "problem"])
    tell()
    return shell.card(shell.heading("Parameters", level=3), Sliders(exploration), actions, state)


if pn.state.served:
    shell.serve(page)
