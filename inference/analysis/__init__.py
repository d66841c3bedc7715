"""What a posterior's shape says: densities, correlations, modes, paths, and what it is sensitive to."""

from inference.analysis.active_subspace import (
    Gradients,
    Subspace,
    active_subspace,
    density_gradients,
    fitted_gradients,
    simulated_gradients,
)
from inference.analysis.clusters import Clusters, clusters, join_ends
from inference.analysis.compensation import conditional_correlations
from inference.analysis.conditional import Conditional, conditional_density
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
from inference.analysis.importance import Importance, conditional_entropies, importance, importance_from
from inference.analysis.maximum_entropy import MaximumEntropy, maximum_entropy
from inference.analysis.modes import Mode, find_mode, modes_along, nearest_mode, sample_modes
from inference.analysis.paths import Path, high_probability_path, orthogonal_path, straight_path
from inference.analysis.perturbation import BruteForce, Curve, brute_force, perturbation_curve
from inference.analysis.pinned import Pinned, more_steps, pinned_draws
from inference.analysis.sensitivity import Axes, hessian, sensitivity_axes
from inference.analysis.shuffled import Outcome, Shuffled, shuffled_marginals
from inference.analysis.walled import held

__all__ = [
    "Axes",
    "Bins",
    "BruteForce",
    "Clusters",
    "Conditional",
    "Curve",
    "Gradients",
    "Importance",
    "MaximumEntropy",
    "Mode",
    "Outcome",
    "Path",
    "Pinned",
    "Shuffled",
    "Subspace",
    "active_subspace",
    "bin_draws",
    "bounded_density",
    "brute_force",
    "central_interval",
    "clusters",
    "conditional_correlations",
    "conditional_density",
    "conditional_entropies",
    "contraction",
    "correlations",
    "density_gradients",
    "disparate_pair",
    "find_mode",
    "fitted_gradients",
    "hdr_levels",
    "hdr_thresholds",
    "held",
    "hessian",
    "high_probability_path",
    "importance",
    "importance_from",
    "join_ends",
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
    "shuffled_marginals",
    "simulated_gradients",
    "straight_path",
]
