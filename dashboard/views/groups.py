"""Groups of a result's tree, present or not."""

from __future__ import annotations

import xarray as xr


def group(tree: xr.DataTree, name: str) -> xr.Dataset:
    """The group as a dataset; an empty one where the tree has no such group."""
    node = tree.children.get(name)
    return xr.Dataset() if node is None else node.to_dataset()
