"""A small picture of what a model does, as SVG that takes its colours from the page."""

from __future__ import annotations

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from dashboard import live, palettes, png
from inference.decimate import decimated
from simulators import RecordingAxes, Simulator
from simulators.base import ImageAxes

WIDTH, HEIGHT = 340.0, 120.0
PAD = 8.0
MAX_POINTS = 480  # of a line
OVERLAID_POINTS = 2400  # of all sweeps
NUM_DOTS = 350
NUM_COUNTED = 20_000  # draws behind the picture of a model with one parameter
NUM_BINS = 61
STIMULUS_SHARE = 0.16  # of the height, at the bottom
NEGATIVE, POSITIVE = (0, 114, 178), (217, 105, 31)  # of images
_ORDERED = palettes.ORDERED_LIGHT[40:]  # seen on light and on dark


@lru_cache(maxsize=64)
def picture(simulator: Simulator) -> str:
    """Markup: the recording over its stimulus, or the image; without either, the posterior in the prior."""
    axes = simulator.axes
    if axes is None:
        return _svg(_scatter(simulator))
    draw = live.sketch(simulator) if live.has_sketch(simulator) else live.single(simulator)
    shown = np.asarray(draw(0, live.home_theta(simulator)).recording)
    return _svg(_image(shown, axes) if isinstance(axes, ImageAxes) else _recording(shown, axes))


def _recording(values: np.ndarray, axes: RecordingAxes) -> str:
    stimulus = axes.stimulus
    split = HEIGHT if stimulus is None else HEIGHT * (1 - STIMULUS_SHARE)
    below = "" if stimulus is None else _line(stimulus, "#b0628f", 1.3, (split, HEIGHT - PAD))
    rows = np.atleast_2d(np.nan_to_num(values))
    ends = float(rows.min()), float(rows.max())
    if axes.overlaid and axes.rows:
        at = np.linspace(0, len(_ORDERED) - 1, len(rows)).round().astype(int)
        few, frame = max(OVERLAID_POINTS // len(rows), 60), (PAD, split - PAD)
        sweeps = zip(rows, at, strict=True)
        return below + "".join(_line(row, _ORDERED[k], 1.1, frame, ends, few) for row, k in sweeps)
    tops = np.linspace(PAD, split - PAD, len(rows) + 1)
    gap, width = (0.0, 1.5) if len(rows) == 1 else (4.0, 1.1)
    lanes = zip(rows, tops[:-1], tops[1:] - gap, strict=True)
    return below + "".join(_line(row, "var(--accent)", width, (a, b), ends) for row, a, b in lanes)


def _image(image: np.ndarray, axes: ImageAxes) -> str:
    """A picture whose colours fade towards zero, so that it suits light and dark pages."""
    upright = image[::-1] if axes.y[-1] >= axes.y[0] else image  # pictures begin at the top
    share = np.nan_to_num(upright / (float(np.nanmax(np.abs(upright))) or 1.0))
    pixels = np.zeros((*share.shape, 4), np.uint8)
    pixels[..., :3] = np.where((share < 0)[..., None], NEGATIVE, POSITIVE)
    pixels[..., 3] = np.round(255 * np.abs(share))
    side, left = HEIGHT - 2 * PAD, (WIDTH - HEIGHT) / 2 + PAD
    frame = f'x="{left:.0f}" y="{PAD:.0f}" width="{side:.0f}" height="{side:.0f}"'
    outline = f'<rect {frame} fill="none" stroke="var(--hairline)"/>'
    return f'<image href="{png.data_url(pixels)}" {frame} image-rendering="pixelated"/>{outline}'


def _svg(inside: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="presentation">{inside}</svg>'


PLACEHOLDER = _svg(f'<text x="{PAD}" y="{HEIGHT / 2}" fill="var(--quiet)" font-size="11">simulating …</text>')


def _line(
    values: Float[np.ndarray, " T"],
    colour: str,
    width: float,
    frame: tuple[float, float],
    ends: tuple[float, float] | None = None,
    max_points: int = MAX_POINTS,
) -> str:
    """A line within a frame (top, bottom), to which the ends of its values are stretched."""
    few = decimated(np.nan_to_num(values), max_points=max_points)
    low, high = ends or (float(few.min()), float(few.max()))
    x = np.linspace(PAD, WIDTH - PAD, len(few))
    y = _scaled(few, low, high, frame[1], frame[0])
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _scatter(simulator: Simulator) -> str:
    """Two parameters, prior and exact posterior; or two features, where the posterior is not known."""
    prior_key, posterior_key = jax.random.split(jax.random.key(2))
    if simulator.exact_posterior is None:
        before = live.cloud(simulator)
        after = np.asarray(live.single(simulator)(0, live.home_theta(simulator)).x)[None]
    else:
        num = NUM_DOTS if simulator.prior.dim > 1 else NUM_COUNTED
        x = jnp.asarray(simulator.default_observation().x)
        before = np.asarray(simulator.prior.sample(prior_key, num))
        after = np.asarray(simulator.exact_posterior(posterior_key, x, num))
    if before.shape[1] == 1:
        return _hills(before[:, 0], after[:, 0])
    before, after = (rows[:NUM_DOTS, [0, -1]] for rows in (before, after))
    low, high = before.min(0), before.max(0)
    return _dots(before, low, high, "#87929c", 2.2, 0.5) + _dots(after, low, high, "var(--accent)", 2.6, 0.9)


def _hills(before: Float[np.ndarray, " n"], after: Float[np.ndarray, " m"]) -> str:
    """One number: its density before and after, as outlines over a common range."""
    edges = np.linspace(before.min(), before.max(), NUM_BINS + 1)
    heights = [np.histogram(values, edges, density=True)[0] for values in (before, after)]
    tallest = max(float(values.max()) for values in heights)
    tops = [HEIGHT - PAD - (HEIGHT - 2 * PAD) * float(values.max()) / tallest for values in heights]
    colours = ("#87929c", "var(--accent)")
    outlines = zip(heights, colours, tops, strict=True)
    return "".join(_line(np.pad(h, 1), colour, 1.6, (top, HEIGHT - PAD)) for h, colour, top in outlines)


def _dots(
    rows: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, size: float, opacity: float
) -> str:
    x = _scaled(rows[:, 0], low[0], high[0], PAD, WIDTH - PAD)
    y = _scaled(rows[:, 1], low[1], high[1], HEIGHT - PAD, PAD)
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    look = f'stroke="{colour}" stroke-width="{size}" stroke-opacity="{opacity}" stroke-linecap="round"'
    return f'<path d="{dots}" {look}/>'


def _scaled(values: np.ndarray, low: float, high: float, start: float, end: float) -> np.ndarray:
    return start + (end - start) * (values - low) / ((high - low) or 1.0)
