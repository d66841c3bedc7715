"""A mixture divided by a Gaussian: the posterior of SNPE-A."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from inference import gaussians
from inference.embeddings.encoder import AsItIs, Encoder
from inference.estimators.base import EstimatorSpec, Frozen
from inference.estimators.mixtures import MixtureDensity, MixtureEstimator, mixture_density
from inference.gaussians import GaussianMixture
from inference.scaling import ParameterScaling

NAME = "corrected_mdn"


class CorrectedMixture(MixtureEstimator):
    """q(u | x) / T(u), normalised, with T the Gaussian by which the prior of q's rows was tilted.

    Reference: Papamakarios and Murray 2016, arXiv:1605.06376, section 2.4 and appendix C.
    """

    spec: EstimatorSpec = eqx.field(static=True)
    base: MixtureDensity
    tilt: Frozen

    def __init__(self, spec: EstimatorSpec, base: MixtureDensity, tilt: GaussianMixture) -> None:
        self.spec, self.base, self.tilt = spec, base, Frozen(tilt)

    @classmethod
    def of(cls, base: MixtureEstimator, tilt: GaussianMixture) -> CorrectedMixture:
        """The correction of a trained estimator."""
        assert isinstance(base, MixtureDensity)
        return cls(replace(base.spec, name=NAME), base, tilt)

    @property
    def parameter_scaling(self) -> ParameterScaling:
        """Of the mixture."""
        return self.base.parameter_scaling

    @property
    def encoder(self) -> Encoder | AsItIs:
        """Of the mixture."""
        return self.base.encoder

    def mixture_given(self, h: Float[Array, " _"]) -> GaussianMixture:
        """See `MixtureEstimator.mixture_given`; NaN where the quotient is no density."""
        return gaussians.divided_by(gaussians.pruned(self.base.mixture_given(h)), self.tilt.value)[0]

    def is_proper_at(self, x: Float[Array, " num_features"]) -> Bool[Array, ""]:
        """Whether the quotient is a density at this x."""
        mixture = gaussians.pruned(self.base.mixture_given(self.base.encode(x)))
        return gaussians.divided_by(mixture, self.tilt.value)[1]


def corrected_mixture(
    rng: np.random.Generator, spec: EstimatorSpec, scaling: ParameterScaling, encoder: Encoder
) -> CorrectedMixture:
    """One without a correction: what stored weights are read into."""
    base = mixture_density(rng, replace(spec, name="mdn"), scaling, encoder)
    return CorrectedMixture(spec, base, gaussians.flat(spec.dim))
