"""How the training went, or is going: training and held-out loss, by epoch and round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import panel as pn
import xarray as xr

from dashboard import shell, theme
from dashboard.views.groups import group
from dashboard.words import number

LOSSES = {"train_loss": ("prior", "training rows"), "validation_loss": ("model", "held-out rows")}


class TrainingCurve(pn.viewable.Viewer):
    """Loss curves; `update` redraws only the lines, so that it can be called every second.

    Args:
        losses: a result's tree, or the journal of a run.
    """

    def __init__(self, losses: xr.DataTree | Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__()
        self.summary = shell.Line(testid="training-summary")
        self.figure = theme.figure(
            "epoch", "loss: −log density (nats)", height=300, tools="pan,box_zoom,reset,save"
        )
        self._sources = {name: theme.source("epoch", "loss") for name in LOSSES}
        self._best = theme.source("epoch", "loss")
        self._begins = theme.source("epoch")
        for name, (role, _) in LOSSES.items():
            line = self.figure.line("epoch", "loss", source=self._sources[name], line_width=2)
            theme.paint(line, line_color=role)
        dot = self.figure.scatter("epoch", "loss", source=self._best, size=9, line_width=2)
        theme.paint(dot, fill_color="surface", line_color="model")
        begins = self.figure.vspan(x="epoch", source=self._begins, line_width=1, line_dash="dashed")
        theme.paint(begins, line_color="prior")
        self.update(losses)

    def __panel__(self) -> pn.Column:
        legend = shell.legend(*LOSSES.values())
        pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        return pn.Column(legend, pane, self.summary, margin=0, sizing_mode="stretch_width")

    def update(self, losses: xr.DataTree | Sequence[Mapping[str, Any]]) -> None:
        """Show these losses instead."""
        curves = losses_of_tree(losses) if isinstance(losses, xr.DataTree) else losses_of_journal(losses)
        epochs = np.arange(1, len(curves["round"]) + 1)
        held_out, rounds = curves["validation_loss"], curves["round"]
        best = [_best(held_out, rounds == number) for number in np.unique(rounds)]
        best = [at for at in best if at is not None]
        begins = np.flatnonzero(np.diff(rounds)) + 1
        with pn.io.hold():
            for name, source in self._sources.items():
                known = np.isfinite(
                    curves[name]
                )  # what is missing must not tear the line, another round does
                data = {"epoch": epochs[known].astype(float), "loss": curves[name][known]}
                cuts = np.flatnonzero(np.diff(rounds[known])) + 1
                source.data = {key: np.insert(values, cuts, np.nan) for key, values in data.items()}
            self._best.data = {"epoch": epochs[best], "loss": held_out[best]}
            self._begins.data = {"epoch": begins + 0.5}
            self.summary.text = _sentence(curves, best) + _cycles(losses)


def losses_of_tree(tree: xr.DataTree) -> dict[str, np.ndarray]:
    """Losses and round by epoch, rounds one after the other; empty where nothing was trained."""
    stored = group(tree, "training")
    found = {name: np.asarray(stored[name].values, float).ravel() for name in LOSSES if name in stored}
    length = max((len(values) for values in found.values()), default=0)
    rounds = np.asarray(stored["round"].values, int) if "round" in stored else np.zeros(length, int)
    return {name: found.get(name, np.full(length, np.nan)) for name in LOSSES} | {"round": rounds}


def losses_of_journal(events: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Losses and round by epoch from the events of a run; a later one about an epoch replaces an earlier.

    Events may skip epochs when they come fast: those are NaN. A round that begins anew is put after the last.
    """
    rows: dict[int, Mapping[str, Any]] = {}
    offset = previous = 0
    begins = []
    for event in events:
        if event.get("stage") != "train" or not set(LOSSES) & set(event.get("values") or {}):
            continue
        epoch = int(event["done"])
        if epoch < previous and epoch <= 1:
            offset += previous
            begins.append(offset)
        previous = epoch
        rows[offset + epoch] = event["values"]
    length = max(rows, default=0)
    curves = {name: np.full(length, np.nan) for name in LOSSES}
    for epoch, values in rows.items():
        for name, curve in curves.items():
            value = values.get(name)
            curve[max(epoch, 1) - 1] = np.nan if value is None else value
    return curves | {"round": np.searchsorted(np.array(begins, int), np.arange(length), side="right")}


def _best(held_out: np.ndarray, where: np.ndarray) -> int | None:
    """Position of the lowest loss among some epochs."""
    known = np.flatnonzero(where & np.isfinite(held_out))
    return int(known[np.argmin(held_out[known])]) if known.size else None


def _sentence(curves: dict[str, np.ndarray], best: list[int]) -> str:
    held_out, rounds = curves["validation_loss"], curves["round"]
    if not best:
        return (
            "No epoch has ended yet." if not held_out.size else "The loss is undefined in every epoch so far."
        )
    last = int(np.flatnonzero(np.isfinite(held_out))[-1])
    words = f"Epoch {last + 1}: held-out loss {number(held_out[last])}"
    words = f"{words}, best {number(held_out[best[-1]])} in epoch {best[-1] + 1}."
    if not rounds[last]:
        return words
    return (
        f"Round {rounds[last] + 1}. {words} Dashed lines part the rounds, whose losses are of different "
        "simulations and do not compare."
    )


def _cycles(losses: xr.DataTree | Sequence[Mapping[str, Any]]) -> str:
    """Why the curve has steps, where it has."""
    cycle = group(losses, "training").get("cycle") if isinstance(losses, xr.DataTree) else None
    if cycle is None or len(np.unique(cycle.values)) < 2:
        return ""
    return f" It rises where one of the {len(np.unique(cycle.values))} cycles of the learning rate begins."
