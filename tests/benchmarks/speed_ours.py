"""Our side of the speed benchmark: one job in one process, as `speed_sbi.py` does it for sbi.

    python speed_ours.py '{"job": "train", "num": 10000}' result.json

Jobs: "train" (then draws, densities and calibration with what was trained) and "two_rounds" (two moons).
Times are CPU seconds of this process; "total" begins before the first array is made and so holds every
compilation. Whether those find something in JAX's persistent cache is up to the caller's environment.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from speed_data import NUM_PARAMETERS, speed_data

from inference import SNPE, run
from inference.diagnostics import c2st
from inference.estimators import EstimatorSpec, make_estimator
from inference.objectives import make_rows
from inference.posterior import Posterior
from inference.provenance import versions
from inference.scaling import fit_feature_scaling, fit_parameter_scaling
from inference.train import TrainConfig, TrainingProblem, fit, split_rows
from simulators import Prior, get_simulator

NUM_DRAWS = 10_000
NUM_CALIBRATED = 200
BOX = Prior({"theta": dist.Uniform(-1.0, 1.0).expand([NUM_PARAMETERS]).to_event(1)})


def train(options: dict[str, Any], result: dict[str, Any]) -> None:
    """Train on the fixed data as SNPE does, until the recipe stops; then time what follows."""
    data, began = speed_data(options["num"]), time.process_time()
    problem = _problem(data, options)
    settings = TrainConfig(options.get("batch_size"), max_epochs=options.get("max_epochs"))
    ends: list[float] = []
    hear = lambda event: _note(ends, event.done, time.process_time() - began)  # noqa: E731
    wall = time.perf_counter()
    estimator, record = fit(jax.random.key(options.get("seed", 0)), problem, settings, on_progress=hear)
    result |= {"total": time.process_time() - began, "wall": time.perf_counter() - wall}
    # The first epoch waits for the compiler; it is counted as long as the others are on average.
    per_epoch = (ends[-1] - ends[0]) / max(len(ends) - 1, 1)
    result |= {"per_epoch": per_epoch, "epochs": len(ends), "train": per_epoch * len(ends)}
    posterior = Posterior(estimator, BOX)
    log_prob = float(posterior.log_prob(data["theta_test"], data["x_test"]).mean())
    # Held-out losses are in unconstrained space and of other rows: shifted to the test's at the best one.
    history = record.validation_loss.min() - record.validation_loss + log_prob
    result |= {"test_log_prob": log_prob, "stop_reason": record.stop_reason}
    result["history"] = [round(float(value), 4) for value in history]
    if "target" in options:
        reached = np.flatnonzero(history >= options["target"])
        epoch = int(reached[0]) if len(reached) else None
        result["epochs_to_target"] = None if epoch is None else epoch + 1
        result["train_to_target"] = None if epoch is None else ends[epoch] - ends[0] + per_epoch
        result["total_to_target"] = None if epoch is None else ends[epoch]
    if options.get("with_use", True):
        _use(posterior, data["x_test"], result)


def _problem(data: dict[str, np.ndarray], options: dict[str, Any]) -> TrainingProblem:
    split_key, weights_key = jax.random.split(jax.random.key(100 + options.get("seed", 0)))
    training, validation = split_rows(split_key, options["num"], 0.1)
    u = np.asarray(jax.jit(BOX.to_unconstrained)(jnp.asarray(data["theta"])))
    scalings = fit_parameter_scaling(u[training]), fit_feature_scaling(data["x"][training])
    shape = {name: options[name] for name in ("width", "num_layers") if name in options}
    spec = EstimatorSpec(options.get("model", "nsf"), NUM_PARAMETERS, data["x"].shape[1], **shape)
    estimator = make_estimator(weights_key, spec, scalings=scalings)
    parts = [make_rows(u[rows], data["x"][rows]) for rows in (training, validation)]
    return TrainingProblem(estimator, *parts)


def _note(ends: list[float], epochs: int, seconds: float) -> None:
    """Keep the time at which an epoch was first heard to be done."""
    if epochs > len(ends):
        ends.append(seconds)


def _use(posterior: Posterior, x: np.ndarray, result: dict[str, Any]) -> None:
    """Draws, densities and calibration, each after one call whose time, mostly compiling, is kept apart."""
    key = jax.random.key(1)
    draw = lambda i: jax.block_until_ready(posterior.sample(key, NUM_DRAWS, x[i]))  # noqa: E731
    result["first_sample"], draws = _timed(lambda: draw(0))
    result["sample"] = min(_timed(lambda i=i: draw(i))[0] for i in range(1, 6))
    density = lambda: jax.block_until_ready(posterior.log_prob(draws, x[0]))  # noqa: E731
    result["first_log_prob"], _ = _timed(density)
    result["log_prob"] = min(_timed(density)[0] for _ in range(5))
    many = lambda: jax.block_until_ready(posterior.sample(key, 1000, x[:NUM_CALIBRATED]))  # noqa: E731
    result["first_calibration"], _ = _timed(many)
    result["calibration_per_observation"] = min(_timed(many)[0] for _ in range(2)) / NUM_CALIBRATED


def two_rounds(options: dict[str, Any], result: dict[str, Any]) -> None:
    """Two rounds on two moons with all that a run does, then 10 000 draws and their C2ST."""
    simulator, x_o = get_simulator("two_moons"), np.asarray(options["x_o"], np.float32)
    config = SNPE(
        num_rounds=2,
        num_simulations=options["num"],
        variant=options["variant"],
        num_members=options.get("num_members"),
    )

    def work() -> np.ndarray:
        key = jax.random.key(options.get("seed", 0))
        done = run(config, simulator, x_o, key=key, on_progress=False)
        result["stages"] = json.loads(done.tree.attrs["seconds"])
        return np.asarray(done.posterior.sample(jax.random.key(1), NUM_DRAWS))

    result["two_rounds"], draws = _timed(work)
    np.save(options["draws"], draws)


def compare(options: dict[str, Any], result: dict[str, Any]) -> None:
    """C2ST of draws in files against exact ones of two moons."""
    key, exact_key = jax.random.split(jax.random.key(5))
    exact = get_simulator("two_moons").exact_posterior(exact_key, jnp.asarray(options["x_o"]), NUM_DRAWS)
    for name, path in options["files"].items():
        result[name] = c2st(key, np.asarray(exact), np.load(path))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    value = work()
    return time.process_time() - began, value


def main() -> None:
    """Do the job of the first argument, and write its numbers to the second."""
    options, path = json.loads(sys.argv[1]), Path(sys.argv[2])
    result: dict[str, Any] = {"options": options, "versions": versions()}
    result["machine"] = {"system": platform.platform(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
    {"train": train, "two_rounds": two_rounds, "compare": compare}[options["job"]](options, result)
    path.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
