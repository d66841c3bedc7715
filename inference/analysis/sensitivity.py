"""Which directions in parameter space a density is most sensitive to: its curvature at a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.drawn_posterior import AnyPosterior
from inference.posterior import LogDensity
from simulators import Prior


class Axes(NamedTuple):
    """Eigenvectors of a Hessian of log q, the most sensitive one first.

    Attributes:
        values: (dim,) eigenvalues, ascending: along the first the density falls fastest.
        vectors: (dim, dim), one unit vector per ROW, in the parameters' own units.
    """

    values: Float[np.ndarray, " dim"]
    vectors: Float[np.ndarray, "dim dim"]

    @property
    def lengths(self) -> Float[np.ndarray, " dim"]:
        """1 / sqrt(|eigenvalue|): the standard deviation along each vector, were the density Gaussian."""
        return 1 / np.sqrt(np.maximum(np.abs(self.values), np.finfo(float).tiny))


def hessian(
    posterior: AnyPosterior, theta: ArrayLike, *, x: ArrayLike | None = None
) -> Float[np.ndarray, "dim dim"]:
    """Second derivatives of log q at one parameter row, in the parameters' own units, in double precision.

    Args:
        posterior: of SNPE, HNPE or EPI.
        theta: (dim,), inside the support.
        x: the observation, if it is another than the posterior's own.

    Raises:
        ValueError: theta is no row of the posterior's parameters, or lies outside the support.
    """
    row = inside(posterior.prior, theta)
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        matrix = np.asarray(_hessian(posterior.log_density(x), jnp.asarray(row)))
    return (matrix + matrix.T) / 2


def sensitivity_axes(matrix: ArrayLike, *, positive: int | Sequence[int] | None = None) -> Axes:
    """The eigenvectors of a Hessian of log q, ordered by sensitivity.

    Args:
        matrix: (dim, dim), as `hessian` gives it.
        positive: the parameter whose component is made positive in each vector, or one parameter for each;
            None: the largest component.

    Raises:
        ValueError: the matrix is not square and finite.

    Reference: Bittner et al. 2021, eLife 10:e56265.
    """
    square = np.asarray(matrix, float)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or not np.isfinite(square).all():
        raise ValueError(f"A Hessian is a square matrix of finite numbers; got shape {square.shape}.")
    values, columns = np.linalg.eigh((square + square.T) / 2)
    vectors = columns.T
    chosen = np.abs(vectors).argmax(axis=1) if positive is None else np.broadcast_to(positive, len(values))
    signs = np.sign(vectors[np.arange(len(values)), chosen])
    return Axes(values, vectors * np.where(signs == 0, 1.0, signs)[:, None])


def inside(prior: Prior, theta: ArrayLike) -> Float[np.ndarray, " dim"]:
    """One row of parameters, checked.

    Raises:
        ValueError: it is no row, or not inside the support.
    """
    row = np.asarray(theta, float)
    if row.shape != (prior.dim,):
        raise ValueError(f"A point is one row of {prior.dim} parameters; got shape {row.shape}.")
    if not ((row > prior.low) & (row < prior.high)).all():
        raise ValueError("The point lies outside the support of the prior, or on its edge; choose another.")
    return row


@eqx.filter_jit
def _hessian(density: LogDensity, row: Array) -> Array:
    return jax.hessian(density)(row)
