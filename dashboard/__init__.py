"""What people see: pages, the views they are made of, and the jobs behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from dashboard.explore_tab import Explore
    from inference.result import Result
    from simulators import Simulator

__all__ = ["explore"]


def explore(result: Result | xr.DataTree, *, simulator: Simulator | None = None, part: str = "") -> Explore:
    """The Explore tab of a result as a widget of a notebook; end a cell with it.

    What the browser needs is put into the notebook, so that it works in a laboratory without a network.

    Args:
        result: of `inference.run` or `inference.load_result`; of a tree alone, which holds no density, only
            what draws can show.
        simulator: the model as the run had it, for instance driven by a recording; None: of the catalogue.
        part: the one to begin with, see `dashboard.explore_tab.PARTS`; empty: the first.

    Raises:
        ValueError: the result has fewer than two parameters or no draws, or there is no such part.
    """
    import panel as pn  # not above: importing the package stays quick

    from dashboard.explore_tab import explore_result

    pn.extension(inline=True)
    return explore_result(result, simulator=simulator, part=part)
