"""What a posterior's shape says: densities, intervals, correlations."""

from inference.analysis.density import bounded_density, central_interval, contraction, correlations
from inference.analysis.histograms import (
    Bins,
    bin_draws,
    hdr_levels,
    hdr_thresholds,
    marginal_counts,
    pair_densities,
)

__all__ = [
    "Bins",
    "bin_draws",
    "bounded_density",
    "central_interval",
    "contraction",
    "correlations",
    "hdr_levels",
    "hdr_thresholds",
    "marginal_counts",
    "pair_densities",
]
