"""Figures as SVG and PDF files, and the data and notebook cells beside them."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import inference
from dashboard import theme
from dashboard.explore_correlations import CorrelationView
from dashboard.explore_linked import LinkedView
from dashboard.figure_files import figure_file
from dashboard.views.drawing import columns
from dashboard.views.draws import posterior_draws
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.selection import Selection

MEANINGS = (("model", "what the model does"), ("diverging", "from −1 to 1"))


def words(file):
    """The text of an SVG, in which Matplotlib notes what each group of letters says."""
    content = file.getvalue().decode()
    ElementTree.fromstring(content)  # noqa: S314  our own
    return re.findall(r"<!-- (.*?) -->", content)


@pytest.fixture
def drawn():
    figure = theme.figure("time (ms)", "voltage (mV)")
    theme.paint(figure.line([0, 1, 2], [3, 4, 5]), line_color="model")
    return figure


def test_labels_title_note_and_legend_are_kept(drawn):
    told = words(figure_file("svg", [[drawn]], title="My run", note="It costs 3 $.", meanings=MEANINGS))
    for part in ("time (ms)", "voltage (mV)", "My run", "what the model does"):
        assert part in told


def test_a_pdf_is_one_and_other_kinds_are_refused(drawn):
    assert figure_file("pdf", [[drawn], [drawn]], title="").getvalue().startswith(b"%PDF")
    with pytest.raises(ValueError, match="written as svg or pdf; got 'exe'"):
        figure_file("exe", [[drawn]], title="")


def test_an_unknown_glyph_is_a_sentence(drawn):
    drawn.wedge(0, 0, 1, 0, 1)
    with pytest.raises(ValueError, match="Wedge cannot be written"):
        figure_file("svg", [[drawn]], title="")


def test_colours_are_those_of_the_figure(drawn):
    content = figure_file("svg", [[drawn]], title="").getvalue().decode()
    assert theme.LIGHT.model in content


def test_empty_sources_make_a_file():
    figure = theme.figure("x", "y")
    for source in (columns(xs=[[]], ys=[[]]), columns(xs=[], ys=[])):
        figure.multi_polygons("xs", "ys", source=source)
        figure.multi_line("xs", "ys", source=source)
        figure.patches("xs", "ys", source=source)
    figure.scatter("x", "y", source=columns(x=[], y=[]))
    assert "y" in words(figure_file("svg", [[figure]], title=""))


def files_of(view):
    """The buttons of a view, by what is written on them."""
    from panel_material_ui import FileDownload

    return {button.label: button for button in view.__panel__().select(FileDownload)}


@pytest.mark.parametrize("kind", ["SVG", "PDF"])
def test_the_mosaic_offers_what_is_seen(toy_tree, kind):
    selection = Selection(ranges={"g_Na": (38.0, 42.0)}, picked=3)
    view = PairMosaic(toy_tree, selection, file_name="my-run")
    button = files_of(view)[f"Figure as {kind}"]
    assert button.filename == f"my-run-pairs.{kind.lower()}"
    file = button.callback()
    if kind == "PDF":
        assert file.getvalue().startswith(b"%PDF")
    else:
        told = words(file)
        assert "mS/cm²" in told
        assert "Pairs of parameters · my-run" in told
        assert "draw 3 (ring)" in told


def test_the_mosaic_offers_the_selected_draws(toy_tree):
    view = PairMosaic(toy_tree, Selection(ranges={"g_Na": (38.0, 42.0)}))
    found = pd.read_csv(files_of(view)["Selected draws as CSV"].callback())
    assert list(found) == ["draw", "g_Na [mS/cm2]", "tau [ms]", "w"]
    assert found["g_Na [mS/cm2]"].between(38, 42).all()
    np.testing.assert_array_equal(found["draw"], view.selection.rows(view.draws))


def test_linked_views_offer_traces_and_cells_that_run(toy_tree, monkeypatch):
    selection = Selection(ranges={"g_Na": (36.0, 44.0)})
    view = LinkedView(toy_tree, selection, file_name="my-run")
    files = files_of(view.traces)
    found = pd.read_csv(files["These traces as CSV"].callback())
    shown = view.traces._lanes.sources["selection"].data["draw"]
    assert list(found)[:3] == ["time [ms]", "current [uA/cm2]", "recording [mV]"]
    np.testing.assert_allclose(
        found[f"draw {shown[0]} [mV]"], view.traces.traces.predicted[shown[0], 0], rtol=1e-5
    )
    told = words(files["Figure as SVG"].callback())
    assert "voltage (mV)" in told
    assert "time (ms)" in told
    result = SimpleNamespace(posterior=SimpleNamespace(prior=SimpleNamespace(names=["g_Na"])), tree=toy_tree)
    monkeypatch.setattr(inference, "load_result", lambda folder: result)
    monkeypatch.setattr("panel.extension", lambda *names: None)
    for cell in (view.mosaic.code, view.traces.cell):
        made = {}
        exec(compile(cell.code, "cell", "exec"), made)  # noqa: S102  our own code, as a notebook runs it
        assert made["selection"].ranges == selection.ranges


def test_matrices_and_the_pair_are_files(toy_tree):
    view = CorrelationView(posterior_draws(toy_tree), lambda: lambda theta: -0.5 * (theta**2).sum())
    view.correlating.num_draws = 2
    view.begin()
    told = words(view._files().objects[0].callback())
    assert {"g_Na", "tau", "w"} <= set(told)
    assert "correlation from −1 to 1" in told
    assert "g_Na (mS/cm²)" in words(view._pair_picture("svg"))
