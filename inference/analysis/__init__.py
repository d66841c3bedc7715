"""What a posterior's shape says: densities, correlations, modes, paths, and what it is sensitive to."""

from inference.analysis.conditional import Conditional, conditional_correlations, conditional_density
from inference.analysis.density import bounded_density, central_interval, contraction, correlations
from inference.analysis.disparate import disparate_pair
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
from inference.analysis.paths import Path, high_probability_path, orthogonal_path, straight_path
from inference.analysis.perturbation import BruteForce, Curve, brute_force, perturbation_curve
from inference.analysis.pinned import Pinned, more_steps, pinned_draws
from inference.analysis.sensitivity import Axes, hessian, sensitivity_axes
from inference.analysis.walled import held

__all__ = [
    "Axes",
    "Bins",
    "BruteForce",
    "Conditional",
    "Curve",
    "MaximumEntropy",
    "Mode",
    "Path",
    "Pinned",
    "bin_draws",
    "bounded_density",
    "brute_force",
    "central_interval",
    "conditional_correlations",
    "conditional_density",
    "contraction",
    "correlations",
    "disparate_pair",
    "find_mode",
    "hdr_levels",
    "hdr_thresholds",
    "held",
    "hessian",
    "high_probability_path",
    "marginal_counts",
    "maximum_entropy",
    "modes_along",
    "more_steps",
    "nearest_mode",
    "orthogonal_path",
    "pair_densities",
    "perturbation_curve",
    "pinned_draws",
    "sample_modes",
    "sensitivity_axes",
    "straight_path",
]
