"""The public benchmark's tasks, written from their descriptions.

Each is a `Simulator` of ours with a sampler of its posterior: exact where there is a closed form, else a grid
or importance sampling whose effective sample size is checked (Lueckmann et al. 2021, Benchmarking
simulation-based inference, AISTATS, arXiv:2101.04653, appendix T).
"""

from collections.abc import Mapping

from simulators import get_simulator
from tests.benchmarks.tasks import gaussian, glm, lotka_volterra, sir, slcp
from tests.benchmarks.tasks.base import Task, exact, observation, reference_samples

__all__ = ["TASKS", "Task", "observation", "reference_samples"]

TASKS: Mapping[str, Task] = {
    "gaussian_linear": Task(get_simulator("linear_gaussian"), exact(get_simulator("linear_gaussian"))),
    "gaussian_linear_uniform": gaussian.LINEAR_UNIFORM,
    "slcp": slcp.TASK,
    "bernoulli_glm": glm.TASK,
    "gaussian_mixture": gaussian.MIXTURE,
    "two_moons": Task(get_simulator("two_moons"), exact(get_simulator("two_moons"))),
    "sir": sir.TASK,
    "lotka_volterra": lotka_volterra.TASK,
}
