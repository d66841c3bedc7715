"""Low-rank recurrent network: which connectivity amplifies its input, and is yet stable?

    tau dx/dt = -x + W x,   W = U V',   U and V: N x 2

with N neurons and parameters U and V, row by row, in [-1, 1]. Each simulation adds noise of sd g to all
entries of U and V. The statistics are the largest real part of the eigenvalues of the 2 x 2 matrix V'U, which
are those of W that need not be 0 (for N > 2, W has N - 2 others), and the largest eigenvalue of the
symmetric part (W + W') / 2. Activity decays in the end where the first is below 1; it may grow at first where
the second is above 1. Stable amplification asks for 0.5 +- 0.25 and 1.5 +- 0.25.

Model and statistics are those of Bittner et al. 2021, eLife 10:e56265, figure 2. With (U, V) = Q R and
P = (0, I; I, 0) / 2, the symmetric part is Q R P R' Q': for N > 4 the 4 x 4 R P R' has its eigenvalues.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.counter_noise import normals
from simulators.prior import Prior
from simulators.smooth import root

RANK = 2
MOST_DRAWN = 5  # neurons
DT, DURATION = 0.02, 6.0  # tau, of what is drawn
TIME = np.arange(round(DURATION / DT) + 1) * DT
SWEEPS = 6  # of Jacobi's method, after which a 4 x 4 matrix is diagonal to rounding
PAIRING = np.kron([[0.0, 0.5], [0.5, 0.0]], np.eye(RANK))  # P

Factor = Float[Array, "N 2"]


def real_part(u: Factor, v: Factor) -> Float[Array, ""]:
    """Largest real part of the eigenvalues of V'U."""
    (a, b), (c, d) = v.T @ u
    return (a + d + root((a - d) ** 2 + 4 * b * c)) / 2


def symmetric_part(u: Factor, v: Factor) -> Float[Array, ""]:
    """Largest eigenvalue of (UV' + VU') / 2; first derivatives only."""
    # To first order, the eigenvalue moves by e' dW e.
    direction = most_amplified(*jax.lax.stop_gradient((u, v)))
    return (direction @ u) @ (direction @ v)


def most_amplified(u: Factor, v: Factor) -> Float[Array, " N"]:
    """The direction in which activity grows fastest: unit eigenvector e of the symmetric part."""
    if len(u) <= 2 * RANK:
        values, vectors = eigenvectors((u @ v.T + v @ u.T) / 2)
        return vectors[jnp.argmax(values)]
    joined = jnp.concatenate([u, v], axis=1)
    axes = orthonormal(joined.T)
    r = axes @ joined
    values, vectors = eigenvectors(r @ jnp.asarray(PAIRING, u.dtype) @ r.T)
    return vectors[jnp.argmax(values)] @ axes


def orthonormal(rows: Float[Array, "n N"]) -> Float[Array, "n N"]:
    """Gram and Schmidt, twice, because one pass leaves rows that were nearly parallel at odd angles.

    A row of which the second pass takes most was rounding error, and is 0.
    """
    axes = jnp.zeros_like(rows)
    for i, row in enumerate(rows):
        row = row - (axes @ row) @ axes
        row = row * jax.lax.rsqrt((row**2).sum() + 1e-30)
        row = row - (axes @ row) @ axes
        square = (row**2).sum()
        axes = axes.at[i].set(jnp.where(square > 0.25, row * jax.lax.rsqrt(square + 1e-30), 0.0))
    return axes


def eigenvectors(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Eigenvalues of a small symmetric matrix, in any order, and unit eigenvectors as rows: Jacobi's method.

    Not `jnp.linalg.eigh`, nor `qr` above: two threads with batches of LAPACK's calls wait for each other.
    """

    def turned(rows: Array, i: Array, j: Array, c: Array, s: Array) -> Array:
        return rows.at[i].set(c * rows[i] - s * rows[j]).at[j].set(s * rows[i] + c * rows[j])

    def rotate(k: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
        matrix, vectors = now
        i, j = pairs[k % len(pairs)]
        angle = 0.5 * jnp.arctan2(2 * matrix[i, j], matrix[j, j] - matrix[i, i])
        angle = jnp.where(jnp.abs(angle) > jnp.pi / 4, angle - jnp.sign(angle) * jnp.pi / 2, angle)
        turn = (i, j, jnp.cos(angle), jnp.sin(angle))
        return turned(turned(matrix, *turn).T, *turn), turned(vectors, *turn)

    pairs = jnp.asarray(list(combinations(range(len(matrix)), 2)))
    start = (matrix, jnp.eye(len(matrix), dtype=matrix.dtype))
    matrix, vectors = jax.lax.fori_loop(0, SWEEPS * len(pairs), rotate, start)
    return jnp.diag(matrix), vectors


def connectivity(key: Key[Array, ""], theta: Theta, noise: float) -> tuple[Factor, Factor]:
    """U and V with noise of that sd."""
    u, v = (theta[name].reshape(-1, RANK) for name in ("U", "V"))
    moved = noise * normals(key, 2 * u.size).astype(u.dtype).reshape(2, *u.shape)
    return u + moved[0], v + moved[1]


def simulate(key: Key[Array, ""], theta: Theta, *, noise: float) -> dict[str, Float[Array, ""]]:
    """Both statistics of one noisy network."""
    u, v = connectivity(key, theta, noise)
    return {"real_part": real_part(u, v), "symmetric_part": symmetric_part(u, v)}


def activity(key: Key[Array, ""], theta: Theta, *, noise: float) -> Float[Array, "num_rows 301"]:
    """The norm of the activity, and some of its neurons, from the unit state that grows fastest at first."""
    u, v = connectivity(key, theta, noise)

    def advance(x: Array, _: None) -> tuple[Array, Array]:
        return x + DT * (u @ (v.T @ x) - x), jnp.append(jnp.linalg.norm(x), x[:MOST_DRAWN])

    start = most_amplified(u, v)
    start *= jnp.sign(start[jnp.argmax(jnp.abs(start))])  # an eigenvector has either sign
    return jax.lax.scan(advance, start, length=len(TIME))[1].T


def amplifying(num_neurons: int) -> Float[np.ndarray, " dim"]:
    """Parameters with a real part of 0.5 and a symmetric part of 1.5.

    Columns of U lie along e, those of V along 0.5 e + sqrt(6) f, with unit vectors e and f at right angles.
    """
    even = num_neurons - num_neurons % 2
    e = np.ones(num_neurons) * (np.arange(num_neurons) < even) / np.sqrt(even)
    f = e * (-1.0) ** np.arange(num_neurons)
    u, v = 1.2 * e, (0.5 * e + np.sqrt(6) * f) / (1.2 * RANK)
    return np.concatenate([np.repeat(u, RANK), np.repeat(v, RANK)]).astype(np.float32)


def make_low_rank_rnn(num_neurons: int = 2, *, noise: float = 0.01) -> Simulator:
    """The model with N neurons, and so with 4 N parameters.

    Args:
        num_neurons: N, two or more.
        noise: g, the sd of the noise of the entries of U and V.

    Raises:
        ValueError: fewer than two neurons, or a negative noise.
    """
    if num_neurons < 2 or not noise >= 0:
        raise ValueError(
            "The low-rank network takes two or more neurons and a noise of 0 or more; got "
            f"{num_neurons!r} neurons and a noise of {noise!r}."
        )
    entries = dist.Uniform(-1.0, 1.0).expand([RANK * num_neurons]).to_event(1)
    neurons = tuple(f"neuron {i + 1}" for i in range(min(num_neurons, MOST_DRAWN)))
    return Simulator(
        "low_rank_rnn",
        Prior({"U": entries, "V": entries}, labels={"U": "$U$", "V": "$V$"}),
        partial(simulate, noise=noise),
        feature_labels={"real_part": "largest real part", "symmetric_part": "symmetric part"},
        targets={"real_part": (0.5, 0.25), "symmetric_part": (1.5, 0.25)},
        axes=RecordingAxes(TIME, "activity", "", time_unit="τ", rows=("norm", *neurons)),
        picture=partial(activity, noise=noise),
        true_theta=amplifying(num_neurons),
        title="Low-rank recurrent network",
        summary="Neurons with connectivity of rank two: which amplify what they receive, and settle in the "
        "end?",
        source="Bittner et al. 2021, Interrogating theoretical models of neural computation with emergent "
        "property inference, eLife 10:e56265, figure 2",
    )


low_rank_rnn = make_low_rank_rnn()
