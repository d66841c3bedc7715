"""Bernoulli GLM: our model with the benchmark's stimulus: 100 bins, NumPy's legacy seed 42."""

import numpy as np

from simulators.models.bernoulli_glm import make_bernoulli_glm
from tests.benchmarks.tasks.base import Task
from tests.benchmarks.tasks.importance import importance_sampler

_simulator = make_bernoulli_glm(stimulus=np.random.RandomState(42).randn(100))  # noqa: NPY002
TASK = Task(_simulator, importance_sampler(_simulator))
