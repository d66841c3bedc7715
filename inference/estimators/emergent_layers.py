"""The layers of a density that is learnt by drawing from it: noise to data in `transform`.

Written for one unbatched point, as FlowJAX's bijections are; networks start from NumPy.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts are imported when they are first used
from flowjax.bijections import AbstractBijection
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float, Int

from inference.estimators.splines import RationalQuadraticSpline
from inference.networks import Network

MOST_LOG_SCALE = 5.0  # a coupling stretches by no more than e to this
SPLINE_BOUND = 4.0


class LinearMap(AbstractBijection):
    """x -> P L U x: P a fixed permutation, L unit lower and U upper triangular, both trainable.

    Starts as a rotation drawn at random. Reference: Kingma and Dhariwal 2018, arXiv:1807.03039, section 3.2.

    Attributes:
        order: x is permuted by it last.
        sign: of U's diagonal, fixed, so that U never becomes singular.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    lower: Float[Array, "dim dim"]
    upper: Float[Array, "dim dim"]
    log_diagonal: Float[Array, " dim"]
    order: Int[Array, " dim"]
    sign: Int[Array, " dim"]

    def __init__(self, rng: np.random.Generator, dim: int):
        self.shape, self.cond_shape = (dim,), None
        permutation, lower, upper = scipy.linalg.lu(np.linalg.qr(rng.normal(size=(dim, dim)))[0])
        diagonal = np.diag(upper)
        self.lower = _float32(np.tril(lower, -1))
        self.upper = _float32(np.triu(upper, 1))
        self.log_diagonal = _float32(np.log(np.abs(diagonal)))
        self.order = jnp.asarray(permutation.argmax(axis=1).astype(np.int32))
        self.sign = jnp.asarray(np.where(diagonal < 0, -1, 1).astype(np.int32))

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Noise to data."""
        lower, upper = self._factors()
        return (lower @ (upper @ x))[self.order], self.log_diagonal.sum()

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Data to noise."""
        lower, upper = self._factors()
        unordered = jnp.zeros_like(y).at[self.order].set(y)
        x = solve_triangular(lower, unordered, lower=True, unit_diagonal=True)
        return solve_triangular(upper, x), -self.log_diagonal.sum()

    def _factors(self) -> tuple[Array, Array]:
        lower = jnp.tril(self.lower, -1) + jnp.eye(self.shape[0])
        return lower, jnp.triu(self.upper, 1) + jnp.diag(self.sign * jnp.exp(self.log_diagonal))


class Stretch(AbstractBijection):
    """x -> scale x + shift, each entry by itself."""

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    log_scale: Float[Array, " dim"]
    shift: Float[Array, " dim"]

    def __init__(self, dim: int):
        self.shape, self.cond_shape = (dim,), None
        self.log_scale = self.shift = _float32(np.zeros(dim))

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Noise to data."""
        return x * jnp.exp(self.log_scale) + self.shift, self.log_scale.sum()

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Data to noise."""
        return (y - self.shift) * jnp.exp(-self.log_scale), -self.log_scale.sum()


class AffineCoupling(AbstractBijection):
    """Keeps the first entries and maps the others affinely, given those.

    x_b -> R (e^s x_b) + A x_a + t, where s and t come from a network on x_a. R stretches and shifts along a
    few orthonormal directions that are linear in x_a: what a statistic such as an inner product of the two
    halves needs, and what entries taken one by one cannot do. A is a dense matrix, for what does not pass
    through the narrow network when there are many parameters.

    References: Dinh et al. 2017, arXiv:1605.08803, for s and t.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    network: Network
    skip: Float[Array, "kept moved"] | None
    directions: Float[Array, "kept rank moved"] | None

    @property
    def num_kept(self) -> int:
        """Entries that pass through."""
        return self.shape[0] // 2

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Noise to data."""
        kept, moved = x[: self.num_kept], x[self.num_kept :]
        log_scale, shift, along = self._parameters(kept)
        moved, log_det = moved * jnp.exp(log_scale), log_scale.sum()
        if along is not None:
            axes, stretch, offset = along
            before = axes @ moved
            moved = moved + (jnp.exp(stretch) * before + offset - before) @ axes
            log_det = log_det + stretch.sum()
        return jnp.concatenate([kept, moved + shift]), log_det

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Data to noise."""
        kept, moved = y[: self.num_kept], y[self.num_kept :]
        log_scale, shift, along = self._parameters(kept)
        moved, log_det = moved - shift, -log_scale.sum()
        if along is not None:
            axes, stretch, offset = along
            after = axes @ moved
            moved = moved + (jnp.exp(-stretch) * (after - offset) - after) @ axes
            log_det = log_det - stretch.sum()
        return jnp.concatenate([kept, moved * jnp.exp(-log_scale)]), log_det

    def _parameters(self, kept: Array) -> tuple[Array, Array, tuple[Array, Array, Array] | None]:
        num = self.shape[0] - self.num_kept
        raw = self.network(kept)
        log_scale, shift = _capped(raw[:num]), raw[num : 2 * num]
        if self.skip is not None:
            shift = shift + kept @ self.skip
        if self.directions is None:
            return log_scale, shift, None
        axes = _orthonormal(jnp.einsum("k,krm->rm", kept, self.directions))
        stretch, offset = jnp.split(raw[2 * num :], 2)
        return log_scale, shift, (axes, _capped(stretch), offset)


class SplineCoupling(AbstractBijection):
    """Keeps the first entries and bends the others by rational-quadratic splines, given those.

    Reference: Durkan et al. 2019, Neural spline flows, arXiv:1906.04032.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    network: Network

    @property
    def num_kept(self) -> int:
        """Entries that pass through."""
        return self.shape[0] // 2

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Noise to data."""
        kept, moved = x[: self.num_kept], x[self.num_kept :]
        moved, log_det = jax.vmap(lambda raw, v: _spline(raw).transform_and_log_det(v))(
            self._raw(kept), moved
        )
        return jnp.concatenate([kept, moved]), log_det.sum()

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Data to noise."""
        kept, moved = y[: self.num_kept], y[self.num_kept :]
        moved, log_det = jax.vmap(lambda raw, v: _spline(raw).inverse_and_log_det(v))(self._raw(kept), moved)
        return jnp.concatenate([kept, moved]), log_det.sum()

    def _raw(self, kept: Array) -> Array:
        return self.network(kept).reshape(self.shape[0] - self.num_kept, -1)


def starting_small(network: Network, share: float = 0.1) -> Network:
    """The network with a last layer of a share of its size, so that a coupling starts near the identity."""
    return eqx.tree_at(lambda n: n.weights[-1], network, network.weights[-1] * np.float32(share))


def _spline(raw: Array) -> RationalQuadraticSpline:
    return RationalQuadraticSpline(raw, SPLINE_BOUND)


def _capped(log_scale: Array) -> Array:
    return MOST_LOG_SCALE * jnp.tanh(log_scale / MOST_LOG_SCALE)


def _orthonormal(rows: Float[Array, "rank moved"]) -> Float[Array, "rank moved"]:
    """Gram and Schmidt."""
    axes: list[Array] = []
    for row in rows:
        for axis in axes:
            row = row - (row @ axis) * axis
        axes.append(row * jax.lax.rsqrt((row**2).sum() + 1e-12))
    return jnp.stack(axes)


def _float32(values: np.ndarray) -> Array:
    return jnp.asarray(np.asarray(values, np.float32))
