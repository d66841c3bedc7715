"""EPI beside SNPE and SMC-ABC on rank-2 networks of growing size: `python -m tests.benchmarks.epi_scaling`.

All are asked for networks with a real part of 0.5 and a symmetric part of 1.5, and have met that as soon as
the mean of 1 000 simulations from what they found is less than 0.5 away, the criterion of Bittner et al.
2021, figure 2. Seconds are those of a whole run, compilation included, with the smallest
budget, among some that double or quadruple, that meets it; failed ones before it are not counted.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from inference import EPI, SMCABC, SNPE, Observation, run
from simulators import simulate_batch
from simulators.models.low_rank_rnn import make_low_rank_rnn
from tests.benchmarks.speed_epi import GOALS

GOAL = GOALS["low_rank_rnn"]
NUM_TEST, NEAR = 1_000, 0.5


@dataclass(frozen=True)
class Attempt:
    """A budget of a method, and how many simulations it takes."""

    config: Any
    num_simulations: int


def attempts(method, neurons):
    """Budgets of a method, the smallest first."""
    if method == "epi":
        config = {"num_seeds": 1, "num_steps": 100, "num_reference": 0, "raise_entropy": False}
        return [Attempt(EPI(**config, max_epochs=n), 100 * 200 * n + 2_000) for n in (1, 2, 4, 8, 16)]
    if method == "snpe":
        each = 1_000 if neurons <= 25 else 5_000
        return [Attempt(SNPE(num_simulations=each, num_rounds=n), each * n) for n in (1, 2, 4, 8)]
    budgets = [1_000 * 4**n for n in range(2, 6)]
    return [Attempt(SMCABC(num_simulations=n, min_acceptance=0.0), n) for n in budgets]


def distance_of(result, simulator):
    """How far the mean of simulations from the result is from what was asked for."""
    theta = np.asarray(result.posterior.sample(jax.random.key(1), NUM_TEST))
    x = np.asarray(simulate_batch(simulator, jax.random.key(2), theta=theta).x)
    wanted = np.array([GOAL.mean[name] for name in simulator.feature_names])
    return float(np.linalg.norm(x.mean(axis=0) - wanted)), x.std(axis=0)


def measure(method, neurons, seed, most_seconds):
    """The first budget that is enough, as a line of plain numbers."""
    simulator = make_low_rank_rnn(neurons)
    wanted = Observation(np.array([GOAL.mean[name] for name in simulator.feature_names], np.float32))
    goal, spent, line = GOAL if method == "epi" else wanted, 0.0, {}
    for attempt in attempts(method, neurons):
        began = time.perf_counter()
        result = run(attempt.config, simulator, goal, key=jax.random.key(seed), on_progress=False)
        seconds = time.perf_counter() - began
        distance, sd = distance_of(result, simulator)
        line = {"method": method, "neurons": neurons, "seed": seed, "met": distance < NEAR}
        line |= {"distance": round(distance, 3), "sd": np.round(sd, 3).tolist()}
        line |= {"simulations": attempt.num_simulations, "seconds": round(seconds, 1)}
        line |= {"load": round(os.getloadavg()[0], 1)}
        spent += seconds
        if line["met"] or spent > most_seconds:
            break
    return line


def main():
    parser = argparse.ArgumentParser(description="EPI beside SNPE and SMC-ABC.")
    parser.add_argument("--methods", nargs="*", default=["epi", "snpe", "smc_abc"])
    parser.add_argument("--neurons", nargs="*", type=int, default=[2, 10])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=120.0, help="no budget is begun after these")
    asked = parser.parse_args()
    for neurons in asked.neurons:
        for method in asked.methods:
            line = measure(method, neurons, asked.seed, asked.most_seconds)
            sys.stdout.write(f"{json.dumps(line)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
