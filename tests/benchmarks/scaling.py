"""How do time and memory grow with simulations, parameters and features? A JSON line for each setting.

    python -m tests.benchmarks.scaling [--quick]

SNPE with one network, five epochs at most, on a linear Gaussian model: everything is as in a real run but
for the length of the training. Each setting is a process of its own, because its peak memory is wanted.
Seconds are processor seconds: pinned to one core (`taskset -c 0`) they are those of a clock.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from inference import SNPE, run
from inference.progress import Progress
from simulators import Prior, Simulator

DEFAULT = {"simulations": 10_000, "parameters": 8, "features": 8}
CURVES = {
    "simulations": (1_000, 10_000, 100_000, 1_000_000),
    "parameters": (2, 8, 32, 128),
    "features": (8, 64, 512, 4_096),
}
EPOCHS = 5
NUM_DRAWS = 10_000


def linear_model(num_parameters: int, num_features: int) -> Simulator:
    """Features A theta + noise, where each row of A has length one."""
    matrix = np.random.default_rng(0).normal(size=(num_features, num_parameters)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)

    def simulate(key: jax.Array, theta: dict[str, jax.Array]) -> jax.Array:
        mean = jnp.asarray(matrix) @ theta["theta"]
        return mean + 0.3 * jax.random.normal(key, (num_features,))

    prior = Prior({"theta": dist.Normal(0.0, 1.0).expand([num_parameters]).to_event(1)})
    return Simulator("linear", prior, simulate)


def measure(setting: dict[str, int]) -> dict[str, Any]:
    """Seconds of the processor and peak memory of one setting, in this process."""
    model = linear_model(setting["parameters"], setting["features"])
    config = SNPE(num_simulations=setting["simulations"], num_members=1, max_epochs=EPOCHS)
    key, began, times = jax.random.key(0), time.process_time(), {}

    def hear(event: Progress) -> None:
        """Keep the time at which as much of a stage was first heard to be done."""
        times.setdefault((event.stage, event.done), time.process_time())

    result = run(config, model, np.zeros(setting["features"], np.float32), key=key, on_progress=hear)
    total = time.process_time() - began
    simulated = max(when for (stage, _), when in times.items() if stage == "simulate") - began
    epochs = [when for (stage, done), when in times.items() if stage == "train" and done]
    jax.block_until_ready(result.posterior.sample(key, NUM_DRAWS))
    compiled = time.process_time()
    jax.block_until_ready(result.posterior.sample(key, NUM_DRAWS))
    drawn = time.process_time() - compiled
    return setting | {
        "simulate_s": round(simulated, 2),
        "epoch_s": round((epochs[-1] - epochs[0]) / (len(epochs) - 1), 4) if len(epochs) > 1 else None,
        "draws_s": round(drawn, 4),
        "in_all_s": round(total, 1),
        "peak_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def settings(*, quick: bool) -> list[dict[str, int]]:
    """Each curve varies one number; the point that all have in common comes once."""
    curves = {"parameters": (2,)} if quick else CURVES
    base = DEFAULT | {"simulations": 500} if quick else DEFAULT
    points = [base | {name: value} for name, values in curves.items() for value in values]
    return list({json.dumps(point): point for point in points}.values())


def main() -> None:
    """Measure every setting, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one small setting")
    parser.add_argument("--one", help="a setting as JSON, measured in this process")
    arguments = parser.parse_args()
    if arguments.one:
        sys.stdout.write(json.dumps(measure(json.loads(arguments.one))) + "\n")
        return
    for setting in settings(quick=arguments.quick):
        command = [sys.executable, "-m", "tests.benchmarks.scaling", "--one", json.dumps(setting)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
