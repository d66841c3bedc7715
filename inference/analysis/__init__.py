"""What a posterior's shape says: densities, intervals, correlations."""

from inference.analysis.conditional import Conditional, conditional_correlations, conditional_density
from inference.analysis.density import bounded_density, central_interval, contraction, correlations
from inference.analysis.histograms import (
    Bins,
    bin_draws,
    hdr_levels,
    hdr_thresholds,
    marginal_counts,
    pair_densities,
)
from inference.analysis.log_density import log_density
from inference.analysis.paths import Path, high_probability_path, orthogonal_path, straight_path

__all__ = [
    "Bins",
    "Conditional",
    "Path",
    "bin_draws",
    "bounded_density",
    "central_interval",
    "conditional_correlations",
    "conditional_density",
    "contraction",
    "correlations",
    "hdr_levels",
    "hdr_thresholds",
    "high_probability_path",
    "log_density",
    "marginal_counts",
    "orthogonal_path",
    "pair_densities",
    "straight_path",
]
