"""A picture of each model as SVG, simulated from a fixed key when the pages are built.

They are kept in docs/_generated, which git ignores, and made again when a file of `simulators/`, or this
one, is newer.
Grey axes and no background: they suit light and dark pages.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util import logging

from dashboard import live
from dashboard.palettes import ORDERED_LIGHT
from inference.decimate import decimated, decimated_time
from simulators import SIMULATORS, ImageAxes, RecordingAxes, Simulator

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "docs" / "_generated"
BLUE, PINK, GREY, AXES = "#2f8fd0", "#c0699c", "#98a3ad", "#727d87"
DARK_TEXT, LIGHT_TEXT = "#3f4a54", "#c3ccd4"  # of the drawing of the layers, on light and dark pages
WIDTH, POINTS, NUM_DRAWS = 7.2, 900, 1_500
STYLE = {
    "axes.edgecolor": AXES,
    "axes.labelcolor": AXES,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "posterior-lab",
    "text.color": AXES,
    "xtick.color": AXES,
    "ytick.color": AXES,
}
_log = logging.getLogger(__name__)


def draw(simulator: Simulator) -> Figure:
    """The model at the parameters of its built-in observation, or its exact posterior without a recording."""
    if simulator.axes is None:
        return _posterior(simulator)
    single = live.sketch(simulator) if live.has_sketch(simulator) else live.single(simulator)
    shown = np.asarray(single(0, live.home_theta(simulator)).recording)
    if isinstance(simulator.axes, ImageAxes):
        return _image(shown, simulator.axes)
    return _recording(shown, simulator.axes)


def _label(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _recording(values: np.ndarray, axes: RecordingAxes) -> Figure:
    rows = np.atleast_2d(values)
    num_lanes = 1 if axes.overlaid else len(rows)
    ratios = [3 if num_lanes == 1 else 1] * num_lanes + [1] * (axes.stimulus is not None)
    figure = Figure((WIDTH, min(0.9 + 0.7 * sum(ratios), 5.2)), layout="constrained")
    frames = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    points = POINTS // 2 if len(rows) > 1 else POINTS
    time = decimated_time(axes.time, max_points=points)
    colours = [BLUE]
    if axes.overlaid and len(rows) > 1:
        colours = [ORDERED_LIGHT[40:][k] for k in np.linspace(0, 167, len(rows)).astype(int)]
    for index, row in enumerate(rows):
        frame = frames[0 if axes.overlaid else index]
        frame.plot(time, decimated(row, max_points=points), color=colours[index % len(colours)], lw=0.9)
    for frame, name in zip(frames, axes.rows if num_lanes > 1 else (axes.channel,), strict=False):
        frame.set_ylabel(_label(name, axes.unit if num_lanes == 1 else ""))
    if axes.stimulus is not None:
        frames[-1].plot(time, decimated(np.asarray(axes.stimulus), max_points=points), color=PINK, lw=0.9)
        frames[-1].set_title(axes.stimulus_name, loc="left", fontsize=8, pad=2)
        frames[-1].set_ylabel(axes.stimulus_unit)
    frames[-1].set_xlabel(f"time ({axes.time_unit})")
    return figure


def _image(image: np.ndarray, axes: ImageAxes) -> Figure:
    figure = Figure((3.6, 3.0), layout="constrained")
    frame = figure.subplots()
    largest = float(np.abs(image).max())
    ends = (axes.x[0], axes.x[-1], axes.y[0], axes.y[-1])
    drawn = frame.imshow(image, cmap="PuOr_r", vmin=-largest, vmax=largest, extent=ends, origin="lower")
    frame.set(xlabel=_label("x", axes.place_unit), ylabel=_label("y", axes.place_unit))
    figure.colorbar(drawn, label=_label(axes.name, axes.unit)).outline.set_visible(False)
    return figure


def _posterior(simulator: Simulator) -> Figure:
    """Draws of the prior and of the exact posterior of the built-in observation."""
    x = jnp.asarray(simulator.default_observation().x)
    assert simulator.exact_posterior is not None
    num = NUM_DRAWS if simulator.prior.dim > 1 else 20 * NUM_DRAWS
    before = np.asarray(simulator.prior.sample(jax.random.key(1), num))
    after = np.asarray(simulator.exact_posterior(jax.random.key(2), x, num))
    names = simulator.prior.names
    figure = Figure((3.8, 3.0), layout="constrained")
    frame = figure.subplots()
    if simulator.prior.dim == 1:
        bins = np.linspace(before.min(), before.max(), 200)
        for rows, colour, name in ((before, GREY, "prior"), (after, BLUE, "exact posterior")):
            frame.hist(rows[:, 0], bins=bins, density=True, histtype="step", color=colour, label=name)
        frame.set(xlabel=names[0], ylabel="density")
    else:
        for rows, colour, name in ((before, GREY, "prior"), (after, BLUE, "exact posterior")):
            frame.plot(*rows[:, [0, -1]].T, ".", ms=2, color=colour, label=name, rasterized=True)
        frame.set(xlabel=names[0], ylabel=names[-1])
    frame.legend(frameon=False, fontsize=8)
    return figure


def make(name: str) -> None:
    """Write the picture of a model, unless it is there and newer than the models."""
    path = FOLDER / f"{name}.svg"
    newest = max(file.stat().st_mtime for file in [Path(__file__), *(ROOT / "simulators").rglob("*.py")])
    if path.exists() and path.stat().st_mtime > newest:
        return
    _log.info("drawing %s", name)
    FOLDER.mkdir(exist_ok=True)
    with mpl.rc_context(STYLE):
        half = path.with_suffix(".part")
        draw(SIMULATORS[name]).savefig(half, format="svg", transparent=True, dpi=150, metadata={"Date": None})
    half.replace(path)


def _make_all(app: Sphinx) -> None:
    for name in SIMULATORS:
        make(name)
    layers = (ROOT / "docs" / "_static" / "layers.svg").read_text()
    (FOLDER / "layers-dark.svg").write_text(layers.replace(DARK_TEXT, LIGHT_TEXT))


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw what is missing before pages are read."""
    app.connect("builder-inited", _make_all)
    return {"parallel_read_safe": True}
