"""Speed of the potassium channel beside a plain NumPy loop, each on one core.

    taskset -c 0 python tests/benchmarks/speed_ion_channel.py [--num 512]

The original needed 0.55 s per simulation and core (compiled NumPy, noise included); the goal is a twentieth.
The peer below is the specification as one would write it: vectorised over sweeps, a Python loop over samples.
CPU seconds of the process, compilation apart, and the load of the machine.
"""

import argparse
import os
import sys
import time

import jax
import numpy as np

from simulators import simulate_batch
from simulators.models.ion_channel import CHUNK, PRIOR, Experiment, _clamp, _weights, ion_channel
from simulators.models.omnimodel import BIN, E_K, T_ADJ

ORIGINAL = 0.55  # seconds per simulation


def plain(random: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    """Features of one simulation, in double precision."""
    x = []
    for protocol, weights in zip(_clamp(Experiment()).protocols, _weights(Experiment()), strict=True):
        voltage = protocol.command + 0.5 * random.standard_normal(protocol.command.shape)
        u = voltage - theta[2]
        steady = 1 / (1 + np.exp(-theta[0] * voltage + theta[1]))
        speed = np.exp(-u * (theta[4] + theta[5] * u)) + np.exp(u * (theta[6] + theta[7] * u))
        decay = np.exp(np.maximum(-protocol.dt * T_ADJ / theta[3] * speed, -500))
        gate = np.empty_like(voltage)
        gate[:, 0] = steady[:, 0]
        for i in range(1, voltage.shape[1]):
            before = steady[:, i - 1]
            gate[:, i] = before + (gate[:, i - 1] - before) * decay[:, i - 1]
        current = gate * (voltage - E_K)
        sums = current.reshape(len(current), -1, BIN).sum(axis=2)
        x.append(np.einsum("sb,sbc->c", sums, weights) / current.max())
    return np.concatenate(x)


def main() -> None:
    """Time both and write one line of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--num", type=int, default=2 * CHUNK, help="simulations of ours")
    num = parser.parse_args().num
    theta = np.asarray(PRIOR.sample(jax.random.key(0), max(num, CHUNK)))
    simulate_batch(ion_channel, jax.random.key(1), theta=theta[:CHUNK])
    began = time.process_time()
    simulate_batch(ion_channel, jax.random.key(1), theta=theta)
    ours = (time.process_time() - began) / len(theta)
    random, began = np.random.default_rng(0), time.process_time()
    with np.errstate(over="ignore"):
        for row in theta[:3]:
            plain(random, row.astype(float))
    peer = (time.process_time() - began) / 3
    load = os.getloadavg()[0]
    sys.stdout.write(
        f"ours {1e3 * ours:.2f} ms, a plain NumPy loop {1e3 * peer:.0f} ms per simulation "
        f"of 1 896 000 samples (CPU, load {load:.1f}): {peer / ours:.0f}x that, "
        f"{ORIGINAL / ours:.0f}x the original's 0.55 s\n"
    )


if __name__ == "__main__":
    main()
