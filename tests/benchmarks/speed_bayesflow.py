"""BayesFlow's side of the speed benchmark, in an environment that has bayesflow and jax.

    python speed_bayesflow.py '{"num": 10000}' result.json

Its `BasicWorkflow` as it comes: a coupling flow, 100 epochs of batches of 32, a cosine schedule. CPU seconds
of this process, which its caller pins to one core; compiling is part of them.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import bayesflow
import jax
import keras
from speed_data import speed_data


def main() -> None:
    """Train as the first argument says, and write seconds and held-out log-probability to the second."""
    options, path = json.loads(sys.argv[1]), Path(sys.argv[2])
    keras.utils.set_random_seed(options.get("seed", 0))
    data = speed_data(options["num"])
    training, held_out = ({"theta": data["theta" + e], "x": data["x" + e]} for e in ("", "_test"))
    workflow = bayesflow.BasicWorkflow(
        inference_variables=["theta"], inference_conditions=["x"], standardize="all"
    )
    began = time.process_time()
    history = workflow.fit_offline(training, verbose=0)
    result = {"train": time.process_time() - began, "epochs": len(history.history["loss"])}
    result["test_log_prob"] = float(workflow.log_prob(held_out).mean())
    named = (("bayesflow", bayesflow), ("keras", keras), ("jax", jax))
    result["versions"] = {name: module.__version__ for name, module in named}
    path.write_text(json.dumps(result | {"options": options, "load": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
