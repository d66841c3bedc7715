"""Labelled arrays as Zarr stores: version 3, metadata in one place, few big chunks."""

import warnings
from pathlib import Path
from typing import Any

import xarray as xr

CHUNK = 65536  # entries of a dimension per stored chunk


def write_zarr(data: xr.Dataset | xr.DataTree, path: Path) -> None:
    """Write a new store; not atomic by itself, see `inference.files.staging`.

    Many small chunks would be slow to write and to copy, and random numbers do not compress anyway.
    """
    tree = data if isinstance(data, xr.DataTree) else xr.DataTree(data)
    encoding: dict[str, Any] = {
        group.path: {
            name: {"chunks": tuple(min(size, CHUNK) or 1 for size in variable.shape)}
            for name, variable in group.to_dataset(inherit=False).variables.items()
            if variable.shape
        }
        for group in tree.subtree
    }
    with warnings.catch_warnings():
        # Our readers, and xarray, want the metadata in one place; Zarr has yet to write it into version 3.
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        tree.to_zarr(path, zarr_format=3, consolidated=True, encoding=encoding)
