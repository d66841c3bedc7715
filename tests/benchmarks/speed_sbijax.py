"""sbijax's side of the speed benchmark, in an environment that has sbijax.

    python speed_sbijax.py '{"num": 10000}' result.json

Its `NPE` as it comes: a masked autoregressive flow of five layers, batches of 128, ten epochs of patience.
CPU seconds of this process, which its caller pins to one core; compiling is part of them.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp

jax.tree_map = jax.tree.map  # sbijax 0.3.4 still asks for it

from sbijax import NPE  # noqa: E402
from sbijax.nn import make_maf  # noqa: E402
from speed_data import NUM_PARAMETERS, speed_data  # noqa: E402
from tensorflow_probability.substrates.jax import distributions as tfd  # noqa: E402


def prior() -> tfd.JointDistributionNamed:
    """Uniform on the box of the data."""
    box = tfd.Uniform(-jnp.ones(NUM_PARAMETERS), jnp.ones(NUM_PARAMETERS))
    return tfd.JointDistributionNamed({"theta": tfd.Independent(box, 1)}, batch_ndims=0)


def main() -> None:
    """Train as the first argument says, and write seconds and held-out log-probability to the second."""
    options, path = json.loads(sys.argv[1]), Path(sys.argv[2])
    data = {name: jnp.asarray(array) for name, array in speed_data(options["num"]).items()}
    model = NPE((prior, lambda seed, theta: theta["theta"]), make_maf(NUM_PARAMETERS))
    key = jax.random.PRNGKey(options.get("seed", 0))
    began = time.process_time()
    named = {"y": data["x"], "theta": {"theta": data["theta"]}}
    weights, losses = model.fit(key, named, n_iter=options.get("max_epochs", 1_000))
    result = {"train": time.process_time() - began, "epochs": len(losses)}
    result["test_log_prob"] = _log_prob(model, weights, data["theta_test"], data["x_test"])
    result["versions"] = {name: version(name) for name in ("sbijax", "surjectors", "jax")}
    path.write_text(json.dumps(result | {"options": options, "load": os.getloadavg()[0]}))


def _log_prob(model: NPE, weights: dict, theta: jax.Array, x: jax.Array) -> float:
    """Mean held-out log-density in the prior's own space: the flow lives on the unconstrained one."""
    named = {"theta": theta}
    bijector = model._prior_bijectors
    u, jacobian = bijector.inverse(named)["theta"], jnp.zeros(len(theta))
    jacobian = jax.vmap(bijector.inverse_log_det_jacobian)(named)
    density = model.model.apply(weights, None, method="log_prob", y=u, x=x)
    return float((density + jacobian).mean())


if __name__ == "__main__":
    main()
