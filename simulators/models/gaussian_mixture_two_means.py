"""Gaussian mixture, two means: theta and minus theta look alike.

x | theta ~ 1/2 N(theta, 1) + 1/2 N(-theta, 1), theta ~ U(-10, 10), observed x = 5: a posterior with two equal
modes (Lueckmann et al. 2017, figure 2B). The text speaks of inferring both means; figure and code have this
one parameter. The code returned |x|; here x keeps its sign, which tells nothing about theta.
"""

import numpy as np

from simulators.base import Observed, Simulator
from simulators.models.mixture_of_two import PRIOR, MixtureOfTwo

MODEL = MixtureOfTwo(signs=(1.0, -1.0), sds=(1.0, 1.0))

gaussian_mixture_two_means = Simulator(
    "gaussian_mixture_two_means",
    PRIOR,
    MODEL.simulate,
    log_likelihood=MODEL.log_likelihood,
    exact_posterior=MODEL.exact_posterior,
    observed=Observed(np.array([5.0], np.float32), np.array([5.0], np.float32), label="x = 5"),
    title="Gaussian mixture, two means",
    summary="One parameter whose sign cannot be told: a posterior with two equal modes.",
    source="Lueckmann et al. 2017, Flexible statistical inference for mechanistic models, NeurIPS, figure 2B",
)
