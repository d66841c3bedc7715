"""Steps per second of EPI beside the plainest JAX that does the same: `python -m tests.benchmarks.speed_epi`.

Both maximise the same augmented Lagrangian over the same flow with the same batch. The plain one loops over
draws one by one inside a step (`lax.map`), takes its steps from Python, one dispatch each, and keeps the
weights as a tree of arrays. Ours batches by `vmap`, keeps them in one vector, and runs an epoch as one scan.
"""

import argparse
import sys
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from inference import EPI, EmergentProperty
from inference.epoch import CLIP_NORM
from inference.estimators import partition_trainable
from inference.methods.emergent.epoch import Pace, SeedState
from inference.methods.emergent.objective import Batch, Multipliers, lagrangian
from inference.methods.emergent.program import make_program
from simulators import get_simulator

NUM_STEPS = 100  # of an epoch of ours
GOALS = {
    "linear_dynamics": EmergentProperty(
        {"real_part": 0.0, "frequency": 1.0}, {"real_part": 0.25, "frequency": 0.1}
    ),
    "stg_subcircuit": EmergentProperty({"hub_frequency": 0.55}, {"hub_frequency": 0.025}),
    "low_rank_rnn": EmergentProperty(
        {"real_part": 0.5, "symmetric_part": 1.5}, {"real_part": 0.25, "symmetric_part": 0.25}
    ),
}


def ours(program, seconds):
    """Steps per second of one seed."""
    m = len(program.targets.unit)
    state = SeedState(program.flow.vector, jnp.zeros(m), jnp.float32(10.0), jnp.asarray(program.targets.unit))
    pace = Pace(jnp.int32(NUM_STEPS), *(jnp.float32(number) for number in (1e-3, 1.0, 0.0, 0.0, 0.0)))
    train = jax.jit(program.train)
    return _rate(lambda i: train(jax.random.key(i), state, pace), NUM_STEPS, seconds)


def plain(program, seconds):
    """The same without batching, vector and scan."""
    trainable: Any
    trainable, fixed = partition_trainable(program.flow)
    optimiser = optax.chain(optax.clip_by_global_norm(CLIP_NORM), optax.adam(1e-3))
    m = len(program.targets.unit)
    multipliers = Multipliers(jnp.zeros(m), jnp.asarray(10.0 / program.targets.unit**2))

    def loss(trainable, key):
        flow: Any = eqx.combine(trainable, fixed)

        def one(key):
            flow_key, simulate_key = jax.random.split(key)
            u, log_q = flow.draw(flow_key)
            theta = program.prior.from_unconstrained(u)
            x = program.statistics(simulate_key, theta)
            return theta, log_q - program.prior.log_abs_det_jacobian(u), x

        rows = jax.lax.map(one, jax.random.split(key, program.sizes.batch_size))
        return lagrangian(Batch(*rows), program.targets, multipliers)[0]

    @jax.jit
    def step(trainable, moments, key):
        updates, moments = optimiser.update(jax.grad(loss)(trainable, key), moments)
        return optax.apply_updates(trainable, updates), moments

    moments = optimiser.init(trainable)
    return _rate(lambda i: step(trainable, moments, jax.random.key(i)), 1, seconds)


def _rate(call, num_steps, seconds):
    jax.block_until_ready(call(0))  # compiled
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        calls += 1
        jax.block_until_ready(call(calls))
    return calls * num_steps / (time.perf_counter() - began)


def main():
    parser = argparse.ArgumentParser(description="Steps per second of EPI beside the plainest JAX.")
    parser.add_argument("--models", nargs="*", default=list(GOALS))
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    parser.add_argument("--batch", type=int, default=200)
    asked = parser.parse_args()
    for name in asked.models:
        config = EPI(num_seeds=1, batch_size=asked.batch)
        program = make_program(jax.random.key(0), config, get_simulator(name), GOALS[name])
        fast, slow = ours(program, asked.seconds), plain(program, asked.seconds)
        line = f"{name}: {fast:.0f} steps/s, plain {slow:.1f} steps/s, {fast / slow:.1f} times as fast"
        sys.stdout.write(f"{line} (batch {asked.batch}, flow of {np.size(program.flow.vector)} numbers)\n")


if __name__ == "__main__":
    main()
