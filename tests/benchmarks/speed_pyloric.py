"""Speed of the pyloric network, features included, beside a NumPy loop over its steps, in one run.

    python tests/benchmarks/speed_pyloric.py --num 1024 --repeats 3

Prints a Markdown table. The NumPy loop takes one step after the other, for one simulation and for a batch,
without features; it is timed over a part of the 11 s and scaled. The compiled original is not run: its time,
measured when the reference was made, is quoted. Other processes on the machine lengthen the wall time,
so the load is told, and the speed per CPU second beside it.
"""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable

import jax
import numpy as np

from simulators import simulate_batch
from simulators.models.pyloric import NOISE, PRIOR, pyloric
from simulators.models.stg_kinetics import AREA, CAPACITANCE, DT, NERNST

STEPS = 440_000
PAPER = 18_500_000
ORIGINAL = (1.3, 2.6)  # s per simulation on one core, the compiled original when the reference was made


def ours(num: int, repeats: int) -> tuple[float, float, float, int]:
    """Seconds to compile, simulations per second by the wall and per CPU second, and how many are valid."""
    start = time.perf_counter()
    simulate_batch(pyloric, jax.random.key(0), num=num)
    cold = time.perf_counter() - start
    walls, cpus, valid = [], [], 0
    for repeat in range(1, repeats + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        done = simulate_batch(pyloric, jax.random.key(repeat), num=num)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        valid += int(done.is_valid.sum())
    return max(0.0, cold - min(walls)), num / min(walls), num / min(cpus), valid


def numpy_speed(num: int, steps: int) -> float:
    """Simulations per second of the NumPy loop, ``num`` at once, one core, double precision."""
    theta = np.asarray(PRIOR.sample(jax.random.key(0), num), float)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    numpy_voltage(theta, lambda: rng.normal(scale=NOISE, size=(3, num)), steps)
    return num / ((time.perf_counter() - start) / steps * STEPS)


def numpy_voltage(theta: np.ndarray, noise: Callable[[], np.ndarray], steps: int) -> np.ndarray:
    """Membrane potential in mV, shape (3, num), that many steps after the start."""
    num = len(theta)
    g = theta[:, :24].reshape(num, 3, 8).transpose(2, 1, 0) * AREA
    gs = np.exp(theta[:, 24:]).T
    v, calcium = np.full((3, num), -50.0), np.full((3, num), 0.05)
    m, h, s = np.zeros((7, 3, num)), np.zeros((4, 3, num)), np.zeros((4, num))
    for _ in range(steps):
        v, calcium, m, h, s = _numpy_step(v, calcium, m, h, s, g, gs, noise())
    return v


def _numpy_step(v, calcium, m, h, s, g, gs, noise):
    """One step as section by section in the papers: Na, CaT, CaS, A, KCa, Kd, H."""
    c = g[:7] * m ** np.array([3, 3, 3, 3, 4, 4, 1])[:, None, None]
    c[:4] *= h
    glutamate = np.stack([gs[4] * s[2], gs[0] * s[0] + gs[6] * s[3], gs[2] * s[0] + gs[5] * s[2]])
    choline = np.stack([0 * s[1], gs[1] * s[1], gs[3] * s[1]])
    e_calcium = NERNST * np.log(3000 / calcium)
    reversal = [
        np.full_like(v, 50),
        e_calcium,
        e_calcium,
        *[np.full_like(v, e) for e in (-80, -80, -80, -20)],
    ]
    total = c.sum(0) + g[7] + glutamate + choline
    driven = sum(a * b for a, b in zip(c, reversal, strict=True)) - 50 * g[7] - 70 * glutamate - 80 * choline
    steady = (driven + noise) / (total + 1e-30)
    goal = 0.05 - 14_961 * (c[1] + c[2]) * (v - e_calcium)
    new_v = steady + (v - steady) * np.exp(-DT * total / CAPACITANCE)
    new_calcium = goal + (calcium - goal) * np.exp(-DT / 200)
    m_inf, m_tau, h_inf, h_tau = _numpy_kinetics(v, calcium)
    m, h = (inf + (x - inf) * np.exp(-DT / tau) for x, inf, tau in ((m, m_inf, m_tau), (h, h_inf, h_tau)))
    s_inf = (1 / (1 + np.exp((-35 - v) / 5)))[[0, 0, 1, 2]]
    rate = DT / ((1 - s_inf) * np.array([40, 100, 40, 40])[:, None])
    return new_v, new_calcium, m, h, s + (s_inf - s) * np.minimum(rate, 1)


def _numpy_kinetics(v, calcium):
    def sigmoid(a, b):
        return 1 / (1 + np.exp((v + a) / b))

    exp = np.exp
    m_inf = [sigmoid(25.5, -5.29), sigmoid(27.1, -7.2), sigmoid(33, -8.1), sigmoid(27.2, -8.7)]
    m_inf += [calcium / (calcium + 3) * sigmoid(28.3, -12.6), sigmoid(12.3, -11.8), sigmoid(75, 5.5)]
    m_tau = [2.64 - 2.52 * sigmoid(120, -25), 43.4 - 42.6 * sigmoid(68.1, -20.5)]
    m_tau += [2.8 + 14 / (exp((v + 27) / 10) + exp((v + 70) / -13)), 23.2 - 20.8 * sigmoid(32.9, -15.2)]
    m_tau += [180.6 - 150.2 * sigmoid(46, -22.7), 14.4 - 12.8 * sigmoid(28.3, -19.2)]
    m_tau += [2 / (exp(-14.59 - 0.086 * v) + exp(-1.87 + 0.0701 * v))]
    h_inf = [sigmoid(48.9, 5.18), sigmoid(32.1, 5.5), sigmoid(60, 6.2), sigmoid(56.9, 4.9)]
    h_tau = [1.34 * sigmoid(62.9, -10) * (1.5 + sigmoid(34.9, 3.6)), 210 - 179.6 * sigmoid(55, -16.9)]
    h_tau += [120 + 300 / (exp((v + 55) / 9) + exp((v + 65) / -16)), 77.2 - 58.4 * sigmoid(38.9, -26.5)]
    return tuple(np.stack(x) for x in (m_inf, m_tau, h_inf, h_tau))


def table(num: int, repeats: int) -> list[str]:
    """Lines of Markdown."""
    cores = len(os.sched_getaffinity(0))
    compiling, wall, cpu, valid = ours(num, repeats)
    single, batch = numpy_speed(1, 2000), numpy_speed(512, 100)
    slow, fast = (1 / seconds for seconds in reversed(ORIGINAL))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        "| 11 s of activity, 440 000 steps | simulations per second | 18.5 million take |",
        "|---|---|---|",
        f"| ours, features included, {cores} cores | {wall:.1f} | {PAPER / wall / 3600 * cores:.0f} "
        f"core-hours |",
        f"| ours, per CPU second | {cpu:.1f} | {PAPER / cpu / 3600:.0f} core-hours |",
        f"| NumPy loop, one at a time, 1 core | {single:.3g} | {PAPER / single / 3600:.0f} core-hours |",
        f"| NumPy loop, 512 at once, 1 core | {batch:.3g} | {PAPER / batch / 3600:.0f} core-hours |",
        f"| compiled original, 1 core (quoted) | {slow:.2f} to {fast:.2f} "
        f"| {PAPER / fast / 3600:.0f} to {PAPER / slow / 3600:.0f} core-hours |",
        "",
        f"{repeats} x {num} prior draws, {valid / repeats / num:.2%} valid; compiled in {compiling:.0f} s; "
        f"at most {memory:.2f} GB; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; JAX "
        f"{jax.__version__}.",
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Speed of the pyloric network.")
    parser.add_argument("--num", type=int, default=1024, help="Simulations per repeat.")
    parser.add_argument("--repeats", type=int, default=3, help="Repeats; the fastest counts.")
    arguments = parser.parse_args()
    sys.stdout.write("\n".join(table(arguments.num, arguments.repeats)) + "\n")


if __name__ == "__main__":
    main()
