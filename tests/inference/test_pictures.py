"""Recordings with rows and images in the tree of a result; all of it survives being stored."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from numpyro import distributions as dist

from inference.findings import recordings
from inference.pictures import picture_variables
from inference.tree import SHAPES, Draws, Findings, build_tree
from simulators import Observed, Prior, RecordingAxes, Simulator, simulate_batch
from simulators.base import ImageAxes

PRIOR = Prior({"a": dist.Uniform(0.0, 1.0)})
CELLS = RecordingAxes(np.arange(5000.0), "voltage", "mV", rows=("AB", "LP", "PY"), stimulus=np.zeros(5000))
FIELD = ImageAxes(np.linspace(-1, 1, 4), np.linspace(-2, 2, 3), "filter", "1/s", "degree")


def simulator(axes, shape):
    def simulate(key, theta):
        return {"sum": theta["a"] + jax.random.normal(key), "rest": jnp.zeros((2, 2))}

    def picture(key, theta):
        return (theta["a"] + jax.random.normal(key)) * jnp.ones(shape)

    return Simulator("fake", PRIOR, simulate, lambda recording: recording, axes=axes, picture=picture)


@pytest.mark.long
@pytest.mark.parametrize(
    ("axes", "shape", "name", "dims"),
    [
        (CELLS, (3, 5000), "trace", ("trace_row", "trace_time")),
        (FIELD, (3, 4), "image", ("image_row", "image_column")),
    ],
)
def test_pictures_are_stored_with_rows_or_places(axes, shape, name, dims, tmp_path, key):
    model = simulator(axes, shape)
    theta = np.asarray(PRIOR.sample(key, 20))
    x = simulate_batch(model, key, theta=theta).x
    shown = recordings(key, model, theta[:4])
    # Of the same simulations as the features.
    np.testing.assert_allclose(shown[:, 0, 0], x[:4, 0], rtol=1e-5)
    findings = Findings(Draws(theta, x), Draws(theta, x, traces=shown), Observed(x[0], recording=shown[0]))
    build_tree(model, findings, {}).to_zarr(tmp_path / "tree.zarr", consolidated=False)
    tree = xr.open_datatree(tmp_path / "tree.zarr", engine="zarr", consolidated=False)
    assert tree["posterior_predictive"][name].dims == ("trace_draw", *dims)
    observed = tree["observed_data"][name]
    assert observed.dims == dims
    assert observed.attrs["units"] == axes.unit
    assert observed.size <= 6000
    assert json.loads(tree.attrs[SHAPES]) == [["sum", []], ["rest", [2, 2]]]
    if name == "trace":
        assert list(observed["trace_row"].values) == ["AB", "LP", "PY"]
        assert tree["constant_data"]["stimulus"].sizes["trace_time"] == observed.sizes["trace_time"]
    else:
        np.testing.assert_allclose(observed["image_row"].values, FIELD.y)
        assert observed["image_column"].attrs["units"] == "degree"


def test_what_does_not_lie_on_the_axes_is_left_out():
    assert not picture_variables(CELLS, np.zeros((3, 4999))).data_vars
    assert not picture_variables(CELLS, np.zeros(5000)).data_vars
    assert not picture_variables(None, np.zeros(5)).data_vars
    assert not picture_variables(FIELD, None).data_vars
    assert picture_variables(FIELD, np.zeros((7, 3, 4))).sizes["trace_draw"] == 7


def test_a_model_whose_recording_is_no_array_has_none():
    blind = Simulator("blind", PRIOR, lambda key, theta: {"a": theta["a"]}, lambda recording: recording)
    assert recordings(jax.random.key(0), blind, np.full((2, 1), 0.5, np.float32)) is None
