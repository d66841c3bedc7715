"""Superior colliculus: which connectivity switches between two tasks from one trial to the next?

Four populations, one for each hemisphere (L, R) and task (Pro: turn towards the light; Anti: away from it),
in the order LP, LA, RA, RP, with activity x:

    tau du/dt = -u + W x + h(t) + noise,   x = (1 + tanh((u - 0.05) / 0.5)) / 2,   tau = 0.09 s

W is symmetric, with weights sW (of a population to itself), vW (to the other task of the hemisphere), dW (to
the other task of the other hemisphere) and hW (to the same task of the other). Euler steps of 24 ms for
1.8 s; the noise, 0.2 times a fresh standard normal in each step, is not scaled by the root of the step.

Input: 0.75 to all; 0.5 to Pro; a rule of 0.6, to Pro or to Anti, until 1.2 s; then a choice period of 0.25 to
all, with a light of 0.5 to the left until 1.5 s. The statistics are the shares of correct trials, means over
200 trials of each task of the sigmoid of 100 (x_LP - x_RP) at the end (Pro), and of its complement (Anti).

Silencing by gamma multiplies the activity by 1 - gamma in the delay, from 0.8 to 1.2 s.

Model and statistics are those of Bittner et al. 2021, eLife 10:e56265, figures 4 and 5, who ask for 0.75 +-
0.075 in both tasks; initial state and noise are those of its code. The model is of Duan et al. 2021.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro import distributions as dist

from simulators.base import RecordingAxes, Simulator, Theta
from simulators.batch_last import simulations_last
from simulators.counter_noise import key_words, step_normals
from simulators.prior import Prior

POPULATIONS, TASKS = ("LP", "LA", "RA", "RP"), ("Pro", "Anti")
TAU, DT, NUM_STEPS = 0.09, 0.024, 74  # s
CENTRE, WIDTH = 0.05, 0.5  # of the nonlinearity
NOISE, START, START_NOISE = 0.2, 0.1, 0.005
STEEPNESS = 100.0  # of the choice
RULE_UNTIL, LIGHT_UNTIL = 49, 62  # last steps; the choice period begins one step later than the rule ends
DELAY = np.arange(NUM_STEPS + 1)
IS_SILENT = (DELAY >= 34) & (DELAY <= 50)  # 0.8 to 1.2 s
TIME = DELAY * DT

WEIGHTS = ("sW", "vW", "dW", "hW")
MODES = ("all", "side", "task", "diag")
SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, -1, 1], [1, -1, 1, -1]])  # row: mode, column: weight

Noise = Callable[[Array], Array]

PRIOR = Prior(
    {name: dist.Uniform(-5.0, 5.0) for name in WEIGHTS}, labels={name: f"${name}$" for name in WEIGHTS}
)


def eigenvalues(weights: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Eigenvalues of W of rows sW, vW, dW, hW: of the modes all, side, task and diag."""
    return np.asarray(weights) @ SIGNS.T


def weights(eigenvalues: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
    """Rows sW, vW, dW, hW of the connectivity with these eigenvalues of all, side, task and diag."""
    return np.asarray(eigenvalues) @ SIGNS / 4


def make_inputs() -> Float[np.ndarray, "75 4 2"]:
    """Input to each population in each task; the first step has none."""
    step = DELAY[:, None]
    is_choice = step > RULE_UNTIL + 1
    pro, left = np.array([1, 0, 0, 1]), np.array([1, 1, 0, 0])
    common = 0.75 + 0.5 * pro + 0.25 * is_choice + 0.5 * left * (is_choice & (step <= LIGHT_UNTIL))
    rule = 0.6 * (step <= RULE_UNTIL)
    return np.stack([common + rule * pro, common + rule * (1 - pro)], axis=-1)


INPUTS = make_inputs()


def trials(
    theta: Float[Array, " 4 *batch"], noise: Noise, silencing: float | Array, *, is_stored: bool = True
) -> Float[Array, "steps 4 2 *batch"]:
    """Activity of the populations in a trial of each task: at all 75 steps, or the last only.

    Args:
        theta: sW, vW, dW, hW.
        noise: number of a step -> standard normals, (4, 2, *batch); of step 0 for the initial state.
        silencing: gamma, 0 to 1.
        is_stored: whether all steps are given.
    """
    inputs = jnp.asarray(INPUTS, theta.dtype)[1:].reshape(NUM_STEPS, 4, 2, *[1] * (theta.ndim - 1))
    kept = 1 - silencing * jnp.asarray(IS_SILENT[1:], theta.dtype)

    def advance(state: tuple[Array, Array], at: tuple) -> tuple[tuple[Array, Array], Array | None]:
        u, x = state
        i, h, factor = at
        u = u + DT / TAU * (received(x, theta) + h + NOISE * noise(i) - u)
        x = factor * jax.nn.sigmoid((u - CENTRE) * (2 / WIDTH))
        return (u, x), x if is_stored else None

    x = START + START_NOISE * noise(jnp.zeros((), int))
    u = WIDTH * jnp.arctanh(2 * x - 1) - CENTRE  # with the sign of the code; the inverse would add
    (_, last), path = jax.lax.scan(advance, (u, x), (jnp.arange(1, NUM_STEPS + 1), inputs, kept))
    return last[None] if path is None else jnp.concatenate([x[None], path])


def received(x: Float[Array, "4 2 *batch"], theta: Float[Array, " 4 *batch"]) -> Float[Array, "4 2 *batch"]:
    """The product W x, by turning hemispheres and tasks round."""
    pairs = x.reshape(2, 2, *x.shape[1:])  # LP, LA; RA, RP
    own, vertical, diagonal, horizontal = theta
    total = own * pairs + vertical * pairs[:, ::-1] + diagonal * pairs[::-1] + horizontal * pairs[::-1, ::-1]
    return total.reshape(x.shape)


def correct(last: Float[Array, "4 2 *batch"]) -> Float[Array, " 2 *batch"]:
    """How far the choice is right in Pro and Anti trials, 0 to 1, from the activity at the end."""
    towards = STEEPNESS * (last[0] - last[3])
    return jax.nn.sigmoid(jnp.stack([towards[0], -towards[1]]))


def accuracies(
    key: Key[Array, ""], theta: Float[Array, " 4"], silencing: float | Array, *, num_trials: int = 200
) -> Float[Array, " 2"]:
    """Shares of correct Pro and Anti trials at any strength of silencing, which may be traced by JAX.

    Args:
        key: the same key gives the trials of the simulator.
        theta: sW, vW, dW, hW.
        silencing: gamma, a number from 0 to 1.
        num_trials: of each task.
    """
    words = _trial_words(key, num_trials).T
    many = jnp.broadcast_to(theta[:, None], (4, num_trials))
    return correct(_activity(words, many, silencing, is_stored=False)[-1]).mean(axis=-1)


def simulate(
    key: Key[Array, ""], theta: Theta, *, silencing: float, num_trials: int
) -> Float[Array, "n 4 2 75"]:
    """Activity in each pair of trials, of population and task."""
    run = simulations_last(partial(_activity, silencing=silencing))
    path = jax.vmap(run, (0, None))(_trial_words(key, num_trials), _row(theta))
    return jnp.moveaxis(path, 1, -1)


def features(recording: Float[Array, "n 4 2 75"]) -> dict[str, Float[Array, ""]]:
    """Shares of correct Pro and Anti trials."""
    return _named(correct(jnp.moveaxis(recording[..., -1], 0, -1)).mean(axis=-1))


def simulate_features(
    key: Key[Array, ""], theta: Theta, *, silencing: float, num_trials: int
) -> dict[str, Float[Array, ""]]:
    """The features without storing the activity."""

    def choices(words: Array, row: Array) -> Array:
        return correct(_activity(words, row, silencing, is_stored=False)[-1])

    found = jax.vmap(simulations_last(choices), (0, None))(_trial_words(key, num_trials), _row(theta))
    return _named(found.mean(axis=0))


def one_pair(key: Key[Array, ""], theta: Theta, *, silencing: float) -> Float[Array, "8 75"]:
    """Activity of the populations in the first Pro trial, and then in the first Anti trial."""
    return simulate(key, theta, silencing=silencing, num_trials=1)[0].swapaxes(0, 1).reshape(8, -1)


def _named(values: Array) -> dict[str, Array]:
    return {"pro_accuracy": values[0], "anti_accuracy": values[1]}


def _row(theta: Theta) -> Array:
    return jnp.stack([theta[name] for name in WEIGHTS])


def _trial_words(key: Array, num: int) -> Array:
    return jax.vmap(lambda i: key_words(jax.random.fold_in(key, i)))(jnp.arange(num))


def _activity(words: Array, theta: Array, silencing: float | Array, *, is_stored: bool = True) -> Array:
    def noise(i: Array) -> Array:
        return step_normals(words, i, 8).reshape(4, 2, *words.shape[1:]).astype(theta.dtype)

    return trials(theta, noise, silencing, is_stored=is_stored)


def make_superior_colliculus(*, silencing: float = 0.0, num_trials: int = 200) -> Simulator:
    """The model with its delay silenced, or with statistics of fewer or more trials.

    Args:
        silencing: gamma, 0 (none) to 1.
        num_trials: of each task, over which the statistics are averaged.

    Raises:
        ValueError: silencing outside [0, 1], or no trial.
    """
    if not (0 <= silencing <= 1 and num_trials >= 1):
        raise ValueError(
            "The model of the superior colliculus takes a silencing from 0 to 1 and one trial or more; got "
            f"{silencing!r} and {num_trials!r} trials."
        )
    rows = tuple(f"{population}, {task}" for task in TASKS for population in POPULATIONS)
    return Simulator(
        "superior_colliculus",
        PRIOR,
        partial(simulate, silencing=silencing, num_trials=num_trials),
        features,
        feature_labels={"pro_accuracy": "accuracy in Pro", "anti_accuracy": "accuracy in Anti"},
        targets={"pro_accuracy": (0.75, 0.075), "anti_accuracy": (0.75, 0.075)},
        simulate_features=partial(simulate_features, silencing=silencing, num_trials=num_trials),
        axes=RecordingAxes(TIME, "activity", "", time_unit="s", rows=rows),
        picture=partial(one_pair, silencing=silencing),
        chunk_size=128,
        true_theta=np.array([0.87, -3.39, -1.63, -1.69], np.float32),
        title="Superior colliculus",
        summary="Two hemispheres and two tasks that change from trial to trial: which connections let an "
        "animal turn towards a light or away from it, three times out of four?",
        source="Bittner et al. 2021, eLife 10:e56265, figures 4 and 5; model of Duan et al. 2021, Neuron 109",
    )


superior_colliculus = make_superior_colliculus()
