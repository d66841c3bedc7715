"""Speed of the Hodgkin-Huxley neuron beside Brian2, NEURON and a NumPy loop over its steps, in one run.

    python tests/benchmarks/speed_hodgkin_huxley.py --peer PYTHON_WITH_BRIAN2_AND_NEURON

Prints a Markdown table: simulations of 120 ms in 12 000 steps, with draws from the prior as parameters and a
noise current, per second of the wall on one core that each is pinned to; compilation is apart. Ours include
the features. A peer only integrates (Brian2 counts spikes), and once more with its voltages recorded, without
which our features cannot be computed. That all solve the same neuron is shown by repeats at the published
parameters.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from simulators import simulate_batch
from simulators.features import current_clamp
from simulators.models.hodgkin_huxley import PRIOR, V_0, current_step, hodgkin_huxley, make_hodgkin_huxley

HERE = Path(__file__).resolve().parent
NUM_REPEATS = 64  # at the published parameters
CORE = 0
PEERS: dict[str, dict[str, Any]] = {
    "Brian2, Cython, single": {"tool": "brian2", "dtype": "float32", "share": 1.0},
    "Brian2, Cython, double": {"tool": "brian2", "share": 1.0},
    "Brian2, standalone C++, single": {
        "tool": "brian2",
        "target": "standalone",
        "dtype": "float32",
        "share": 1.0,
    },
    "Brian2, standalone C++, double": {"tool": "brian2", "target": "standalone", "share": 1.0},
    "NEURON, double": {"tool": "neuron", "share": 0.125},  # cells in one network; more are no faster
}
Neuron = tuple[np.ndarray, ...]


def ours(num: int, precision: str) -> float:
    """Simulations per second on all cores that this process may use; the fastest of three batches."""
    simulator = make_hodgkin_huxley(precision=precision)
    seconds = []
    for repeat in range(4):
        began = time.perf_counter()
        simulate_batch(simulator, jax.random.key(repeat), num=num)
        seconds.append(time.perf_counter() - began)
    return num / min(seconds[1:])


def on_one_core(work: Callable[..., float], *arguments: Any) -> float:
    """The result of `work` in a new process that may use one core only."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, os.sched_setaffinity, (0, {CORE})) as pool:
        return pool.submit(work, *arguments).result()


def numpy_speed(num: int) -> float:
    """Simulations per second of the NumPy loop, one after the other."""
    rng, began = np.random.default_rng(0), time.perf_counter()
    for row in np.asarray(PRIOR.sample(jax.random.key(0), num), float):
        numpy_voltage(row, rng.standard_normal(len(current_step().stimulus)))
    return num / (time.perf_counter() - began)


def numpy_voltage(theta: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Membrane potential in mV of the published step, double precision, one sample per step.

    Args:
        theta: the eight parameters.
        noise: standard normal, one per sample.
    """
    g_na, g_k, g_leak, g_m, tau_max, minus_v_t, sigma, minus_e_leak = theta
    protocol = current_step()
    dt = protocol.timing.dt
    driven = protocol.stimulus + sigma * noise / np.sqrt(dt)
    v, voltage = V_0, np.empty(len(driven))
    gates = [steady for steady, _ in _kinetics(v, minus_v_t, tau_max)]
    for i, current in enumerate(driven):
        voltage[i] = v
        m, h, n, p = gates
        sodium, potassium = g_na * m**3 * h, g_k * n**4 + g_m * p
        total = sodium + potassium + g_leak
        v_inf = (sodium * 53 - potassium * 107 - g_leak * minus_e_leak + current) / total
        v = v_inf + (v - v_inf) * np.exp(-dt * total)
        gates = [
            steady + (gate - steady) * np.exp(-dt * rate)
            for gate, (steady, rate) in zip(gates, _kinetics(v, minus_v_t, tau_max), strict=True)
        ]
    return voltage


def _kinetics(v: float, minus_v_t: float, tau_max: float) -> list[tuple[float, float]]:
    """Steady state and rate of m, h, n and p."""
    u, exp = v + minus_v_t, np.exp
    both = (
        (0.32 * (13 - u) / (exp((13 - u) / 4) - 1), 0.28 * (u - 40) / (exp((u - 40) / 5) - 1)),
        (0.128 * exp((17 - u) / 18), 4 / (1 + exp((40 - u) / 5))),
        (0.032 * (15 - u) / (exp((15 - u) / 5) - 1), 0.5 * exp((10 - u) / 40)),
    )
    slow = (3.3 * exp((v + 35) / 20) + exp(-(v + 35) / 20)) / tau_max
    return [*((a / (a + b), a + b) for a, b in both), (1 / (1 + exp(-(v + 35) / 10)), slow)]


def peer(python: str, job: dict[str, Any], theta: np.ndarray, *, voltage: bool) -> dict[str, Any]:
    """The numbers of one job in another environment, with the recorded "voltages" where they are wanted."""
    pinned = ["taskset", "-c", str(CORE)] if shutil.which("taskset") else []
    with tempfile.TemporaryDirectory() as folder:
        given, result, kept = (Path(folder) / name for name in ("theta.npy", "result.json", "voltage.npy"))
        np.save(given, theta)
        options = {**job, "theta": str(given), "voltage": str(kept) if voltage else None}
        command = [*pinned, python, str(HERE / "speed_hh_peers.py"), json.dumps(options), str(result)]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        found = json.loads(result.read_text())
        return found | ({"voltages": np.load(kept)} if voltage else {})


def agreement(voltages: np.ndarray) -> str:
    """Spikes, and mean potential during the stimulus, of repeats at the published parameters."""
    short = len(current_step().stimulus) - voltages.shape[1]
    padded = np.pad(voltages, ((0, 0), (0, short)), mode="edge")  # a peer may leave out the last sample
    x = jax.vmap(lambda row: current_clamp.features(row, current_step().timing))(padded)
    spikes, mean = (np.asarray(x[name]) for name in ("spike_count", "stim_mean"))
    return f"{spikes.mean():.2f} ± {spikes.std():.2f}; {mean.mean():.2f} ± {mean.std():.2f} mV"


def our_agreement(precision: str) -> str:
    """The same of our own simulations."""
    simulator = make_hodgkin_huxley(precision=precision)
    keys = jax.random.split(jax.random.key(1), NUM_REPEATS)
    true = PRIOR.as_dict(np.asarray(hodgkin_huxley.true_theta))
    return agreement(np.asarray(jax.jit(jax.vmap(lambda key: simulator.simulate(key, true)))(keys)))


def table(python: str | None, num: int) -> list[str]:
    """Lines of Markdown."""
    lines = [
        "| 120 ms, 12 000 steps, noise | simulations per second, one core | with voltages recorded "
        "| published parameters: spikes; mean potential |",
        "|---|---|---|---|",
    ]
    speeds = {}
    for precision in ("single", "double"):
        both, one = ours(num, precision), on_one_core(ours, num, precision)
        speeds[precision] = one
        lines.append(
            f"| ours, features included, {precision} | {one:.0f} ({both:.0f} on "
            f"{len(os.sched_getaffinity(0))} cores) | not needed | {our_agreement(precision)} |"
        )
    versions = [f"JAX {jax.__version__}"]
    for name, job in PEERS.items():
        if python is None:
            break
        line, version = _peer_line(python, name, job, num, speeds[name.split()[-1]])
        lines.append(line)
        versions += [] if version in versions else [version]
    plain = on_one_core(numpy_speed, 4)
    lines.append(f"| plain NumPy loop, double | {plain:.2f} ({speeds['single'] / plain:.0f}x) | the same | |")
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    return [*lines, "", f"{num} draws from the prior at a time; {', '.join(versions)}; {load}."]


def _peer_line(python: str, name: str, job: dict[str, Any], num: int, our_speed: float) -> tuple[str, str]:
    """The line of a peer, with how many times as fast ours is at the same precision; and its version."""
    theta = np.asarray(PRIOR.sample(jax.random.key(0), max(NUM_REPEATS, int(num * job["share"]))))
    repeats = np.tile(np.asarray(hodgkin_huxley.true_theta), (NUM_REPEATS, 1))
    bare, kept = (peer(python, job, theta, voltage=voltage) for voltage in (False, True))
    same = agreement(peer(python, job, repeats, voltage=True)["voltages"])
    cells = [f"{len(theta) / run['seconds']:.0f}" for run in (bare, kept)]
    ratios = [f"{our_speed * run['seconds'] / len(theta):.0f}x" for run in (bare, kept)]
    both = " | ".join(f"{cell} ({ratio})" for cell, ratio in zip(cells, ratios, strict=True))
    return f"| {name} | {both} | {same} |", bare["version"]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Speed of the Hodgkin-Huxley neuron.")
    parser.add_argument("--peer", help="Python of an environment with Brian2 and NEURON.")
    parser.add_argument("--num", type=int, default=4096, help="Simulations at a time.")
    arguments = parser.parse_args()
    sys.stdout.write("\n".join(table(arguments.peer, arguments.num)) + "\n")


if __name__ == "__main__":
    main()
