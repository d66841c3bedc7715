"""What the methods of approximate Bayesian computation share: distances, weights, kernels."""
