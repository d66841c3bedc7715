"""A method that learns nothing, quickly: run folders are tested with it, in processes that may be killed.

As a program, `python tiny_method.py FOLDER`, it performs the run in that folder.
"""

import dataclasses
import sys
import time
from pathlib import Path

import jax
import numpy as np

from inference import execute, findings, settings
from inference.estimators import EstimatorSpec, make_estimator
from inference.files import read_json, write_json
from inference.methods.base import Method, MethodOutput
from inference.posterior import Posterior
from inference.progress import Progress
from inference.runs import Run
from simulators import simulate_batch


@dataclasses.dataclass(frozen=True)
class Tiny:
    num_simulations: int = 64
    num_epochs: int = 5
    epoch_seconds: float = 0.0
    fails_at: int = -1

    def __post_init__(self):
        if self.num_simulations < 1:
            raise ValueError(f"num_simulations must be at least 1; got {self.num_simulations}.")


def run(config, simulator, goal, context):
    simulate_key, train_key = jax.random.split(context.key)
    simulations = context.simulations or simulate_batch(
        simulator,
        simulate_key,
        num=config.num_simulations,
        chunk_size=16,
        folder=context.folder and context.folder / "simulations" / "round-000",
        on_progress=lambda done, total: context.on_progress(Progress("simulate", done, total)),
    )
    state = _train(config, float(simulations.x.sum()), train_key, context)
    spec = EstimatorSpec("maf", simulator.prior.dim, simulator.num_features, num_layers=1, width=8, depth=1)
    estimator = make_estimator(train_key, spec)
    posterior = Posterior(estimator, simulator.prior, None if goal is None else goal.x)
    return MethodOutput(posterior, simulations, diagnostics={"state": ((), np.asarray(state))})


def _train(config, state, key, context):
    """A number that depends on every epoch, kept after each."""
    path = context.folder and context.folder / "checkpoint.json"
    kept = read_json(path) if path and path.exists() else {"epoch": 0, "state": state}
    state = kept["state"]
    for epoch in range(kept["epoch"], config.num_epochs):
        if epoch == config.fails_at:
            raise RuntimeError("the tiny method was told to fail\nwith a second line")
        time.sleep(config.epoch_seconds)
        state = 0.5 * state + float(jax.random.normal(jax.random.fold_in(key, epoch)))
        if path:
            write_json(path, {"epoch": epoch + 1, "state": state})
        context.on_progress(Progress("train", epoch + 1, config.num_epochs, {"train_loss": state}))
    return state


METHOD = Method("tiny", "Tiny", Tiny, run)


def install(monkeypatch=None):
    """Make this the only method, with few draws; undone by `monkeypatch` where there is one."""
    replace = monkeypatch.setattr if monkeypatch else setattr
    replace(execute, "METHODS", {"tiny": METHOD})
    replace(settings, "_methods", lambda: {"tiny": METHOD})
    for name, number in (("NUM_DRAWS", 40), ("NUM_PREDICTIVE", 20), ("NUM_TRACES", 4)):
        replace(findings, name, number)


if __name__ == "__main__":
    install()
    execute.perform(Run(Path(sys.argv[1])), on_progress=False)
