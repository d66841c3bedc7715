"""What a posterior's shape says: densities, intervals, correlations, modes, and what it is sensitive to."""

from inference.analysis.density import bounded_density, central_interval, contraction, correlations
from inference.analysis.histograms import (
    Bins,
    bin_draws,
    hdr_levels,
    hdr_thresholds,
    marginal_counts,
    pair_densities,
)
from inference.analysis.maximum_entropy import MaximumEntropy, maximum_entropy
from inference.analysis.modes import Mode, find_mode, modes_along, nearest_mode, sample_modes
from inference.analysis.perturbation import BruteForce, Curve, brute_force, perturbation_curve
from inference.analysis.sensitivity import Axes, hessian, sensitivity_axes

__all__ = [
    "Axes",
    "BruteForce",
    "Curve",
    "MaximumEntropy",
    "Mode",
    "Bins",
    "bin_draws",
    "bounded_density",
    "brute_force",
    "central_interval",
    "contraction",
    "correlations",
    "find_mode",
    "hdr_levels",
    "hdr_thresholds",
    "hessian",
    "marginal_counts",
    "maximum_entropy",
    "modes_along",
    "nearest_mode",
    "pair_densities",
    "perturbation_curve",
    "sample_modes",
    "sensitivity_axes",
]
