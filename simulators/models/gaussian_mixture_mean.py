"""Gaussian mixture, common mean: a broad and a narrow Gaussian around theta.

x | theta ~ 1/2 N(theta, 1) + 1/2 N(theta, 0.1^2), theta ~ U(-10, 10), observed x = 0. The posterior has a
spike on a hill, which a single Gaussian cannot be: on it SNPE-A fails more often with every round
(Lueckmann et al. 2017, figure 2A). The 2017 code returned |x|; here x keeps its sign, as in the text.
"""

import numpy as np

from simulators.base import Observed, Simulator
from simulators.models.mixture_of_two import PRIOR, MixtureOfTwo

MODEL = MixtureOfTwo(signs=(1.0, 1.0), sds=(1.0, 0.1))

gaussian_mixture_mean = Simulator(
    "gaussian_mixture_mean",
    PRIOR,
    MODEL.simulate,
    log_likelihood=MODEL.log_likelihood,
    exact_posterior=MODEL.exact_posterior,
    observed=Observed(np.zeros(1, np.float32), np.zeros(1, np.float32), label="x = 0"),
    title="Gaussian mixture, common mean",
    summary="One parameter seen through broad or narrow noise: a spike on a hill, no single Gaussian.",
    source="Lueckmann et al. 2017, Flexible statistical inference for mechanistic models, NeurIPS, figure 2A",
)
