"""Words and numbers of the pair mosaic."""

import numpy as np
import pytest

from dashboard.views.canvas_text import label_at, tick_label, ticks
from dashboard.views.labels import split_label
from dashboard.views.mosaic_layout import MosaicLayout
from dashboard.views.mosaic_texts import coefficients


def test_coefficients_stand_above_the_diagonal_and_leave_out_what_is_undefined():
    matrix = np.array([[1.0, -0.5, np.nan], [-0.5, 1.0, 0.25], [np.nan, 0.25, 1.0]])
    layout = MosaicLayout(3, 10)
    found = coefficients(layout, matrix)
    assert found["text"] == ["−0.50", "+0.25"]
    assert found["x"][0] > layout.left(1)
    assert found["y"][0] > layout.bottom(0)


@pytest.mark.parametrize(
    ("label", "parts"),
    [
        (r"$g_\mathrm{Na}$", ("g", "Na")),
        (r"$-V_T$", ("−V", "T")),
        (r"$\tau_\mathrm{max}$", ("τ", "max")),
        ("g_K", ("g K", "")),
        ("w[0]", ("w[0]", "")),
        ("a<b", ("a<b", "")),
    ],
)
def test_labels_are_split_for_a_canvas(label, parts):
    assert split_label(label) == parts


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        (1e-4, 15.0, "0"),
        (0.6, 0.6, "0.6"),
        (3000.0, 2950.0, "3000"),
        (0.5, 80.0, "0.5"),
        (-40.0, 50.0, "−40"),
        (1e-7, 1e-7, "1.00e−07"),
    ],
)
def test_ends_of_axes_are_short(value, span, text):
    assert tick_label(value, span) == text


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.5, 80.0, [20, 40, 60, 80]),
        (1e-4, 0.15, [0.05, 0.1, 0.15]),
        (50.0, 3000.0, [1000, 2000, 3000]),
        (-1.0, 1.0, [-1, -0.5, 0, 0.5, 1]),
        (3.0, 3.001, [3.0, 3.00025, 3.0005, 3.00075, 3.001]),
    ],
)
def test_ticks_are_round_and_inside(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


def test_base_and_subscript_meet():
    base, sub = label_at((3.0, 4.0), r"$g_\mathrm{Na}$", align="left")
    assert (base.align, sub.align) == ("right", "left")
    assert sub.dx == base.dx + 1
    assert [piece.align for piece in label_at((3.0, 4.0), "w[0]", align="left")] == ["left"]
