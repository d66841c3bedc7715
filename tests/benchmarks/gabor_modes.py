"""Are both posterior modes of the Gabor toy cell found, half a turn apart, and with the right shares?

    python tests/benchmarks/gabor_modes.py [--model gabor_v1_fit] [--seed 0] [--set num_simulations=20000]

Trains SNPE on prior simulations; then, for the built-in recording and that of ten further recordings of the
same cell whose fitted phase is nearest to zero, tells which share of the posterior draws has the angle within
half a radian of the true one and of the opposite one, how their fields correlate with the true field, and the
same of the exact posterior: the draws, weighted by the likelihood of the spikes. The share of the draws that
these weights leave says how far to trust the latter.
"""

import argparse
import os
import sys
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from inference import SNPE, run
from inference.posterior import Posterior
from inference.reweighting import effective_share, log_importance_weights
from inference.settings import make_config
from simulators import Simulator, get_simulator
from simulators.base import feature_row
from simulators.models import gabor_v1 as model
from simulators.models.gabor_fit import fitted

NUM_DRAWS = 2_000
NUM_RECORDINGS = 10
NEAR = 0.5  # rad


def angles_apart(angle: np.ndarray, other: float) -> np.ndarray:
    """Smallest turn between angles, rad."""
    return np.abs((angle - other + np.pi) % (2 * np.pi) - np.pi)


def recordings() -> np.ndarray:
    """Spike counts of the built-in recording, then of ten further ones of the same cell: (11, 12000)."""
    keys = [jax.random.key(0), *jax.random.split(jax.random.key(1), NUM_RECORDINGS)]
    theta = jnp.tile(jnp.asarray(model.gabor_v1.true_theta), (len(keys), 1))
    simulate = jax.jit(jax.vmap(lambda key, row: model.simulate(key, model.PRIOR.as_dict(row))))
    return np.asarray(simulate(jnp.stack(keys), theta))


def most_even(counts: np.ndarray) -> int:
    """Which recording's best fit has the phase nearest to zero, where both answers are equally good."""
    lean = jax.jit(jax.vmap(lambda row: fitted(model.features(row))))(jnp.asarray(counts))
    return int(np.argmin(np.hypot(lean["lean_cosine"], lean["lean_sine"])))


def modes(theta: np.ndarray, weight: np.ndarray, true: np.ndarray) -> dict[str, tuple[float, float]]:
    """For each of the two angles the weighted share of the draws near it, and their fields' correlation."""
    fields = jax.jit(jax.vmap(lambda row: model.receptive_field(model.PRIOR.as_dict(row)).ravel()))
    rows = np.asarray(fields(jnp.asarray(np.concatenate([true[None], theta]))), np.float64)
    correlation, column = np.corrcoef(rows)[0, 1:], model.PRIOR.names.index("angle")
    found = {}
    for name, turn in (("true angle", 0.0), ("half a turn away", np.pi)):
        near = angles_apart(theta[:, column], float(true[column]) + turn) < NEAR
        share = float(weight[near].sum() / weight.sum())
        found[name] = share, _median(correlation[near], weight[near]) if share > 0 else float("nan")
    return found


def answer(posterior: Posterior, simulator: Simulator, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draws of the posterior given a recording, and the log weights that make them exact."""
    seen = jnp.asarray(counts)
    assert simulator.features is not None
    x = np.asarray(feature_row(simulator.features(seen)))
    theta = np.asarray(posterior.sample(jax.random.key(1), NUM_DRAWS, x))
    known = replace(simulator, log_likelihood=lambda t, _: model.log_likelihood_of_counts(t, seen))
    return theta, log_importance_weights(posterior, known, theta, x)


def _median(values: np.ndarray, weight: np.ndarray) -> float:
    order = np.argsort(values)
    return float(np.interp(0.5, np.cumsum(weight[order]) / weight.sum(), values[order]))


def main() -> None:
    """Run and write the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="gabor_v1_fit", choices=("gabor_v1", "gabor_v1_fit"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], help="settings of SNPE, name=value")
    options = parser.parse_args()
    simulator = get_simulator(options.model)
    config = make_config("snpe", dict(item.split("=") for item in options.set))
    assert isinstance(config, SNPE)
    began, clock = time.process_time(), time.perf_counter()
    result = run(config, simulator, None, key=jax.random.key(options.seed), on_progress=False)
    sys.stdout.write(
        f"{config.num_simulations} simulations, seed {options.seed}: "
        f"{time.process_time() - began:.0f} s CPU, {time.perf_counter() - clock:.0f} s wall, "
        f"load {os.getloadavg()[0]:.1f}\n"
    )
    counts, true = recordings(), np.asarray(model.gabor_v1.true_theta, np.float32)
    for name, row in (("built-in", 0), ("most even", most_even(counts[1:]) + 1)):
        theta, weights = answer(result.posterior, simulator, counts[row])
        sys.stdout.write(f"{name} recording, {int(counts[row].sum())} spikes; ")
        sys.stdout.write(f"draws worth {effective_share(weights):.3f} exact ones each\n")
        for kind, weight in (("SNPE", np.ones(NUM_DRAWS)), ("exact", np.exp(weights))):
            found = modes(theta, weight, true)
            words = [f"{mode} {share:.3f} (correlation {c:.3f})" for mode, (share, c) in found.items()]
            sys.stdout.write(f"  {kind}: {', '.join(words)}\n")


if __name__ == "__main__":
    main()
