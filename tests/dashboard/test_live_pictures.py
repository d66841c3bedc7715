"""Cells, sweeps and images follow the sliders, in figures that fit; features that are slow come later."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bokeh.models import LinearColorMapper

from dashboard import live, palettes, theme
from dashboard.observations import built_in
from dashboard.pages import model
from dashboard.views import image_plot, recording_figures
from dashboard.views.exploration import Exploration
from dashboard.views.live_features import LiveFeatures
from dashboard.views.live_image import LiveImage
from dashboard.views.live_trace import LiveTrace
from dashboard.views.pictures import picture
from dashboard.views.recording_plot import RecordingPlot
from simulators import RecordingAxes


def test_each_cell_has_a_lane_and_all_have_one_scale(fakes):
    circuit = fakes["fake_circuit"]
    exploration = Exploration(circuit)
    trace = LiveTrace(exploration, circuit.axes)
    plot = trace.plot
    assert [figure.yaxis.axis_label for figure in plot.figures] == ["AB/PD (mV)", "LP (mV)", "PY (mV)"]
    assert [figure.xaxis.visible for figure in plot.figures] == [False, False, True]
    assert (
        len({figure.y_range for figure in plot.figures})
        == len({figure.x_range for figure in plot.figures})
        == 1
    )
    np.testing.assert_allclose(plot.sources["now"].data["y1"].max(), exploration.simulated.recording[1].max())
    assert len(plot.sources["now"].data["y2"]) == len(plot.sources["now"].data["t"]) <= 2000
    assert "AB/PD −5" in trace.summary.text
    before = plot.sources["now"].data["y0"]
    exploration.set("ABPD_Na", 0.1)
    assert np.abs(plot.sources["now"].data["y0"] - before).max() > 5
    np.testing.assert_array_equal(plot.sources["before"].data["y0"], before)


def test_sweeps_share_a_frame_and_are_told_by_their_colours(fakes):
    channel = fakes["fake_channel"]
    trace = LiveTrace(Exploration(channel), channel.axes)
    shown = trace.plot.sources["now"].data
    assert len(trace.plot.figures) == 1
    assert shown["row"] == list(range(16))
    assert sum(map(len, shown["ys"])) <= 8000
    assert "from -80 mV to 70 mV" in trace.legend.object
    assert "over 600 ms in 16 sweeps" in trace.summary.text


def test_an_image_is_symmetric_about_zero_beside_that_of_the_observation(fakes):
    field = fakes["fake_field"]
    exploration = Exploration(field)
    shown = LiveImage(exploration, field.axes)
    assert shown.plot.mapper.low == -shown.plot.mapper.high
    first = shown.plot.mapper.high
    exploration.set("gain", 0.8)
    assert shown.plot.mapper.high == pytest.approx(first * np.exp(0.6), rel=0.02)
    pixels = shown.plot.sources["now"].data["image"][0]
    assert pixels.shape == (41, 41)
    assert "strongest at x 0.30, y −0.20 degree" in shown.summary.text


def test_images_whose_rows_descend_are_turned_for_bokeh(fakes):
    axes = fakes["fake_field"].axes
    image = np.arange(41.0)[:, None] * np.ones(41)
    plot = image_plot.ImagePlot(axes.__class__(axes.x, axes.y[::-1], "filter"), {"one": "One"})
    plot.show({"one": image})
    assert plot.sources["one"].data["image"][0][0, 0] == 40
    assert image_plot.extent(axes.x) == pytest.approx((-1.025, 2.05))


def test_features_come_after_the_picture_and_only_to_the_newest(fakes, monkeypatch):
    circuit, waiting = fakes["fake_circuit"], []
    monkeypatch.setattr(
        "dashboard.background.in_background", lambda work, then, failed: waiting.append((work, then))
    )

    def do_next():
        work, then = waiting.pop(0)
        then(work())

    exploration = Exploration(circuit)
    table = LiveFeatures(exploration)
    do_next()  # the picture
    assert exploration.simulated.recording is not None
    assert exploration.simulated.x is None
    assert table.state.text.startswith("Computing the features")
    assert ">…<" in table.table.object
    exploration.set("LP_Na", 0.2)
    assert len(waiting) == 2  # the features of the first, and the second picture
    work, then = waiting.pop(0)
    outcome = work()
    do_next()
    then(outcome)  # features of a picture that is no longer shown
    assert exploration.simulated.x is None
    do_next()
    assert exploration.simulated.x.shape == (18,)
    assert table.state.text == ""


def test_the_picture_and_the_features_are_those_of_one_simulation(fakes):
    field = fakes["fake_field"]
    shown = live.single(field)(3, live.home_theta(field))
    x = field(jax.random.key(3), jnp.asarray(live.home_theta(field)))
    np.testing.assert_allclose(shown.x, np.asarray(x), rtol=1e-4, atol=1e-4)
    assert live.sketch(field)(3, live.home_theta(field)).x is None


def test_the_reference_is_the_recorded_observation_where_there_is_one(fakes):
    recorded = fakes["fake_recorded"]
    exploration = Exploration(recorded)
    assert exploration.reference.recording is None
    np.testing.assert_array_equal(exploration.reference.x, recorded.observed.x)
    trace = LiveTrace(exploration, recorded.axes)
    assert "built-in observation" not in trace.legend.object
    assert built_in(recorded).recording is None


@pytest.mark.parametrize(
    ("name", "parts"),
    [("fake_circuit", ["<polyline"] * 3), ("fake_channel", ["<polyline"] * 16), ("fake_field", ["<image"])],
)
def test_the_gallery_draws_cells_sweeps_and_images(fakes, name, parts):
    drawn = picture(fakes[name])
    assert [drawn.count(parts[0])] == [len(parts)]
    assert len(drawn) < 60_000


@pytest.mark.long
@pytest.mark.parametrize("name", ["fake_circuit", "fake_channel", "fake_field", "fake_recorded"])
def test_each_of_them_has_a_page(fakes, name):
    assert model.bench(Exploration(fakes[name])) is not None
    assert len(model.introduction(fakes[name]).object) > 50


def test_other_axes_of_the_same_kind_keep_their_figures():
    def axes(num, **more):
        return RecordingAxes(np.arange(float(num)), "voltage", "mV", **more)

    plot = RecordingPlot(axes(10), {"recording": "data"})
    assert plot.fits(axes(20))
    assert not plot.fits(axes(10, rows=("a", "b")))
    assert not plot.fits(axes(10, stimulus=np.zeros(10)))
    plot.label(axes(20))
    plot.show("recording", np.arange(20.0))
    assert plot.figures[0].x_range.end == 19


def test_undefined_rows_are_said():
    axes = RecordingAxes(np.arange(3.0), "voltage", "mV", rows=("a", "b"))
    words = recording_figures.describe(axes, np.array([[1.0, 2.0, 3.0], [np.nan] * 3]))
    assert words == "Voltage over 2 ms: a 1 to 3 mV, b undefined mV."


def test_scales_of_colours_are_even_and_follow_the_theme(monkeypatch):
    for scale in (palettes.DIVERGING_LIGHT, palettes.DIVERGING_DARK):
        lightness = [luminance(colour) for colour in scale]
        middle = len(scale) // 2
        steps = np.sign(np.diff(lightness))
        assert (steps[: middle - 1] == steps[0]).mean() > 0.98
        assert (steps[middle + 1 :] == -steps[0]).mean() > 0.98
    mapper = theme.paint(LinearColorMapper(low=-1, high=1), palette="diverging")
    assert tuple(mapper.palette) == palettes.DIVERGING_LIGHT
    monkeypatch.setattr(theme, "is_dark", lambda: True)
    theme.repaint(mapper)
    assert tuple(mapper.palette) == palettes.DIVERGING_DARK


def luminance(colour):
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
