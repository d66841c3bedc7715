"""What one can take home: the draws as CSV, and everything as netCDF."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pandas as pd
import xarray as xr

from dashboard.export import csv, heads
from dashboard.views.draws import posterior_draws
from dashboard.views.groups import group


def draws_csv(tree: xr.DataTree) -> io.BytesIO:
    """The posterior draws, one per line, headed by names and units; last the log density, if it is known."""
    draws = posterior_draws(tree)
    table = pd.DataFrame(draws.values, columns=pd.Index(heads(draws)))
    stats = group(tree, "sample_stats")
    if "lp" in stats:
        table["log_density"] = stats["lp"].values.T.ravel()  # as rows of draws go
    return csv(table)


def tree_netcdf(tree: xr.DataTree) -> io.BytesIO:
    """The whole result as netCDF-4: opens with `xarray.open_datatree` and in ArviZ."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.nc"
        tree.to_netcdf(path, engine="h5netcdf")
        return io.BytesIO(path.read_bytes())
