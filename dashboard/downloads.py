"""What one can take home: the draws as CSV, and everything as netCDF."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pandas as pd
import xarray as xr

from dashboard.views.draws import posterior_draws
from dashboard.views.groups import group


def draws_csv(tree: xr.DataTree) -> io.BytesIO:
    """The posterior draws, one per line, headed by names and units; last the log density, if it is known."""
    draws = posterior_draws(tree)
    heads = [
        f"{name} [{unit}]" if unit else name for name, unit in zip(draws.names, draws.units, strict=True)
    ]
    table = pd.DataFrame(draws.values, columns=pd.Index(heads))
    stats = group(tree, "sample_stats")
    if "lp" in stats:
        table["log_density"] = stats["lp"].values.T.ravel()  # as rows of draws go
    return io.BytesIO(table.to_csv(index=False, float_format="%.7g").encode())


def tree_netcdf(tree: xr.DataTree) -> io.BytesIO:
    """The whole result as netCDF-4: opens with `xarray.open_datatree` and in ArviZ."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.nc"
        tree.to_netcdf(path, engine="h5netcdf")
        return io.BytesIO(path.read_bytes())
