"""Figure 2 of Lueckmann et al. 2017: which variants survive the rounds, and how near they come to the truth?

    python -m tests.benchmarks.mixtures_2017 --out mixtures.jsonl [--seeds 1,2,3] [--parts rounds,glm]

rounds: Gaussian mixture with a common mean, x = 0, 5 rounds of 1 000 simulations, two components (variant A
    has them in its last round). Did the run finish; C2ST and KL divergence from the exact posterior, in nats.
glm: Bernoulli GLM, one round of 10 000 simulations: KL divergence from the long-run Polya-Gamma posterior by
    means and covariances, relative to that of the prior. 0 is perfect, 1 is the prior.

Each line of the file is one run; what is there already is not done again.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np
from scipy.stats import norm

from inference import SNPE, Posterior, run
from inference.diagnostics import Gaussian, c2st, relative_kl_error
from simulators import get_simulator
from simulators.models.bernoulli_glm import prior_precision

VARIANTS = ("A", "B", "C", "truncated")
ESTIMATORS = ("maf", "nsf", "gaussian")
NUM_ROUNDS, NUM_SIMULATIONS = 5, 1_000
NUM_TESTED = 2_000  # draws of each kind for C2ST
NUM_MOMENTS = 100_000  # draws for mean and covariance: adds about 0.0003 nats
MOMENTS = Path(__file__).resolve().parents[2] / "notebooks" / "bernoulli_glm_moments.json"


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        part: "rounds" or "glm". name: the variant, or the estimator.
        seed: which.
        failure: why it did not finish, or "".
        kl: from the exact posterior in nats, or the relative error; NaN where it failed.
        c2st: 0.5 is perfect; NaN where it failed or was not computed.
        seconds: of the whole run.
    """

    part: str
    name: str
    seed: int
    failure: str
    kl: float
    c2st: float
    seconds: float


def survive(variant: str, seed: int) -> Outcome:
    """All rounds of one variant on the mixture with a common mean."""
    simulator = get_simulator("gaussian_mixture_mean")
    config = SNPE(
        variant=variant, estimator="mdn", num_components=2, width=32, num_rounds=NUM_ROUNDS,
        num_simulations=NUM_SIMULATIONS, stop_when_settled=False,
    )  # fmt: skip
    key, draw_key, exact_key, test_key = jax.random.split(jax.random.key(seed), 4)
    start = time.perf_counter()
    try:
        result = run(config, simulator, [0.0], key=key, on_progress=False)
    except ValueError as error:
        return Outcome(
            "rounds", variant, seed, str(error), np.nan, np.nan, round(time.perf_counter() - start, 1)
        )
    seconds = round(time.perf_counter() - start, 1)
    assert simulator.exact_posterior is not None
    exact = simulator.exact_posterior(exact_key, np.zeros(1), NUM_TESTED)
    score = c2st(test_key, exact, result.posterior.sample(draw_key, NUM_TESTED))
    return Outcome("rounds", variant, seed, "", kl_from_exact(result.posterior), round(score, 4), seconds)


def kl_from_exact(posterior: Posterior) -> float:
    """KL(exact || estimate) at x = 0 in nats, on a grid of 0.002."""
    theta = np.linspace(-10, 10, 10_001)[1:-1]
    exact = 0.5 * norm.pdf(theta, 0, 1) + 0.5 * norm.pdf(theta, 0, 0.1)
    exact /= exact.sum()
    log_q = np.asarray(posterior.log_prob(theta[:, None]), float) + np.log(theta[1] - theta[0])
    return float(np.sum(exact * (np.log(exact) - log_q)))


def explain_spikes(estimator: str, seed: int) -> Outcome:
    """One round on the Bernoulli GLM."""
    simulator, reference = get_simulator("bernoulli_glm"), json.loads(MOMENTS.read_text())
    key, draw_key = jax.random.split(jax.random.key(seed))
    start = time.perf_counter()
    config = SNPE(estimator=estimator, num_simulations=10_000)
    result = run(config, simulator, simulator.default_observation().x, key=key, on_progress=False)
    seconds = round(time.perf_counter() - start, 1)
    draws = np.asarray(result.posterior.sample(draw_key, NUM_MOMENTS), float)
    exact = Gaussian(np.array(reference["mean"]), np.array(reference["covariance"]))
    prior = Gaussian(np.zeros(len(exact.mean)), np.linalg.inv(prior_precision()))
    error = relative_kl_error(draws, exact, prior)
    return Outcome("glm", estimator, seed, "", round(error, 5), np.nan, seconds)


PARTS: dict[str, tuple[tuple[str, ...], Callable[[str, int], Outcome]]] = {
    "rounds": (VARIANTS, survive),
    "glm": (ESTIMATORS, explain_spikes),
}


def table(outcomes: list[Outcome]) -> str:
    """Markdown: per variant and estimator the runs that finished, medians and the worst."""
    lines = [
        "| part | variant or estimator | finished | KL: median | worst | C2ST: mean | worst | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for part, (names, _) in PARTS.items():
        for name in names:
            rows = [row for row in outcomes if (row.part, row.name) == (part, name)]
            done = [row for row in rows if not row.failure]
            if not rows:
                continue
            cells = [part, name, f"{len(done)} of {len(rows)}", "", "", "", "", ""]
            if done:
                kl, score = [row.kl for row in done], [row.c2st for row in done]
                cells[3:5] = f"{statistics.median(kl):.4f}", f"{max(kl):.4f}"
                cells[5:7] = (f"{np.mean(score):.3f}", f"{max(score):.3f}") if part == "rounds" else ("", "")
                cells[7] = f"{statistics.median(row.seconds for row in done):.0f}"
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def read(file: Path) -> list[Outcome]:
    """The runs in a file; none where it does not exist."""
    lines = file.read_text().splitlines() if file.is_file() else []
    return [Outcome(**json.loads(line)) for line in lines]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a file of JSON lines")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--parts", default=",".join(PARTS))
    asked = parser.parse_args()
    for seed in map(int, asked.seeds.split(",")):
        for part in asked.parts.split(","):
            names, measure = PARTS[part]
            done = {(row.part, row.name, row.seed) for row in read(asked.out)}
            for name in names:
                if (part, name, seed) in done:
                    continue
                outcome = measure(name, seed)
                with asked.out.open("a") as kept:
                    kept.write(json.dumps(asdict(outcome)) + "\n")
                sys.stdout.write(f"{outcome}\n")
                sys.stdout.flush()
    sys.stdout.write(table(read(asked.out)) + "\n")


if __name__ == "__main__":
    main()
