"""How near do classical methods come on the Bernoulli GLM? Relative KL error against long exact chains.

    python -m tests.benchmarks.abc_glm [--budgets 1000,10000,100000] [--seeds 0] [--methods rejection,smc,...]

The curves of figure 2d of Goncalves et al. 2020 (doi:10.7554/eLife.56261): 0 is perfect, 1 is the prior. One
line of JSON for each run. Rejection ABC keeps one in a hundred and at least 100, SMC-ABC has particles as the
square root of ten times the budget: 100, 316, 1000; these, like the narrow kernel, by the results on seeds
0 and 1.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inference import SMCABC, SNPE, DrawnPosterior, RejectionABC, diagnostics, run
from simulators import get_simulator
from simulators.models.bernoulli_glm import prior_precision

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "vectors_snpe" / "glm_T100.npz"
LEAST = 100  # draws, which a covariance in ten dimensions needs


def rejection(num: int, *, adjusted: bool = False) -> RejectionABC:
    """Settings for a budget."""
    return RejectionABC(num, keep_share=max(0.01, LEAST / num), regression_adjustment=adjusted)


def smc(num: int, *, kernel_scale: float = 2.0) -> SMCABC:
    """Settings for a budget."""
    return SMCABC(num, num_particles=max(LEAST, round((10 * num) ** 0.5)), kernel_scale=kernel_scale)


METHODS: Mapping[str, Callable[[int], Any]] = {
    "rejection": rejection,
    "nearest_100": lambda num: RejectionABC(num, keep_share=LEAST / num),
    "regression": lambda num: rejection(num, adjusted=True),
    "smc": smc,
    "smc_narrow": lambda num: smc(num, kernel_scale=0.5),
    "snpe": lambda num: SNPE(num),
}


def measure(method: str, num: int, seed: int) -> dict[str, Any]:
    """One run: its error, and what it cost."""
    simulator, began = get_simulator("bernoulli_glm"), time.perf_counter()
    result = run(
        METHODS[method](num),
        simulator,
        simulator.default_observation().x,
        key=jax.random.key(seed),
        on_progress=False,
    )
    seconds, key = time.perf_counter() - began, jax.random.key(10_000 + seed)
    posterior = result.posterior
    draws = posterior.rows if isinstance(posterior, DrawnPosterior) else posterior.sample(key, 10_000)
    found = result.tree["diagnostics"]
    names = [name for name in ("abc_threshold", "effective_draws") if name in found]
    known = {name: float(np.asarray(found[name])) for name in names}
    return {
        "method": method,
        "num_simulations": num,
        "seed": seed,
        "relative_kl_error": round(error_of(draws), 4),
        "seconds": round(seconds, 1),
        **{name: round(value, 3) for name, value in known.items()},
        "verdict": diagnostics.verdict(result.tree).level,
    }


def error_of(draws: Any) -> float:
    """Of draws (n, 10): Gaussians of the same moments, relative to the prior's error."""
    reference = np.load(REFERENCE)
    exact = diagnostics.Gaussian(reference["posterior_mean"], reference["posterior_cov"])
    before = diagnostics.Gaussian(np.zeros(10), np.linalg.inv(prior_precision()))
    return diagnostics.relative_kl_error(np.asarray(draws), exact, before)


def main() -> None:
    """Measure, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budgets", default="1000,10000,100000")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--methods", default="rejection,nearest_100,regression,smc,smc_narrow")
    asked = parser.parse_args()
    for seed in map(int, asked.seeds.split(",")):
        for num in map(int, asked.budgets.split(",")):
            for method in asked.methods.split(","):
                sys.stdout.write(json.dumps(measure(method, num, seed)) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
