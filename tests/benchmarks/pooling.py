"""What does pooling give? HNPE beside a plain network that sees all observations side by side.

    python -m tests.benchmarks.pooling [--seeds 1,2,3] [--extras 9] [--num 10000]

Both learn (alpha_0, beta) of the toy with an exact posterior from the same number of groups: HNPE treats the
extras alike whatever their order, the plain network (SNPE on x_0 ... x_N in a row) has to find that out. Each
line is one training and one group of observations; C2ST is of 10 000 draws against exact ones.
"""

import argparse
import json
import sys
import time

import jax
import numpy as np
from jaxtyping import Array, Float, Key

from inference import HNPE, SNPE, Observation, run
from inference.diagnostics import c2st
from simulators import Prior, Simulator, get_simulator
from simulators.base import Theta

NUM_DRAWS = 10_000
TOY = get_simulator("hnpe_toy")


def side_by_side(num_extra: int) -> Simulator:
    """The toy with all observations of a group as one row of features, and the parameters of the first."""

    def simulate(key: Key[Array, ""], theta: Theta) -> dict[str, Float[Array, ""]]:
        own_key, *keys = jax.random.split(key, num_extra + 1)
        made = {"x_0": TOY.simulate(own_key, theta)["x"]}
        for i, extra_key in enumerate(keys, start=1):
            alpha_key, noise_key = jax.random.split(extra_key)
            other = {**theta, "alpha": jax.random.uniform(alpha_key)}
            made[f"x_{i}"] = TOY.simulate(noise_key, other)["x"]
        return made

    return Simulator("side_by_side", Prior(TOY.prior.marginals), simulate, title="Side by side")


def group(key: Key[Array, ""], num_extra: int) -> Float[np.ndarray, "n 1"]:
    """x_0 ... x_N of parameters from the prior."""
    theta_key, key = jax.random.split(key)
    theta = TOY.prior.as_dict(TOY.prior.sample(theta_key, 1)[0])
    made = side_by_side(num_extra).simulate(key, theta)
    return np.array([[made[f"x_{i}"]] for i in range(num_extra + 1)], np.float32)


def compare(seed: int, num: int, num_extra: int) -> dict[str, float]:
    """C2ST and seconds of both, of one seed for data and training."""
    key, data_key, exact_key, draw_key, test_key = jax.random.split(jax.random.key(seed), 5)
    x = group(data_key, num_extra)
    exact = np.asarray(TOY.exact_posterior(exact_key, x[0], NUM_DRAWS, extra=x[1:]))
    tried = {
        "HNPE": (HNPE(num_simulations=num, num_extra=num_extra), TOY, Observation(x[0], x[1:])),
        "plain": (SNPE(num_simulations=num), side_by_side(num_extra), x[:, 0]),
    }
    found: dict[str, float] = {}
    for name, (config, simulator, goal) in tried.items():
        began = time.perf_counter()
        done = run(config, simulator, goal, key=key, on_progress=False)
        seconds = time.perf_counter() - began
        theta = np.asarray(done.posterior.sample(draw_key, NUM_DRAWS))
        found |= {name: round(c2st(test_key, exact, theta), 4), f"{name}, s": round(seconds, 1)}
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--extras", type=int, default=9)
    parser.add_argument("--num", type=int, default=10_000, help="groups to learn from")
    asked = parser.parse_args()
    for seed in map(int, asked.seeds.split(",")):
        line = {"seed": seed, "extras": asked.extras, **compare(seed, asked.num, asked.extras)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
