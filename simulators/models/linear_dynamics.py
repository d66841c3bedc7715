"""Two linear dynamical variables: which couplings make them oscillate at 1 Hz?

    tau dx/dt = A x,   tau = 1 s,   A = (a11, a12; a21, a22)

The statistics are those of the eigenvalue lambda with the largest real part and a positive imaginary part:
the rate of its growth, Re(lambda), and the frequency of its oscillation, Im(lambda) / (2 pi). With
s = (a11 + a22) / 2 and d = (a11 - a22)^2 + 4 a12 a21,

    Re(lambda) = s + sqrt(max(d, 0)) / 2,   Im(lambda) = sqrt(max(-d, 0)) / 2

There is no noise. Where d = 0 both have a kink of infinite slope on one side: see ``simulators.smooth``.
The model is the first example of Bittner et al. 2021, eLife 10:e56265, who ask for a rate of 0 +- 0.25 per s
and for 1 +- 0.1 Hz.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.prior import Prior
from simulators.smooth import root

NAMES = ("a11", "a12", "a21", "a22")
DT, DURATION = 0.01, 3.0  # s, of what is drawn
TIME = np.arange(round(DURATION / DT) + 1) * DT

PRIOR = Prior(
    {name: dist.Uniform(-10.0, 10.0) for name in NAMES},
    units=dict.fromkeys(NAMES, "1/s"),
    labels={name: f"$a_{{{name[1:]}}}$" for name in NAMES},
)


def simulate(key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
    """Real part, in 1/s, and frequency, in Hz, of the leading eigenvalue; nothing is random."""
    del key
    discriminant = (theta["a11"] - theta["a22"]) ** 2 + 4 * theta["a12"] * theta["a21"]
    return {
        "real_part": (theta["a11"] + theta["a22"] + root(discriminant)) / 2,
        "frequency": root(-discriminant) / (4 * math.pi),
    }


def trajectory(key: Key[Array, ""], theta: Theta) -> Float[Array, "2 301"]:
    """Both variables for 3 s in steps of 10 ms, from (1, 0)."""
    del key
    matrix = jnp.stack([theta[name] for name in NAMES]).reshape(2, 2)
    step = jax.scipy.linalg.expm(matrix * DT)
    start = jnp.array([1.0, 0.0], matrix.dtype)
    return jax.lax.scan(lambda x, _: (step @ x, x), start, length=len(TIME))[1].T


linear_dynamics = Simulator(
    "linear_dynamics",
    PRIOR,
    simulate,
    feature_units={"real_part": "1/s", "frequency": "Hz"},
    feature_labels={"real_part": "real part", "frequency": "frequency"},
    targets={"real_part": (0.0, 0.25), "frequency": (1.0, 0.1)},
    axes=RecordingAxes(TIME, "activity", "", time_unit="s", rows=("x1", "x2")),
    picture=trajectory,
    true_theta=np.array([0.0, 2 * math.pi, -2 * math.pi, 0.0], np.float32),
    title="Linear dynamics",
    summary="Two variables that drive each other: which couplings make a lasting oscillation of 1 Hz? "
    "Two separate families do.",
    source="Bittner et al. 2021, Interrogating theoretical models of neural computation with emergent "
    "property inference, eLife 10:e56265",
)
