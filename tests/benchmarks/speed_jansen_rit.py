"""Speed of the Jansen-Rit neural mass, features included, beside straightforward NumPy, in one run.

    python -m tests.benchmarks.speed_jansen_rit [--num 4096] [--batch 512]

The peer is the specification as one would write it: a Python loop over the 10 239 steps of a simulation, for
one simulation at a time and for a batch of them as columns, in double precision, noise and features
included. Prints a Markdown table of simulations per second by the wall, and per CPU second, because other
processes on the machine lengthen the wall time; the load is told. The medians of both over the same prior
draws are printed beside each other.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

import jax
import numpy as np

from simulators import simulate_batch
from simulators.models.jansen_rit import PRIOR, jansen_rit

H = 1 / 1024
NUM_POINTS = 10 * 1024
A, B, RATE_A, RATE_B = 3.25, 22.0, 100.0, 50.0


def numpy_features(theta: np.ndarray, normal: Callable[[], np.ndarray]) -> np.ndarray:
    """log10 power of simulations, shape (33, num), double precision.

    Args:
        theta: shape (4, num), or (4,) for one simulation.
        normal: gives six standard normals per simulation, shape (6, num) or (6,), first for the start.
    """
    return numpy_log_power(numpy_potential(theta, normal))


def numpy_potential(theta: np.ndarray, normal: Callable[[], np.ndarray]) -> np.ndarray:
    """y before its mean is subtracted, shape (1024, num)."""
    move, spread = _linear(np.array([RATE_A, RATE_A, RATE_B]))
    c, mu, sigma, gain = theta
    amplitude = np.stack(np.broadcast_arrays(0.01, sigma, 1.0))
    x, kept = normal(), []
    for i in range(1, NUM_POINTS):
        x = _push(x, c, mu)
        xi = normal()
        x = np.concatenate(
            [
                _rows(move[0, 0], x[:3]) + _rows(move[0, 1], x[3:]) + _rows(spread[0, 0], amplitude * xi[:3]),
                _rows(move[1, 0], x[:3])
                + _rows(move[1, 1], x[3:])
                + _rows(spread[1, 0], amplitude * xi[:3])
                + _rows(spread[1, 1], amplitude * xi[3:]),
            ]
        )
        x = _push(x, c, mu)
        if i >= 2048 and i % 8 == 0:
            kept.append(x[1] - x[2])
    return 10 ** (gain / 10) * np.array(kept)


def numpy_log_power(y: np.ndarray) -> np.ndarray:
    """log10 of |rfft|^2, mean over 30 segments of 65 samples, of (1024, num) or (1024,)."""
    y = y - y.mean(axis=0)
    power = [np.abs(np.fft.rfft(y[first : first + 65], axis=0)) ** 2 for first in range(0, 1024 - 64, 32)]
    return np.log10(np.mean(power, axis=0))


def _push(x, c, mu):
    """Half a step of the nonlinear part."""

    def rate(v):
        return 5 / (1 + np.exp(0.56 * (6 - v)))

    force = [A * RATE_A * rate(x[1] - x[2]), A * RATE_A * (mu + 0.8 * c * rate(c * x[0]))]
    force.append(B * RATE_B * 0.25 * c * rate(0.25 * c * x[0]))
    return np.concatenate([x[:3], x[3:] + H / 2 * np.array(force)])


def _rows(factors, x):
    return (factors * x.T).T


def _linear(k):
    """Entries of the exact step, and of the Cholesky factor of its noise, each of shape (2, 2, 3)."""
    e = np.exp(-k * H)
    move = np.array([[e * (1 + k * H), e * H], [-(k**2) * e * H, e * (1 - k * H)]])
    first = (1 - e**2 * (1 + 2 * k * H + 2 * (k * H) ** 2)) / (4 * k**3)
    both = H**2 / 2 * e**2
    second = (1 - e**2 * (1 - 2 * k * H + 2 * (k * H) ** 2)) / (4 * k)
    low = both / np.sqrt(first)
    return move, np.array([[np.sqrt(first), 0 * k], [low, np.sqrt(second - low**2)]])


def ours(theta: np.ndarray, repeats: int) -> tuple[float, float, np.ndarray]:
    """Simulations per second by the wall and per CPU second, the fastest of the repeats; the features."""
    simulate_batch(jansen_rit, jax.random.key(0), theta=theta[:512])
    walls, cpus, x = [], [], np.zeros(0)
    for repeat in range(1, repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        x = simulate_batch(jansen_rit, jax.random.key(repeat), theta=theta).x
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return len(theta) / min(walls), len(theta) / min(cpus), x


def peer(theta: np.ndarray) -> tuple[float, np.ndarray]:
    """Simulations per CPU second of the NumPy loop, at one row (4,) or many (num, 4), and their features."""
    rng, columns = np.random.default_rng(0), theta.astype(float).T
    began = time.process_time()
    x = numpy_features(columns, lambda: rng.standard_normal((6, *columns.shape[1:])))
    return columns[0].size / (time.process_time() - began), x.T


def table(num: int, batch: int, repeats: int) -> list[str]:
    """Lines of Markdown."""
    cores = len(os.sched_getaffinity(0))
    theta = np.asarray(PRIOR.sample(jax.random.key(0), num))
    wall, cpu, x = ours(theta, repeats)
    (together, theirs), (single, _) = peer(theta[:batch]), peer(theta[0])
    middles = [np.median(rows, axis=0) for rows in (x[:batch], theirs)]
    shown = ["; ".join(f"{middle[i]:.2f}" for i in (1, 5, 20)) for middle in middles]
    return [
        "| 10 s in steps of 1/1024 s, features included | simulations per second | median log power, "
        "2, 10 and 39 Hz |",
        "|---|---|---|",
        f"| ours, {cores} cores | {wall:.0f} | {shown[0]} |",
        f"| ours, per CPU second | {cpu:.0f} | |",
        f"| NumPy, {batch} at once, per CPU second | {together:.0f} ({cpu / together:.0f}x) | {shown[1]} |",
        f"| NumPy, one at a time, per CPU second | {single:.2f} ({cpu / single:.0f}x) | |",
        "",
        f"{repeats} x {num} prior draws; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; JAX "
        f"{jax.__version__}, NumPy {np.__version__}.",
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Speed of the Jansen-Rit neural mass.")
    parser.add_argument("--num", type=int, default=4096, help="Simulations of ours per repeat.")
    parser.add_argument("--batch", type=int, default=512, help="Simulations of the peer at once.")
    parser.add_argument("--repeats", type=int, default=3, help="Repeats of ours; the fastest counts.")
    arguments = parser.parse_args()
    sys.stdout.write("\n".join(table(arguments.num, arguments.batch, arguments.repeats)) + "\n")


if __name__ == "__main__":
    main()
