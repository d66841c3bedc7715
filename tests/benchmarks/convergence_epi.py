"""Whether, how soon and how widely EPI meets a property: `python -m tests.benchmarks.convergence_epi`.

One run of one flow per seed with the default settings, which takes minutes each; a line of JSON tells of it.
Steps, simulations and seconds are those of training up to the first epoch that passed the test of moments.
With `--set num_seeds=10` a run has ten flows from different starts, compiled once; the line tells of the
first, and how many passed, each in which epoch.
"""

import argparse
import json
import os
import resource
import sys
import time
from pathlib import Path

import jax
import numpy as np

from inference import EPI, EmergentProperty, run
from simulators import get_simulator
from simulators.models.low_rank_rnn import make_low_rank_rnn
from tests.benchmarks.speed_epi import GOALS

ACCURACY = {"pro_accuracy": 0.75, "anti_accuracy": 0.75}
ALL_GOALS = {
    **GOALS,
    "v1_sssn": EmergentProperty({"s_E": 5.0}, {"s_E": 1.0}),
    "superior_colliculus": EmergentProperty(ACCURACY, dict.fromkeys(ACCURACY, 0.075)),
}


def measure(name, simulator, seed, config, folder=None):
    """What one run reached, as a dictionary of plain numbers."""
    began, cpu = time.perf_counter(), _cpu_seconds()
    result = run(
        config, simulator, ALL_GOALS[name], key=jax.random.key(seed), on_progress=False, folder=folder
    )
    found, training = (result.tree[part].to_dataset() for part in ("diagnostics", "training"))
    epochs = int(found["first_pass"][0]) + 1
    steps = epochs * config.num_steps
    return {
        "model": name,
        "parameters": simulator.prior.dim,
        "seed": seed,
        "passed": bool(found["passed"]),
        "flows_passed": f"{int(found['num_passed_seeds'])} of {config.num_seeds}",
        "first_pass": found["first_pass"].values.tolist(),
        "entropy": round(float(found["entropy"]), 3),
        "greatest_entropy": round(float(found.get("greatest_entropy", np.nan)), 3),
        "effective_draws": float(found.get("greatest_entropy_effective", np.nan)),
        "steps": steps,
        "simulations": steps * int(found["batch_size"]),
        "seconds": round(float(training["seconds"][:epochs].sum()), 1),
        "entropy_then": round(float(training["entropy"][epochs - 1, 0]), 3) if epochs else None,
        "all_epochs": training.sizes["epoch"],
        "mean": np.round(found["statistic_mean"].values, 4).tolist(),
        "sd": np.round(found["statistic_sd"].values, 4).tolist(),
        "violation": np.round(found["violation"].values, 3).tolist(),
        "wall": round(time.perf_counter() - began, 1),
        "cpu": round(_cpu_seconds() - cpu, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def _cpu_seconds():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def main():
    parser = argparse.ArgumentParser(description="Convergence of EPI.")
    parser.add_argument("--model", choices=list(ALL_GOALS), required=True)
    parser.add_argument("--neurons", type=int, default=2, help="of low_rank_rnn")
    parser.add_argument("--seeds", default="0", help="comma-separated")
    parser.add_argument("--set", action="append", default=[], help="a setting, NAME=JSON")
    parser.add_argument("--folder", type=Path, help="where the runs are kept")
    asked = parser.parse_args()
    settings = {name: json.loads(value) for name, _, value in (text.partition("=") for text in asked.set)}
    is_network = asked.model == "low_rank_rnn"
    simulator = make_low_rank_rnn(asked.neurons) if is_network else get_simulator(asked.model)
    for seed in map(int, asked.seeds.split(",")):
        folder = asked.folder and asked.folder / f"{asked.model}-{simulator.prior.dim}-{seed}"
        line = measure(asked.model, simulator, seed, EPI(**{"num_seeds": 1, **settings}), folder)
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
