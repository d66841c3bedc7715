"""Which directions of the parameters a feature, or a density, changes along: the active subspace.

Gradients come through the simulator where it can be differentiated, else from a quadratic that is fitted to
simulations, which says how much of the feature it explains.

Reference:
    Constantine, Dow and Wang 2014, SIAM J. Sci. Comput. 36:A1500, equations (2.2) to (2.4).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.analysis.walled import walled
from simulators import Simulator

HELD_OUT = 5  # every so many-th simulation checks the quadratic
PENALTIES = 10.0 ** np.arange(-6, 4)  # of its ridge regression, times the number of simulations


class Subspace(NamedTuple):
    """Eigenvectors of the mean outer product of gradients, the most active first.

    Attributes:
        values: (dim,) eigenvalues, descending: mean squared slopes along the vectors, in scaled parameters.
        vectors: (dim, dim), one unit vector per ROW, in scaled parameters.
    """

    values: Float[np.ndarray, " dim"]
    vectors: Float[np.ndarray, "dim dim"]

    @property
    def shares(self) -> Float[np.ndarray, " dim"]:
        """Of the mean squared slope, that each direction has."""
        return self.values / max(self.values.sum(), np.finfo(float).tiny)


class Gradients(NamedTuple):
    """Slopes at parameter rows.

    Attributes:
        rows: (n, dim), per unit of each parameter; NaN where undefined.
        explained: share of the feature's variance over held-out simulations that their source explains;
            1 for exact gradients.
    """

    rows: Float[np.ndarray, "n dim"]
    explained: float


def active_subspace(gradients: Float[ArrayLike, "n dim"], scale: Float[ArrayLike, " dim"]) -> Subspace:
    """Eigenvectors of the mean of g g^T over rows, g being the gradient with respect to theta / scale.

    Args:
        gradients: as `Gradients.rows`; rows that are not finite are left out.
        scale: of each parameter, for instance the posterior's or the prior's standard deviation.

    Raises:
        ValueError: no gradient is finite.
    """
    slopes = np.asarray(gradients, float) * np.asarray(scale, float)
    slopes = slopes[np.isfinite(slopes).all(axis=1)]
    if not len(slopes):
        raise ValueError("None of the gradients is finite; an active subspace needs at least one.")
    values, columns = np.linalg.eigh(slopes.T @ slopes / len(slopes))
    vectors = columns.T[::-1]
    signs = np.sign(vectors[np.arange(len(values)), np.abs(vectors).argmax(axis=1)])
    return Subspace(np.maximum(values[::-1], 0.0), vectors * np.where(signs == 0, 1.0, signs)[:, None])


def density_gradients(
    posterior: Any, draws: Float[ArrayLike, "n dim"], *, x: ArrayLike | None = None
) -> Gradients:
    """Slopes of log q at draws; the posterior as of `walled`."""
    return Gradients(
        np.asarray(_slopes(walled(posterior, x), jnp.asarray(draws, jnp.float32)), float), explained=1.0
    )


def simulated_gradients(
    key: Key[Array, ""], simulator: Simulator, draws: Float[ArrayLike, "n dim"], feature: str
) -> Gradients:
    """Slopes of a feature at draws through the simulator, the noise of row i held at ``fold_in(key, i)``.

    Raises:
        ValueError: the simulator cannot be differentiated, or has no such feature.
    """
    if not simulator.differentiable or simulator.function is not None:
        raise ValueError(f"'{simulator.name}' has no gradients; fit them to simulations: fitted_gradients.")
    column, rows = _column(simulator.feature_names, feature), jnp.asarray(draws, jnp.float32)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(len(rows)))
    slopes = jax.jit(jax.vmap(jax.grad(lambda row, one: simulator(one, row)[column])))(rows, keys)
    return Gradients(np.asarray(slopes, float), explained=1.0)


def fitted_gradients(
    theta: Float[ArrayLike, "n dim"], feature: Float[ArrayLike, " n"], draws: Float[ArrayLike, "m dim"]
) -> Gradients:
    """Slopes at draws of a quadratic in the parameters that is fitted to simulations.

    Ridge regression on the standardised parameters, their squares and products; its penalty is the one that
    explains most of every fifth simulation, which it has not seen. What is no quadratic it cannot show.

    Args:
        theta: parameters of simulations, near the draws.
        feature: of each simulation; those where it is not finite are left out.
        draws: where the slopes are wanted.

    Raises:
        ValueError: fewer than ten simulations have the feature, or it does not vary.
    """
    rows, values = np.asarray(theta, float), np.asarray(feature, float)
    rows, values = rows[np.isfinite(values)], values[np.isfinite(values)]
    if len(rows) < 10 or not values.std() > 0:
        raise ValueError(
            f"A quadratic needs ten simulations of a feature that varies; got {len(rows)}, with a standard "
            f"deviation of {values.std() if len(rows) else 0:g}."
        )
    centre, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-12)
    design, middle = _quadratic((rows - centre) / spread), values.mean()
    is_check = np.arange(len(rows)) % HELD_OUT == 0
    fits = [_ridge(design[~is_check], values[~is_check] - middle, penalty) for penalty in PENALTIES]
    missed = [np.mean((values[is_check] - middle - design[is_check] @ fit) ** 2) for fit in fits]
    best = int(np.argmin(missed))
    weights = _ridge(design, values - middle, PENALTIES[best])
    places = (np.asarray(draws, float) - centre) / spread
    return Gradients(
        _quadratic_slopes(weights, places) / spread, float(1 - missed[best] / values[is_check].var())
    )


def _column(names: tuple[str, ...], feature: str) -> int:
    if feature not in names:
        raise ValueError(f"There is no feature '{feature}'; there are {', '.join(names)}.")
    return names.index(feature)


def _quadratic(z: np.ndarray) -> Float[np.ndarray, "n terms"]:
    """1, the parameters, and their products."""
    first, second = np.triu_indices(z.shape[1])
    return np.concatenate([np.ones((len(z), 1)), z, z[:, first] * z[:, second]], axis=1)


def _quadratic_slopes(weights: np.ndarray, z: np.ndarray) -> Float[np.ndarray, "n dim"]:
    dim = z.shape[1]
    curvature = np.zeros((dim, dim))
    curvature[np.triu_indices(dim)] = weights[1 + dim :]
    return weights[1 : 1 + dim] + z @ (curvature + curvature.T)


def _ridge(design: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    """The first column, of ones, goes without a penalty."""
    ridge = penalty * len(design) * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    return np.linalg.solve(design.T @ design + ridge, design.T @ values)


@eqx.filter_jit
def _slopes(density: Any, rows: Float[Array, "n dim"]) -> Float[Array, "n dim"]:
    return jax.vmap(jax.grad(density))(rows)
