"""The layers of our flows: FlowJAX bijections whose networks start from NumPy.

FlowJAX's own `Coupling` and `MaskedAutoregressive` draw their initial weights with JAX, one small
compilation per
array shape: 4 to 6 s for five layers, more than the training program itself takes to compile. Written here,
the same layers start in milliseconds; the scalar transformers (spline, affine) and everything around are
FlowJAX's.

Every layer maps data to noise in `transform`, the direction that training needs.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from flowjax.bijections import AbstractBijection, Vmap
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from inference.networks import Network


class Coupling(AbstractBijection):
    """Keeps the first `num_kept` entries and transforms the others, given those and the condition.

    Reference: Dinh et al. 2015, arXiv:1410.8516.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    network: Network
    make_transformer: Callable[[Array], AbstractBijection]
    num_kept: int

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Data to noise."""
        kept, moved = x[: self.num_kept], x[self.num_kept :]
        moved, log_det = self._transformer(kept, condition).transform_and_log_det(moved)
        return jnp.concatenate([kept, moved]), log_det

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Noise to data."""
        kept, moved = y[: self.num_kept], y[self.num_kept :]
        moved, log_det = self._transformer(kept, condition).inverse_and_log_det(moved)
        return jnp.concatenate([kept, moved]), log_det

    def _transformer(self, kept, condition) -> AbstractBijection:
        raw = self.network(jnp.concatenate([kept, condition]))
        return _elementwise(self.make_transformer, raw.reshape(self.shape[0] - self.num_kept, -1))


class Autoregressive(AbstractBijection):
    """Transforms entry i given the entries before it and the condition; the inverse takes one pass per entry.

    Reference: Papamakarios et al. 2017, arXiv:1705.07057.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    network: Network
    make_transformer: Callable[[Array], AbstractBijection]

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Data to noise."""
        return self._transformer(x, condition).transform_and_log_det(x)

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Noise to data."""

        def fill(i, x):
            return x.at[i].set(self._transformer(x, condition).inverse(y)[i])

        x = jax.lax.fori_loop(0, self.shape[0], fill, jnp.zeros_like(y))
        return x, -self.transform_and_log_det(x, condition)[1]

    def _transformer(self, x, condition) -> AbstractBijection:
        raw = self.network(jnp.concatenate([x, condition]))
        return _elementwise(self.make_transformer, raw.reshape(self.shape[0], -1))


def _elementwise(
    make_transformer: Callable[[Array], AbstractBijection], parameters: Float[Array, "dim k"]
) -> Vmap:
    return Vmap(eqx.filter_vmap(make_transformer)(parameters), in_axes=eqx.if_array(0))


class LinearMix(AbstractBijection):
    """x -> L U x + W condition + b, with L unit lower and U positive upper triangular; at first the identity.

    The linear term in the condition leaves to the networks only what a linear regression cannot explain.
    Reference: Kingma and Dhariwal 2018, arXiv:1807.03039, section 3.2, for the factors.
    """

    shape: tuple[int, ...]
    cond_shape: tuple[int, ...] | None
    lower: Float[Array, "dim dim"]
    upper: Float[Array, "dim dim"]
    log_diagonal: Float[Array, " dim"]
    shift: Float[Array, " dim"]
    slope: Float[Array, "dim num_inputs"]

    def __init__(self, dim: int, num_inputs: int):
        self.shape, self.cond_shape = (dim,), (num_inputs,)
        self.lower = self.upper = jax.device_put(np.zeros((dim, dim), np.float32))
        self.log_diagonal = self.shift = jax.device_put(np.zeros(dim, np.float32))
        self.slope = jax.device_put(np.zeros((dim, num_inputs), np.float32))

    def transform_and_log_det(self, x: Array, condition: Any = None):
        """Data to noise."""
        lower, upper = self._factors()
        return lower @ (upper @ x) + self.slope @ condition + self.shift, self.log_diagonal.sum()

    def inverse_and_log_det(self, y: Array, condition: Any = None):
        """Noise to data."""
        lower, upper = self._factors()
        x = solve_triangular(lower, y - self.slope @ condition - self.shift, lower=True, unit_diagonal=True)
        return solve_triangular(upper, x), -self.log_diagonal.sum()

    def _factors(self) -> tuple[Array, Array]:
        lower = jnp.tril(self.lower, -1) + jnp.eye(self.shape[0])
        return lower, jnp.triu(self.upper, 1) + jnp.diag(jnp.exp(self.log_diagonal))
