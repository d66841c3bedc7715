import time
import types

import numpy as np
import pytest
from panel.util import edit_readonly

from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.mosaic_figure import MosaicFigure
from dashboard.views.mosaic_layout import Cell, MosaicLayout
from dashboard.views.pair_mosaic import CHOSEN, PairMosaic
from dashboard.views.selection import Selection
from inference.analysis import bin_draws, hdr_levels


def many(dim, *, num=300):
    random = np.random.default_rng(0)
    values = random.normal(size=(num, dim))
    return PosteriorDraws(
        tuple(f"p{k}" for k in range(dim)), values, prior=random.normal(0, 2, size=(num, dim))
    )


def brush(view, x0, y0, x1, y1, *, final=True):
    geometry = {"type": "rect", "x0": x0, "x1": x1, "y0": y0, "y1": y1}
    view._brushed(types.SimpleNamespace(geometry=geometry, final=final))


def move(slider, *ends):
    slider.value = ends
    with edit_readonly(slider):  # as the browser does when the mouse is released
        slider.value_throttled = ends


def picture(view, role):
    return np.asarray(view._mosaic._pictures[role].data_source.data["image"][0])


def test_layout_and_point_agree():
    layout = MosaicLayout(5, 96)
    for cell in [*layout.cells, Cell(2, 2)]:
        x, y = layout.left(cell.column) + 48, layout.bottom(cell.row) + 48
        assert layout.cell_at(x, y) == cell
    assert layout.cell_at(layout.side - 1, layout.side - 1) == Cell(0, 4)  # upper triangle
    assert layout.cell_at(-30, 10) is None
    assert layout.side == 5 * 96 + 4 * 6


def test_picture_puts_every_pair_in_its_cell():
    layout = MosaicLayout(3, 4)
    levels = np.stack([np.full((4, 4), k + 1, np.uint8) for k in range(3)])
    image = layout.picture(levels, layout.cells)
    for k, cell in enumerate(layout.cells):
        tile = image[layout.bottom(cell.row) :, layout.left(cell.column) :][:4, :4]
        assert (tile == k + 1).all()
    assert (image > 0).sum() == 3 * 16


def test_the_mosaic_shows_the_levels_of_its_draws(toy_tree):
    view = PairMosaic(toy_tree)
    draws = posterior_draws(toy_tree)
    bins = bin_draws(draws.values, *draws.whole_range, num_bins=96)
    layout = MosaicLayout(3, 96)
    levels = hdr_levels(bins, layout.pairs(layout.cells))
    np.testing.assert_array_equal(picture(view, "model"), layout.picture(levels, layout.cells))
    assert not picture(view, "selection").any()


def test_the_reference_is_above_the_diagonal_in_the_same_axes():
    draws = many(3)
    moved = PosteriorDraws(draws.names, draws.values + [4.0, 0.0, 0.0])
    view = PairMosaic(draws, zoomed=True, reference=moved)
    layout, upper = view._mosaic.layout, picture(view, "reference")
    assert view._span[1][0] > draws.zoomed_range[1][0] + 2  # the reference is not cut off
    assert not (upper > 0)[picture(view, "model") > 0].any()
    for cell in layout.upper_cells:
        tile = upper[layout.bottom(cell.row) :, layout.left(cell.column) :][:96, :96]
        assert (tile > 0).any()
    assert view._mosaic._coefficients.data["x"] == []
    assert all(view._detail._outlines.data["xs"])
    view.cell = (0, 0)
    assert np.max(view._detail._curves["reference"].data["y"]) > 0
    assert not any(view._detail._outlines.data["xs"])
    assert "reference" in dict(view.meanings())


def test_a_narrow_reference_is_not_cut_off_on_the_diagonal():
    draws = many(2)
    narrow = PosteriorDraws(draws.names, draws.values / 5)
    view = PairMosaic(draws, reference=narrow)
    floor = view._mosaic.layout.bottom(0)
    tops = {role: np.max(view._mosaic._histograms[role].data_source.data["ys"][0]) - floor
            for role in ("model", "reference")}  # fmt: skip
    assert tops["reference"] == pytest.approx(0.92 * 96)
    assert tops["model"] < tops["reference"] / 2


def test_a_reference_of_the_same_draws_mirrors_them():
    draws = many(2)
    view = PairMosaic(draws, reference=draws)
    layout, lower, upper = view._mosaic.layout, picture(view, "model"), picture(view, "reference")
    below = lower[layout.bottom(1) :, layout.left(0) :][:96, :96]
    above = upper[layout.bottom(0) :, layout.left(1) :][:96, :96]
    np.testing.assert_array_equal(above, below.T)


def test_a_box_in_a_cell_selects_what_it_covers(toy_tree):
    view, layout = PairMosaic(toy_tree), MosaicLayout(3, 96)
    left, bottom = layout.left(0), layout.bottom(1)
    brush(view, left + 48, bottom, left + 60, bottom + 48)  # g_Na from 40 to 50, tau from 1 to 2
    assert view.selection.ranges["g_Na"] == pytest.approx((40, 50))
    assert view.selection.ranges["tau"] == pytest.approx((1, 2))
    assert view.cell == (1, 0)
    rows = view.selection.rows(view.draws)
    assert view.summary.text.startswith(f"{rows.size} of 2 000 draws selected: g_Na 40")
    bins = bin_draws(view.draws.values, *view.draws.whole_range, num_bins=96)
    levels = hdr_levels(bins, layout.pairs(layout.cells), rows)
    np.testing.assert_array_equal(picture(view, "selection"), layout.picture(levels, layout.cells))


def test_a_box_in_either_triangle_selects_draws_of_both():
    """The same pair brushed below and above the diagonal, where its axes are exchanged."""
    draws, other = many(3), many(3, num=200)
    reference = PosteriorDraws(other.names, other.values[::-1] * [0.5, 1.0, 1.0])
    below, above = (PairMosaic(draws, zoomed=True, reference=reference) for _ in range(2))
    layout = below._mosaic.layout
    x, y = layout.left(0), layout.bottom(2)
    brush(below, x + 30, y + 48, x + 60, y + 90)
    x, y = layout.left(2), layout.bottom(0)
    brush(above, x + 48, y + 30, x + 90, y + 60)
    assert (below.cell, above.cell) == ((2, 0), (0, 2))
    assert list(above.selection.ranges) == ["p0", "p2"]
    for name, ends in below.selection.ranges.items():
        assert above.selection.ranges[name] == pytest.approx(ends)
    np.testing.assert_array_equal(picture(above, "selection"), picture(below, "selection"))
    mine, theirs = (above.selection.rows(each) for each in (draws, reference))
    bins = [bin_draws(each.values, *above._span, num_bins=96) for each in (draws, reference)]
    lower = layout.picture(hdr_levels(bins[0], layout.pairs(layout.cells), mine), layout.cells)
    upper = layout.picture(hdr_levels(bins[1], layout.pairs(layout.upper_cells), theirs), layout.upper_cells)
    np.testing.assert_array_equal(picture(above, "selection"), lower + upper)
    assert above.summary.text.startswith(
        f"{mine.size} of 300 draws ({100 * mine.size / 300:.2g} %) and {theirs.size} of 200 of the reference "
        f"({100 * theirs.size / 200:.2g} %) selected: p0 "
    )
    # Its own pair, and a band for each of the two parameters.
    assert len(above._mosaic._brush.data_source.data["xs"]) == 4


def test_the_selected_of_a_reference_are_circled_and_dashed_and_cleared():
    draws = many(2)
    view = PairMosaic(draws, reference=PosteriorDraws(draws.names, draws.values + 0.5))
    view.selection.ranges = {"p1": (0.0, 1.0)}
    circles = view._detail._chosen_points.data
    assert np.min(circles["y"]) >= 0
    assert len(circles["x"]) == view.selection.rows(view.reference).size
    assert len(view._mosaic._chosen.data_source.data["xs"]) == 2
    view.cell = (1, 1)
    assert np.max(view._detail._chosen_curve.data["y"]) > 0
    assert view._detail._chosen_points.data["x"] == []
    view.selection.clear()
    assert view._detail._chosen_curve.data["x"] == []
    assert view._mosaic._chosen.data_source.data["xs"] == []
    assert not picture(view, "selection").any()
    assert "dashed or circled" in dict(view.meanings())["selection"]


def test_a_reference_of_few_draws_is_shown_as_points_over_the_regions():
    """A hall of fame: each point in each cell of its pair, and along the floor of the diagonal."""
    draws = many(3)
    best = PosteriorDraws(draws.names, draws.values[:5] / 2)
    view = PairMosaic(draws, zoomed=True, reference=best)
    assert len(view._mosaic._dots.data_source.data["x"]) == 5 * (6 + 3)
    assert not picture(view, "reference").any()
    assert view._detail._dots.data["x"].tolist() == best.values[:, 0].tolist()
    view.cell = (1, 1)
    assert view._detail._dots.data["y"].tolist() == [0.0] * 5
    view.selection.ranges = {"p0": (-0.5, 0.5)}
    assert picture(view, "selection").any()
    assert "of 5 of the reference" in view.summary.text
    assert dict(view.meanings())["reference"] == "reference: its points"


def test_without_a_reference_nothing_is_brushed_above_the_diagonal(toy_tree):
    view, layout = PairMosaic(toy_tree), MosaicLayout(3, 96)
    left, bottom = layout.left(2), layout.bottom(0)
    brush(view, left + 10, bottom + 10, left + 60, bottom + 60)
    assert view.selection.ranges == {}


def test_a_box_on_the_diagonal_selects_one_parameter(toy_tree):
    view, layout = PairMosaic(toy_tree), MosaicLayout(3, 96)
    left, bottom = layout.left(2), layout.bottom(2)
    brush(view, left + 10, bottom + 10, left + 40, bottom + 20)
    assert list(view.selection.ranges) == ["w"]


@pytest.mark.parametrize("box", [(700, 700, 800, 800), (10, 10, 11, 60), (-50, -50, -40, -40)])
def test_a_box_outside_or_a_slipped_click_selects_nothing(toy_tree, box):
    view = PairMosaic(toy_tree)
    brush(view, *box)
    assert view.selection.ranges == {}


def test_a_box_still_being_drawn_selects_nothing(toy_tree):
    view = PairMosaic(toy_tree)
    brush(view, 10, 10, 60, 60, final=False)
    assert view.selection.ranges == {}


def test_a_selection_from_elsewhere_is_shown_and_cleared(toy_tree):
    selection = Selection(ranges={"g_Na": (40.0, 80.0)})
    view = PairMosaic(toy_tree, selection)
    assert picture(view, "selection").any()
    assert np.asarray(view._detail._points["selection"].data["x"]).min() >= 40
    selection.clear()
    assert not picture(view, "selection").any()
    assert "none selected" in view.summary.text


def test_a_selection_without_draws_shows_none(toy_tree):
    view = PairMosaic(toy_tree, Selection(ranges={"g_Na": (1.0, 1.1)}))
    assert not picture(view, "selection").any()
    assert view.summary.text.startswith("0 of 2 000 draws")


def test_zoom_keeps_the_selection_and_changes_the_axes(toy_tree):
    view = PairMosaic(toy_tree, Selection(ranges={"g_Na": (40.0, 80.0)}))
    before = view._detail.figure.x_range.end
    view.zoomed = True
    assert view._detail.figure.x_range.end < before
    assert picture(view, "selection").any()
    assert view.selection.ranges == {"g_Na": (40.0, 80.0)}


def test_a_tap_shows_a_cell_in_detail(toy_tree):
    view, layout = PairMosaic(toy_tree), MosaicLayout(3, 96)
    view._tapped(types.SimpleNamespace(x=layout.left(1) + 5, y=layout.bottom(2) + 5))
    assert view._detail.figure.xaxis[0].axis_label == "tau (ms)"
    assert view._detail.figure.yaxis[0].axis_label == "w"
    view._tapped(types.SimpleNamespace(x=layout.left(1) + 5, y=layout.bottom(1) + 5))
    assert view._detail.figure.yaxis[0].axis_label == "density (1/(ms))"
    assert "median" in view._detail._summary.text


def test_detail_regions_hold_their_shares(toy_tree):
    view = PairMosaic(toy_tree)
    assert [bool(source.data["xs"][0]) for source in view._detail._regions] == [True] * 3
    assert view._detail._truth.data["x"] == [40.0]


def test_sliders_select_by_numbers_and_follow(toy_tree):
    view = PairMosaic(toy_tree)
    slider = view._ranges._sliders[0]
    assert slider.label == "g_Na (mS/cm²)"
    move(slider, 30.0, 40.0)
    assert view.selection.ranges == {"g_Na": (30.0, 40.0)}
    view.selection.ranges = {"g_Na": (10.0, 20.0), "tau": (1.5, 2.0)}
    assert slider.value == (10.0, 20.0)
    move(slider, 0.0, 80.0)
    assert view.selection.ranges == {"tau": (1.5, 2.0)}


def test_many_parameters_are_shown_in_part_and_chosen():
    view = PairMosaic(many(31))
    assert len(view.shown) == 12
    view.selection.ranges = {"p0": (0.0, 1.0)}
    chosen = ["p30", "p0", "p7"]
    view.shown = chosen
    assert view._mosaic.layout.dim == 3
    assert picture(view, "selection").any()
    view.shown = []  # in the middle of choosing: what was shown stays
    assert view._mosaic.layout.dim == 3


def circuit_like():
    """31 parameters of three cells and their synapses."""
    names = [f"{cell}_{current}" for cell in ("ABPD", "LP", "PY") for current in "abcdefgh"]
    names += [f"AB-{k}" for k in range(7)]
    values = np.random.default_rng(0).normal(size=(10_000, 31))
    prior = 3 * np.random.default_rng(1).normal(size=(2_000, 31))
    return PosteriorDraws(tuple(names), values, prior=prior)


def test_groups_of_31_parameters_can_be_chosen_or_all_of_them():
    view = PairMosaic(circuit_like())
    sizes = {name: len(members) for name, members in view.choices.items()}
    assert sizes == {"the 12 best known": 12, "all 31": 31, "ABPD": 8, "LP": 8, "PY": 8, "others": 7}
    (row,) = view._chooser()
    groups, chosen = row
    groups.value = "PY"
    assert view.shown == [f"PY_{current}" for current in "abcdefgh"]
    assert not chosen.visible
    view.shown = ["LP_a", "PY_b"]
    assert groups.value == CHOSEN
    assert chosen.visible


@pytest.mark.long
def test_all_31_are_named_coloured_by_correlation_and_brushed_within_a_blink():
    view = PairMosaic(circuit_like())
    view.shown = view.choices["all 31"]
    mosaic = view._mosaic
    assert set(mosaic._names.texts) == set(view.draws.names)
    assert mosaic._ends.texts == []
    words = mosaic._coefficients.data
    assert set(words["text"]) == {""}
    assert np.isfinite(words["value"]).all()
    took = []
    for k in range(7):
        start = time.process_time()
        view.selection.ranges = {"LP_a": (0.1 * k, 2.0)}
        took.append(time.process_time() - start)
    # About 0.06 s of computing on one core; the least of seven, because other work may disturb.
    assert min(took) < 0.15


def test_a_brush_over_31_parameters_and_a_reference_takes_twice_as_long_at_most():
    draws = circuit_like()
    view = PairMosaic(draws, reference=PosteriorDraws(draws.names, draws.values[::-1]))
    view.shown = view.choices["all 31"]
    took = []
    for k in range(5):
        start = time.process_time()
        view.selection.ranges = {"LP_a": (0.1 * k, 2.0)}
        took.append(time.process_time() - start)
    assert min(took) < 0.3


def test_one_parameter_has_a_mosaic_of_one():
    view = PairMosaic(many(1))
    assert view.cell == (0, 0)
    assert view._mosaic.layout.dim == 1


def test_nothing_is_needed_but_draws():
    bare = PosteriorDraws(("a", "b"), np.random.default_rng(0).normal(size=(50, 2)))
    view = PairMosaic(bare)
    assert view._mosaic._prior.data_source.data["xs"] == []
    assert [role for role, _ in view.meanings()] == ["model", "selection"]


def test_levels_follow_the_colour_of_the_histograms():
    draws = many(2)
    mosaic = MosaicFigure(draws, bin_draws(draws.values, *draws.whole_range, num_bins=16))
    mosaic._histograms["model"].glyph.fill_color = "#123456"
    assert mosaic._pictures["model"].glyph.color_mapper.palette[1:] == ["#12345638", "#12345680", "#123456f2"]
