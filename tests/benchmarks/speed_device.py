"""Simulations per second on the default device, a GPU where JAX has one, and whether the CPU gives the same.

    python -m tests.benchmarks.speed_device --models hodgkin_huxley,pyloric --num 262144

Prints a Markdown table. Compilation is apart; the faster of two batches counts. ``--check`` rows are also
simulated on the CPU of the same machine, with the same keys. Single rows may differ, where rounding decides
about a spike, but no mean by more than sampling allows: the table tells the largest difference of any
feature's mean, in standard errors of the difference that independent noise would make; and the share of rows
with the same features defined.
"""

import argparse
import sys
import time

import jax
import numpy as np

from simulators import Simulator, get_simulator, simulate_batch
from simulators.simulate import default_chunk_size


def speed(simulator: Simulator, num: int, chunk_size: int | None) -> tuple[float, float]:
    """Seconds to compile, and simulations per second."""
    seconds = []
    for repeat in range(3):
        began = time.perf_counter()
        simulate_batch(simulator, jax.random.key(repeat), num=num, chunk_size=chunk_size)
        seconds.append(time.perf_counter() - began)
    return max(0.0, seconds[0] - min(seconds[1:])), num / min(seconds[1:])


def features(simulator: Simulator, num: int, platform: str) -> np.ndarray:
    """The features of the first rows on one kind of device, shape (num, num_features)."""
    with jax.default_device(jax.devices(platform)[0]):
        theta = simulator.prior.sample(jax.random.key(0), num)
        keys = jax.random.split(jax.random.key(1), num)
        return np.asarray(jax.jit(jax.vmap(simulator))(keys, theta))


def agreement(simulator: Simulator, num: int) -> tuple[float, float]:
    """Largest difference of a mean between the device and the CPU in standard errors; share of rows alike."""
    ours, cpu = (features(simulator, num, platform) for platform in (jax.default_backend(), "cpu"))
    alike = np.isfinite(ours) == np.isfinite(cpu)
    ours, cpu = (np.where(np.isfinite(x), x, np.nan) for x in (ours, cpu))
    count = np.minimum(np.isfinite(ours).sum(0), np.isfinite(cpu).sum(0))
    enough = count > 1
    ours, cpu, count = ours[:, enough], cpu[:, enough], count[enough]
    error = np.sqrt((np.nanvar(ours, 0) + np.nanvar(cpu, 0)) / count)
    difference = np.abs(np.nanmean(ours, 0) - np.nanmean(cpu, 0))
    return float((difference / np.maximum(error, 1e-30)).max()), float(alike.all(1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="hodgkin_huxley,pyloric")
    parser.add_argument("--num", type=int, default=8192)
    parser.add_argument("--chunk-size", type=int)
    parser.add_argument("--check", type=int, default=0)
    arguments = parser.parse_args()
    sys.stdout.write(
        f"JAX {jax.__version__} on {jax.devices()[0].device_kind}, {arguments.num} at a time\n\n"
    )
    sys.stdout.write(
        "| model | compile [s] | per second | chunk | largest difference [s.e.] | rows alike |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for name in arguments.models.split(","):
        simulator = get_simulator(name)
        compiling, rate = speed(simulator, arguments.num, arguments.chunk_size)
        chunk = arguments.chunk_size or default_chunk_size(simulator, arguments.num)
        worst, alike = agreement(simulator, arguments.check) if arguments.check else (np.nan, np.nan)
        row = f"| `{name}` | {compiling:.1f} | {rate:.0f} | {chunk} | {worst:.2f} | {alike:.4f} |\n"
        sys.stdout.write(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
