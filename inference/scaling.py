"""Scalings fitted on training rows and kept inside the estimator; training never changes them."""

from __future__ import annotations

import math
from statistics import NormalDist

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

NUM_KNOTS = 32  # quantiles of a feature's distribution
LINEAR_RANGE = 3.0  # robust standard deviations within which a feature is left linear
MAX_ENTRIES = 2_000_000  # of an array feature, from which its one scale is taken
SMALLEST_SCALE = 1e-6  # relative to the size of the values: below it a spread is only rounding

Groups = tuple[tuple[int, ...], ...]  # shapes of the features; () has its own scale


class ParameterScaling(eqx.Module):
    """u -> (u - location) / scale, with its Jacobian: part of the density."""

    location: Float[Array, " dim"]
    scale: Float[Array, " dim"]

    def __call__(self, u: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """Scaled parameters z."""
        return (u - self.location) / self.scale

    def inverse(self, z: Float[Array, " dim"]) -> Float[Array, " dim"]:
        """Back to unconstrained parameters."""
        return z * self.scale + self.location

    def log_det(self) -> Float[Array, ""]:
        """Log of |dz/du|."""
        return -jnp.log(self.scale).sum()


class FeatureScaling(eqx.Module):
    """x -> two views of each feature, side by side: what a network can learn from, however x is distributed.

    The first is linear within three robust standard deviations of the median and logarithmic beyond, so that
    a kurtosis of several hundred neither silences the other features nor loses its order. The second is the
    normal score, the Gaussian quantile of the feature's rank among the training rows: it spreads out what is
    crowded, such as a noise level of 0.01 to 0.3 mV in a feature that reaches 50 mV when a cell fires. No
    Jacobian is needed, because x is only conditioned on.

    Arrays that an embedding takes as a whole (an image, a series) share one location and scale and have no
    second view. NaN stays NaN in both views.

    Attributes:
        location, scale: of the first view.
        knots: quantiles, ascending; equal where many values are.
        slopes: of the second view between the knots; zero between equal ones.
        first_score: the second view at the first knot.
        scored: which features have a second view; None means all.
    """

    location: Float[Array, " num_features"]
    scale: Float[Array, " num_features"]
    knots: Float[Array, "num_scored num_knots"]
    slopes: Float[Array, "num_scored num_knots-1"]
    first_score: Float[Array, " num_scored"]
    scored: tuple[int, ...] | None = eqx.field(static=True, default=None)

    @property
    def num_outputs(self) -> int:
        """Number of scaled features."""
        return self.location.shape[0] + self.first_score.shape[0]

    def __call__(self, x: Float[Array, " num_features"]) -> Float[Array, " num_outputs"]:
        """Scaled features: all first views, then all second views."""
        z = (x - self.location) / self.scale
        excess = jnp.maximum(jnp.abs(z) - LINEAR_RANGE, 0.0)
        soft = jnp.where(excess > 0, jnp.sign(z) * (LINEAR_RANGE + jnp.log1p(excess)), z)
        scored = x if self.scored is None else x[np.array(self.scored, int)]
        return jnp.concatenate([soft, self._score(scored)])

    def _score(self, x: Float[Array, " num_scored"]) -> Float[Array, " num_scored"]:
        """Piecewise linear between the knots, as a sum without a search; logarithmic beyond.

        The sum is a dot product because XLA for the CPU (jax 0.10.2) gets a plain sum wrong when it is fused
        with the tails and there are more than 32 768 numbers at once (1 024 rows of 55 features).
        """
        climbed = jnp.clip(x[:, None] - self.knots[:, :-1], 0.0, jnp.diff(self.knots, axis=1))
        below, above = (jnp.maximum(d, 0.0) for d in (self.knots[:, 0] - x, x - self.knots[:, -1]))
        tails = jnp.log1p(self.slopes[:, -1] * above) - jnp.log1p(self.slopes[:, 0] * below)
        inside = jnp.einsum("fk,fk->f", self.slopes, climbed, precision=jax.lax.Precision.HIGHEST)
        return self.first_score + inside + tails


def scored_features(groups: Groups) -> tuple[int, ...] | None:
    """Positions of the scalars in x; None where there is nothing else."""
    sizes = [math.prod(shape) for shape in groups]
    starts = np.cumsum([0, *sizes[:-1]])
    scalars = tuple(int(start) for start, shape in zip(starts, groups, strict=True) if not shape)
    return None if len(scalars) == sum(sizes) else scalars


def identity_scaling(
    dim: int, num_features: int, *, groups: Groups | None = None
) -> tuple[ParameterScaling, FeatureScaling]:
    """Scalings that change nothing: features up to three in size as they are, their second view zero."""
    scored = None if groups is None else scored_features(groups)
    num_scored = num_features if scored is None else len(scored)
    ones, knots, zeros = np.ones(num_features), np.zeros((num_scored, NUM_KNOTS)), np.zeros(num_scored)
    parameters = ParameterScaling(_float32(np.zeros(dim)), _float32(np.ones(dim)))
    arrays = (np.zeros(num_features), ones, knots, knots[:, 1:], zeros)
    return parameters, FeatureScaling(*map(_float32, arrays), scored=scored)


def fit_parameter_scaling(u: Float[np.ndarray, "n dim"]) -> ParameterScaling:
    """Mean and standard deviation of each unconstrained parameter; a constant one keeps scale 1."""
    u = np.asarray(u, np.float64)
    location = u.mean(0)
    return ParameterScaling(_float32(location), _float32(_or_one(u.std(0), location)))


def fit_feature_scaling(
    x: Float[np.ndarray, "n num_features"], *, groups: Groups | None = None
) -> FeatureScaling:
    """Median, robust standard deviation and normal scores of each feature, NaN left out.

    The spread is that of the middle 90 %, which equals the standard deviation for a Gaussian feature,
    ignores the outer tails, and is not zero for a spike count of which most are zero. Where it is zero, the
    standard deviation takes its place; where that is zero too (a constant or all-NaN feature), 1.

    Args:
        x: training rows.
        groups: shapes of the features as `EmbeddingSpec.groups` gives them: an array shares one location and
            scale; None: all are scalars.

    Raises:
        ValueError: if the groups do not make up the features.
    """
    x = np.asarray(x, np.float64)
    shapes: Groups = ((),) * x.shape[1] if groups is None else groups
    sizes = [math.prod(shape) for shape in shapes]
    if sum(sizes) != x.shape[1]:
        raise ValueError(f"The shapes {shapes} hold {sum(sizes)} features; x has {x.shape[1]}.")
    finite = np.where(np.isfinite(x), x, np.nan)
    blocks = [_thinned(block) for block in np.split(finite, np.cumsum(sizes)[:-1], axis=1)]
    low, location, high, spread = np.array([_summary(block) for block in blocks]).T
    middle = (high - low) / 3.2897
    scale = np.where(middle > SMALLEST_SCALE * np.abs(location), middle, spread)
    is_usable = _is_usable(scale, location)
    scores = [
        _normal_scores(block[~np.isnan(block)] if usable else block[:0])
        for block, shape, usable in zip(blocks, shapes, is_usable, strict=True)
        if not shape
    ]
    knots = np.array([score[0] for score in scores]).reshape(-1, NUM_KNOTS)
    slopes = np.array([score[1] for score in scores]).reshape(-1, NUM_KNOTS - 1)
    location, scale = np.repeat(location, sizes), np.repeat(_or_one(scale, location), sizes)
    parts = (location, scale, knots, slopes, np.array([score[2] for score in scores]))
    return FeatureScaling(*map(_float32, parts), scored=scored_features(shapes))


def _thinned(block: np.ndarray) -> np.ndarray:
    """The entries of a feature; of a large array some rows are enough for its quantiles."""
    return block[:: max(-(-block.size // MAX_ENTRIES), 1) if block.shape[1] > 1 else 1].ravel()


def _normal_scores(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Knots, slopes between them, and the score at the first; equal quantiles share their mean score."""
    if values.size == 0:
        return np.zeros(NUM_KNOTS), np.zeros(NUM_KNOTS - 1), 0.0
    levels = (np.arange(NUM_KNOTS) + 0.5) / NUM_KNOTS
    # In single precision, as they will be used: knots that coincide then must coincide here.
    knots = np.quantile(values, levels).astype(np.float32).astype(np.float64)
    _, group = np.unique(knots, return_inverse=True)
    scores = np.bincount(group, [NormalDist().inv_cdf(level) for level in levels]) / np.bincount(group)
    width, rise = np.diff(knots), np.diff(scores[group])
    return knots, np.divide(rise, width, out=np.zeros(NUM_KNOTS - 1), where=width > 0), float(scores[0])


def _summary(column: np.ndarray) -> tuple[float, float, float, float]:
    known = column[~np.isnan(column)]
    if known.size == 0:
        return 0.0, 0.0, 0.0, 0.0
    low, middle, high = np.quantile(known, (0.05, 0.5, 0.95))
    return low, middle, high, known.std()


def _is_usable(scale: np.ndarray, location: np.ndarray) -> np.ndarray:
    smallest = np.maximum(SMALLEST_SCALE * np.abs(location), np.finfo(np.float32).tiny)
    return np.isfinite(scale) & (scale > smallest)


def _or_one(scale: np.ndarray, location: np.ndarray) -> np.ndarray:
    return np.where(_is_usable(scale, location), scale, 1.0)


def _float32(values: np.ndarray) -> Array:
    return jax.device_put(np.asarray(values, np.float32))
