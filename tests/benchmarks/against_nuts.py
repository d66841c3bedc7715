"""How near does SNPE come to exact draws? C2ST between it and NUTS, for each model with a likelihood.

    python -m tests.benchmarks.against_nuts [--models two_moons gabor_v1] [--set num_simulations=10000]

A JSON line for each model: C2ST with its interval, R-hat and effective draws of NUTS, CPU seconds of both.
`gabor_v1` is learnt from the twelve numbers of `gabor_v1_fit`, at the recording that favours neither of its
modes, where NUTS has the likelihood of all spikes: so even a perfect network, which sees less, is above 0.5.
Its angle enters as sine and cosine, and its tree depth is limited to 5, because each slope costs a look at
the whole movie.
"""

import argparse
import json
import sys
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np

from inference import NUTS, SNPE, DrawnPosterior, run
from inference.diagnostics import c2st_interval
from inference.settings import make_config
from simulators import Simulator, get_simulator
from simulators.base import Observed, feature_row
from simulators.models import gabor_v1
from simulators.models.gabor_fit import gabor_v1_fit
from tests.benchmarks.gabor_modes import most_even, recordings

MODELS = (
    "linear_gaussian",
    "gaussian_mixture_mean",
    "gaussian_mixture_two_means",
    "two_moons",
    "bernoulli_glm",
)
GABOR = "gabor_v1"
GABOR_NUTS = NUTS(
    num_chains=8, num_warmup=100, num_samples=500, num_particles=512, target_accept=0.8, max_tree_depth=5,
    num_jumps=16,
)  # fmt: skip
MOST_DRAWS = 10_000


def main() -> None:
    """Run and write the lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=[*MODELS, GABOR])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], help="settings of SNPE, name=value")
    options = parser.parse_args()
    config = make_config("snpe", dict(item.split("=") for item in options.set))
    assert isinstance(config, SNPE)
    for name in options.models:
        row = {"model": name, "simulations": config.num_simulations, "seed": options.seed}
        sys.stdout.write(json.dumps(row | compare(name, config, options.seed)) + "\n")
        sys.stdout.flush()


def compare(name: str, config: SNPE, seed: int) -> dict[str, object]:
    """C2ST and what it cost."""
    learnt_from, exact_for, nuts = _models(name)
    key, began = jax.random.key(seed), time.process_time()
    x_o = learnt_from.default_observation().x
    snpe = run(config, learnt_from, x_o, key=key, on_progress=False).posterior
    between = time.process_time()
    exact = run(nuts, exact_for, exact_for.default_observation().x, key=key, on_progress=False)
    spent = between - began, time.process_time() - between
    assert isinstance(exact.posterior, DrawnPosterior)
    num = min(MOST_DRAWS, len(exact.posterior.rows))
    pair = [one.sample(jax.random.key(k), num) for k, one in ((1, snpe), (2, exact.posterior))]
    found = c2st_interval(jax.random.key(3), *(_unfolded(np.asarray(draws), learnt_from) for draws in pair))
    chains = exact.tree["diagnostics"].to_dataset()
    return {
        "c2st": round(float(found.accuracy), 4),
        "interval": [round(float(value), 3) for value in found.interval],
        "draws": num,
        "r_hat": round(float(chains["r_hat"].max()), 3),
        "effective_draws": int(chains["ess_bulk"].min()),
        "snpe_cpu_seconds": round(spent[0]),
        "nuts_cpu_seconds": round(spent[1]),
    }


def _models(name: str) -> tuple[Simulator, Simulator, NUTS]:
    """That which is learnt from, that with the likelihood, and how to sample it."""
    if name != GABOR:
        return get_simulator(name), get_simulator(name), NUTS()
    counts = recordings()
    seen = jnp.asarray(counts[most_even(counts[1:]) + 1])
    assert gabor_v1_fit.features is not None
    observed = Observed(np.asarray(feature_row(gabor_v1_fit.features(seen))))
    return replace(gabor_v1_fit, observed=observed), gabor_v1.given(seen), GABOR_NUTS


def _unfolded(theta: np.ndarray, simulator: Simulator) -> np.ndarray:
    """Draws with an angle as its sine and cosine."""
    names = simulator.prior.names
    if "angle" not in names:
        return theta
    k = names.index("angle")
    return np.column_stack([np.delete(theta, k, 1), np.sin(theta[:, k]), np.cos(theta[:, k])])


if __name__ == "__main__":
    main()
