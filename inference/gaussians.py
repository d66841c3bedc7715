"""Gaussian mixtures by precision factors: densities, draws, products, quotients; unbatched.

Products and quotients are computed in coordinates in which the first factor's component is a standard normal,
so that neither the scale nor the correlations of the parameters cost digits in single precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import gammaln, logsumexp
from jaxtyping import Array, Bool, Float, Key

LOG_2PI = float(np.log(2 * np.pi))
SMALLEST_PIVOT = 1e-5  # of a quotient's precision relative to the dividend's; below it is only rounding


class GaussianMixture(NamedTuple):
    """sum_k w_k N(means_k, (U_k^T U_k)^-1), batched by `jax.vmap`.

    Attributes:
        log_weights: (k,), of sum one; -inf leaves a component out.
        means: (k, d).
        factors: (k, d, d), upper triangular U_k with positive diagonal. A row of zeros takes a direction
            out: the density does not depend on it and is not normalised over it (see `flat`).
    """

    log_weights: Float[Array, " k"]
    means: Float[Array, "k d"]
    factors: Float[Array, "k d d"]


def flat(dim: int, num_components: int = 1) -> GaussianMixture:
    """The constant 1, as a factor of a product that changes nothing; it has no draws."""
    means = np.zeros((num_components, dim), np.float32)
    weights = np.full(num_components, -np.log(num_components), np.float32)
    factors = np.zeros((num_components, dim, dim), np.float32)
    return GaussianMixture(jnp.asarray(weights), jnp.asarray(means), jnp.asarray(factors))


def fit_gaussian(samples: Float[Array, "n d"]) -> GaussianMixture:
    """The one Gaussian with the mean and covariance of samples: more than d of them, none constant."""
    mean = samples[0] + (samples - samples[0]).mean(0)
    centred = (samples - mean) / jnp.sqrt(samples.shape[0])
    # A QR factor of the columns in reverse order is, turned round, the upper triangular V of cov = V V^T.
    root = jnp.linalg.qr(centred[:, ::-1], mode="r")
    root = (root * jnp.sign(jnp.diagonal(root))[:, None]).T[::-1, ::-1]
    factor = solve_triangular(root, jnp.eye(mean.shape[0]), lower=False)
    return GaussianMixture(jnp.zeros(1), mean[None], factor[None])


def log_density(mix: GaussianMixture, u: Float[Array, " d"]) -> Float[Array, ""]:
    """Log density at one point, in nats."""
    return logsumexp(mix.log_weights + jax.vmap(_log_gaussian, (0, 0, None))(mix.means, mix.factors, u))


def draw(key: Key[Array, ""], mix: GaussianMixture) -> Float[Array, " d"]:
    """One draw from a proper mixture."""
    component_key, noise_key = jax.random.split(key)
    noise = jax.random.normal(noise_key, (mix.means.shape[1],))
    return _placed(component_key, mix, noise)


def log_density_heavy(mix: GaussianMixture, u: Float[Array, " d"], dof: float) -> Float[Array, ""]:
    """`log_density` with each component a Student-t of the same location and scale."""
    dim = mix.means.shape[1]
    constant = gammaln((dof + dim) / 2) - gammaln(dof / 2) - 0.5 * dim * np.log(np.pi * dof)

    def component(mean, factor):
        square = jnp.square(factor @ (u - mean)).sum()
        log_det = jnp.log(jnp.diagonal(factor)).sum()
        return constant + log_det - 0.5 * (dof + dim) * jnp.log1p(square / dof)

    return logsumexp(mix.log_weights + jax.vmap(component)(mix.means, mix.factors))


def draw_heavy(key: Key[Array, ""], mix: GaussianMixture, dof: float) -> Float[Array, " d"]:
    """`draw` with each component a multivariate Student-t of the same location and scale."""
    component_key, noise_key, scale_key = jax.random.split(key, 3)
    noise = jax.random.normal(noise_key, (mix.means.shape[1],))
    return _placed(component_key, mix, noise * jnp.sqrt(dof / jax.random.chisquare(scale_key, dof)))


def moments(mix: GaussianMixture) -> tuple[Float[Array, " d"], Float[Array, "d d"]]:
    """Mean and covariance of a proper mixture."""
    weights, identity = jnp.exp(mix.log_weights), jnp.eye(mix.means.shape[1])
    mean = weights @ mix.means
    roots = jax.vmap(lambda factor: solve_triangular(factor, identity, lower=False))(mix.factors)
    centred = mix.means - mean
    within = jnp.einsum("k,kij,klj->il", weights, roots, roots)
    return mean, within + jnp.einsum("k,ki,kj->ij", weights, centred, centred)


def pruned(mix: GaussianMixture, smallest: float = 0.05) -> GaussianMixture:
    """The same shapes without the components of weight below `smallest`, the others rescaled to sum one."""
    is_kept = mix.log_weights >= np.log(smallest)
    is_kept |= jnp.arange(is_kept.size) == jnp.argmax(mix.log_weights)
    log_weights = jnp.where(is_kept, mix.log_weights, -jnp.inf)
    return mix._replace(log_weights=log_weights - logsumexp(log_weights))


def padded(mix: GaussianMixture, num_components: int) -> GaussianMixture:
    """The same density with copies of the first component at weight zero, up to `num_components`."""
    extra = num_components - mix.log_weights.shape[0]
    index = np.concatenate([np.arange(num_components - extra), np.zeros(extra, int)])
    log_weights = jnp.concatenate([mix.log_weights, jnp.full(extra, -jnp.inf)])
    return GaussianMixture(log_weights, mix.means[index], mix.factors[index])


def stacked(mixtures: Sequence[GaussianMixture]) -> GaussianMixture:
    """Mixtures of any numbers of components side by side, along a new first axis."""
    most = max(mix.log_weights.shape[0] for mix in mixtures)
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *(padded(mix, most) for mix in mixtures))


def times(mix: GaussianMixture, tilt: GaussianMixture) -> tuple[GaussianMixture, Float[Array, ""]]:
    """The normalised product of two mixtures, and the log of the product's integral.

    Returns:
        A mixture of k * l components, those of `mix` outermost, and log of the integral of mix(u) tilt(u).
    """
    pairs = jax.vmap(jax.vmap(_product, (None, 0)), (0, None))
    log_masses, means, factors = pairs((mix.means, mix.factors), (tilt.means, tilt.factors))
    log_masses = (log_masses + mix.log_weights[:, None] + tilt.log_weights).ravel()
    log_integral = logsumexp(log_masses)
    dim = means.shape[-1]
    product = (log_masses - log_integral, means.reshape(-1, dim), factors.reshape(-1, dim, dim))
    return GaussianMixture(*product), log_integral


def divided_by(mix: GaussianMixture, tilt: GaussianMixture) -> tuple[GaussianMixture, Bool[Array, ""]]:
    """The normalised quotient of a mixture by one Gaussian, and whether it is a density at all.

    It is none if any component's precision is not larger than the Gaussian's in every direction (its
    difference is not positive definite). Such components are NaN, unless their weight is zero.
    """
    divisor = (tilt.means[0], tilt.factors[0])
    log_masses, means, factors = jax.vmap(_quotient, ((0, 0), None))((mix.means, mix.factors), divisor)
    is_absent = jnp.isneginf(mix.log_weights)
    means = jnp.where(is_absent[:, None], mix.means, means)
    factors = jnp.where(is_absent[:, None, None], mix.factors, factors)
    log_masses = jnp.where(is_absent, -jnp.inf, log_masses + mix.log_weights)
    quotient = GaussianMixture(log_masses - logsumexp(log_masses), means, factors)
    return quotient, jnp.isfinite(factors).all()


Component = tuple[Float[Array, " d"], Float[Array, "d d"]]  # mean, factor


def _product(first: Component, second: Component) -> tuple[Array, Array, Array]:
    """Log of the integral, mean and factor of the product of two Gaussians, the second flat or not."""
    root, whitened, offset = _whitened(first, second)
    pivots = jnp.linalg.cholesky(jnp.eye(offset.size) + whitened.T @ whitened)
    z = _solve(pivots, whitened.T @ offset)
    square = jnp.square(z).sum() + jnp.square(whitened @ z - offset).sum()
    log_mass = _log_constant(second[1]) - jnp.log(jnp.diagonal(pivots)).sum() - 0.5 * square
    return log_mass, first[0] + root @ z, pivots.T @ first[1]


def _quotient(first: Component, second: Component) -> tuple[Array, Array, Array]:
    """As `_product`, of first / second; NaN where that has no integral."""
    root, whitened, offset = _whitened(first, second)
    pivots = jnp.linalg.cholesky(jnp.eye(offset.size) - whitened.T @ whitened)
    is_proper = (jnp.square(jnp.diagonal(pivots)) > SMALLEST_PIVOT).all()  # false for NaN
    pivots = jnp.where(is_proper, pivots, jnp.nan)
    z = -_solve(pivots, whitened.T @ offset)
    square = jnp.square(z).sum() - jnp.square(whitened @ z - offset).sum()
    log_mass = -_log_constant(second[1]) - jnp.log(jnp.diagonal(pivots)).sum() - 0.5 * square
    return log_mass, first[0] + root @ z, pivots.T @ first[1]


def _whitened(first: Component, second: Component) -> tuple[Array, Array, Array]:
    """U1^-1, and the second's factor U2 U1^-1 and distance U2 (m2 - m1) where the first is a standard normal.

    The inverse of the triangular U1 is as accurate as solving with it, and once for all seconds: solving for
    each pair compiles to something hundreds of times slower.
    """
    root = solve_triangular(first[1], jnp.eye(first[0].size), lower=False)
    return root, second[1] @ root, second[1] @ (second[0] - first[0])


def _solve(pivots: Array, b: Array) -> Array:
    """(pivots pivots^T)^-1 b."""
    return solve_triangular(pivots, solve_triangular(pivots, b, lower=True), trans=1, lower=True)


def _log_gaussian(mean: Array, factor: Array, u: Array) -> Array:
    return _log_constant(factor) - 0.5 * jnp.square(factor @ (u - mean)).sum()


def _log_constant(factor: Array) -> Array:
    """Log of the density at the mean; directions of zero precision count one."""
    diagonal = jnp.diagonal(factor)
    is_flat = diagonal == 0
    return jnp.where(is_flat, 0.0, jnp.log(jnp.where(is_flat, 1.0, diagonal)) - 0.5 * LOG_2PI).sum()


def _placed(key: Array, mix: GaussianMixture, noise: Array) -> Array:
    """Standard noise moved to a component drawn by its weight."""
    k = jax.random.categorical(key, mix.log_weights)
    return mix.means[k] + solve_triangular(mix.factors[k], noise, lower=False)
