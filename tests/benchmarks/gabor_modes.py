"""Are both posterior modes of the Gabor toy cell found, half a turn apart?

    python tests/benchmarks/gabor_modes.py [--num 10000] [--seed 0] [--set num_rounds=2]

Trains SNPE with a cnn on prior simulations, draws from the posterior at the built-in observation, and tells
which share of the draws has the angle within half a radian of the true one and of the opposite one, and how
the fields of each correlate with the true field. More than 10 minutes of CPU at 10 000 simulations.
"""

import argparse
import os
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from inference import SNPE, run
from simulators.models.gabor_v1 import PRIOR, gabor_v1, receptive_field

NUM_DRAWS = 5000
NEAR = 0.5  # rad


def angles_apart(angle: np.ndarray, other: float) -> np.ndarray:
    """Smallest turn between angles, rad."""
    return np.abs((angle - other + np.pi) % (2 * np.pi) - np.pi)


def main() -> None:
    """Run and write the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], help="further settings of SNPE, name=number")
    options = parser.parse_args()
    more = {name: int(value) for name, value in (item.split("=") for item in options.set)}
    observed, began = gabor_v1.default_observation(), time.process_time()
    config = SNPE(embedding="cnn", num_simulations=options.num, **more)
    result = run(config, gabor_v1, observed.x, key=jax.random.key(options.seed), on_progress=False)
    sys.stdout.write(f"{time.process_time() - began:.0f} s CPU, load {os.getloadavg()[0]:.1f}\n")
    theta = np.asarray(result.posterior.sample(jax.random.key(1), NUM_DRAWS))
    fields = jax.vmap(lambda row: receptive_field(PRIOR.as_dict(row)).ravel())(
        jnp.concatenate([jnp.asarray(observed.theta)[None], theta])
    )
    correlation = np.corrcoef(np.asarray(fields, np.float64))[0, 1:]
    column = PRIOR.names.index("angle")
    for name, turn in (("true angle", 0.0), ("half a turn away", np.pi)):
        near = angles_apart(theta[:, column], float(observed.theta[column]) + turn) < NEAR
        middle = np.median(correlation[near]) if near.any() else np.nan
        sys.stdout.write(f"{name}: {near.mean():.3f} of the draws, median correlation {middle:.3f}\n")
    sys.stdout.write(
        f"correlation of all: quartiles {np.quantile(correlation, [0.25, 0.5, 0.75]).round(3)}\n"
    )


if __name__ == "__main__":
    main()
