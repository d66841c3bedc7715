"""How accurate is SNPE? C2ST against reference posteriors of the public benchmark's tasks.

    python -m tests.benchmarks.accuracy --out accuracy.jsonl [--tasks two_moons,slcp] [--seeds 1,2,3]
        [--observations 1,2,3] [--set num_simulations=10000 --set num_rounds=1 ...]

Each line of the file is one comparison; what is there already is not done again. With one round a training
serves all observations, with more each observation has its own. The table has the published figures too.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from inference import SNPE, run
from inference.diagnostics import c2st
from inference.posterior import Posterior
from tests.benchmarks.tasks import TASKS, observation, reference_samples

# Mean C2ST over the benchmark's ten observations at 1 000, 10 000 and 100 000 simulations: NPE and SNPE
# (github.com/sbi-benchmark/results; the Gaussian mixture as corrected there later).
PUBLISHED = {
    "gaussian_linear": {"NPE": (0.694, 0.552, 0.506), "SNPE": (0.652, 0.544, 0.507)},
    "gaussian_linear_uniform": {"NPE": (0.696, 0.553, 0.509), "SNPE": (0.631, 0.527, 0.507)},
    "slcp": {"NPE": (0.975, 0.901, 0.831), "SNPE": (0.965, 0.845, 0.666)},
    "bernoulli_glm": {"NPE": (0.863, 0.678, 0.559), "SNPE": (0.855, 0.614, 0.525)},
    "gaussian_mixture": {"NPE": (0.716, 0.615, 0.548), "SNPE": (0.669, 0.551, 0.536)},
    "two_moons": {"NPE": (0.725, 0.606, 0.542), "SNPE": (0.643, 0.554, 0.530)},
    "sir": {"NPE": (0.815, 0.680, 0.585), "SNPE": (0.638, 0.561, 0.575)},
    "lotka_volterra": {"NPE": (0.999, 0.997, 0.981), "SNPE": (0.990, 0.953, 0.928)},
}
BUDGETS = (1_000, 10_000, 100_000)
NUM_DRAWS = 10_000


@dataclass(frozen=True)
class Comparison:
    """One posterior against its reference.

    Attributes:
        task, observation, seed: which.
        settings: those of SNPE that differ from its defaults, as JSON.
        c2st: 0.5 is perfect.
        seconds: of simulating and training; shared by the observations of one training.
    """

    task: str
    observation: int
    seed: int
    settings: str
    c2st: float
    seconds: float


def compare(
    task: str, config: SNPE, seed: int, observations: list[int], settings: str = "{}"
) -> Iterator[Comparison]:
    """Train with a seed and compare at each observation; one training for all where it is amortised."""
    simulator = TASKS[task].simulator
    trained: tuple[Posterior, float] | None = None
    for number in observations:
        x = observation(TASKS[task], number)[1]
        key = jax.random.fold_in(jax.random.key(seed), 0 if config.num_rounds == 1 else number)
        if trained is None or config.num_rounds > 1:
            start, goal = time.perf_counter(), None if config.num_rounds == 1 else x
            result = run(config, simulator, goal, key=key, on_progress=False)
            trained = result.posterior, time.perf_counter() - start
        posterior, seconds = trained
        sample_key, test_key = jax.random.split(jax.random.fold_in(key, number))
        is_amortised = config.num_rounds == 1  # else it is for its own observation only
        theta = np.asarray(posterior.sample(sample_key, NUM_DRAWS, x if is_amortised else None))
        reference = reference_samples(task, TASKS[task], number, NUM_DRAWS)
        yield Comparison(
            task, number, seed, settings, round(c2st(test_key, reference, theta), 4), round(seconds, 1)
        )


def table(comparisons: list[Comparison], num_simulations: int) -> str:
    """Markdown: per task the mean over observations and seeds, its spread, and the published means."""
    column = BUDGETS.index(num_simulations) if num_simulations in BUDGETS else None
    lines = [
        "| task | C2ST | lowest to highest | n | published NPE | published SNPE | seconds per training |",
        "|---|---|---|---|---|---|---|",
    ]
    for task, published in PUBLISHED.items():
        rows = [row for row in comparisons if row.task == task]
        if not rows:
            continue
        values = [row.c2st for row in rows]
        known = ["" if column is None else f"{published[name][column]:.3f}" for name in ("NPE", "SNPE")]
        seconds = f"{statistics.median(row.seconds for row in rows):.0f}"
        span = f"{min(values):.3f} to {max(values):.3f}"
        cells = (task, f"{statistics.mean(values):.3f}", span, str(len(rows)), *known, seconds)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def read(file: Path) -> list[Comparison]:
    """The comparisons in a file; none where it does not exist."""
    lines = file.read_text().splitlines() if file.is_file() else []
    return [Comparison(**json.loads(line)) for line in lines]


def measure(
    tasks: list[str], seeds: list[int], observations: list[int], given: dict[str, Any], file: Path
) -> None:
    """Add what is missing to the file, seed by seed, so that an interrupted table has all tasks."""
    config, settings = replace(SNPE(), **given), json.dumps(given, sort_keys=True)
    for seed in seeds:
        for task in tasks:
            done = {(c.task, c.observation, c.seed, c.settings) for c in read(file)}
            missing = [number for number in observations if (task, number, seed, settings) not in done]
            for comparison in compare(task, config, seed, missing, settings):
                with file.open("a") as kept:
                    kept.write(json.dumps(asdict(comparison)) + "\n")
                sys.stdout.write(f"{task} {comparison}\n")
                sys.stdout.flush()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--observations", default="1,2,3")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a setting of SNPE")
    asked = parser.parse_args()
    given = {name: _value(text) for name, _, text in (item.partition("=") for item in asked.set)}
    seeds, observations = (
        [int(part) for part in text.split(",")] for text in (asked.seeds, asked.observations)
    )
    measure(asked.tasks.split(","), seeds, observations, given, asked.out)
    rows = [row for row in read(asked.out) if json.loads(row.settings) == given]
    sys.stdout.write(table(rows, replace(SNPE(), **given).num_simulations) + "\n")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


if __name__ == "__main__":
    main()
