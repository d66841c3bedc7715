"""All benchmarks, one after another, resumable: `make bench`, or `python -m tests.benchmarks.all`.

    python -m tests.benchmarks.all --results FOLDER [--only NAME ...] [--quick] [--sbi PYTHON] ...

Each program of this folder runs in a process of its own. What it printed, and under which circumstances, is a
line of FOLDER/results.jsonl; what stands there with code 0 is not done again. A program that needs a peer is
left out where the Python of an environment with that peer is not given. It takes
days on two cores.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.report import RECORDS, read_records, report

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("posterior-lab", "jax", "numpy", "flowjax", "equinox", "numpyro")
EPI_MODELS = ("linear_dynamics", "stg_subcircuit", "v1_sssn", "superior_colliculus", "low_rank_rnn")


@dataclass(frozen=True)
class Job:
    """One program.

    Attributes:
        module: in this folder.
        arguments: {name} stands for an option of `main`, {results} for the folder.
        quick: arguments of a tiny version; None: it has none.
        needs: options without which it is left out.
    """

    module: str
    arguments: str = ""
    quick: str | None = None
    needs: tuple[str, ...] = ()


TINY = "--set num_simulations=200 --set num_members=1 --set max_epochs=3"
JOBS = {
    "accuracy": Job(
        "accuracy",
        "--out {results}/accuracy.jsonl",
        "--out {results}/quick.jsonl --tasks gaussian_linear --seeds 1 --observations 1 " + TINY,
    ),
    "accuracy_1000": Job("accuracy", "--out {results}/accuracy.jsonl --set num_simulations=1000"),
    "accuracy_100000": Job("accuracy", "--out {results}/accuracy.jsonl --set num_simulations=100000"),
    "accuracy_rounds": Job(
        "accuracy", "--out {results}/accuracy.jsonl --set num_rounds=10 --set num_simulations=1000"
    ),
    "mixtures_2017": Job("mixtures_2017", "--out {results}/mixtures.jsonl"),
    "abc_glm": Job("abc_glm", "--seeds 0,1,2", "--budgets 1000 --methods rejection"),
    "pooling": Job("pooling", "", "--seeds 1 --num 200"),
    "against_nuts": Job("against_nuts"),
    "gabor_modes": Job("gabor_modes"),
    "speed_sbi": Job("speed", "--results {results}/speed --peer {sbi}", needs=("sbi",)),
    "speed_jax_peers": Job(
        "speed_jax_peers",
        "--results {results}/jax_peers --bayesflow {bayesflow} --sbijax {sbijax}",
        needs=("bayesflow", "sbijax"),
    ),
    "speed_hodgkin_huxley": Job("speed_hodgkin_huxley", "--peer {cells}", needs=("cells",)),
    "scaling": Job("scaling", "", "--quick"),
    "speed_ion_channel": Job("speed_ion_channel"),
    "speed_jansen_rit": Job("speed_jansen_rit"),
    "speed_pyloric": Job("speed_pyloric"),
    "speed_device": Job("speed_device", "--num 131072 --check 512", "--models autapse --num 256 --check 64"),
    "speed_epi": Job("speed_epi"),
    **{
        f"epi_{model}": Job("convergence_epi", f"--model {model} --seeds 0,1,2 --folder {{results}}/epi")
        for model in EPI_MODELS
    },
    "epi_scaling": Job("epi_scaling", "--neurons 2 10 25 50 100"),
}


def command_of(job: Job, options: argparse.Namespace) -> list[str] | None:
    """The arguments of Python; None where the job is to be left out."""
    given = {name: value for name, value in vars(options).items() if isinstance(value, str | Path)}
    if options.quick and job.quick is None or any(name not in given for name in job.needs):
        return None
    words = (job.quick if options.quick else job.arguments).split()
    return ["-m", f"tests.benchmarks.{job.module}", *(word.format(**given) for word in words)]


def measure(name: str, command: list[str]) -> dict:
    """Run one program and tell what it printed and how it was measured."""
    load, start = os.getloadavg()[0], time.perf_counter()
    done = subprocess.run([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return {
        "name": name,
        "command": " ".join(["python", *command]),
        "code": done.returncode,
        "seconds": round(time.perf_counter() - start),
        "load": round(load, 1),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {package: version(package) for package in PACKAGES},
        "printed": done.stdout,
    }


def perform(options: argparse.Namespace) -> int:
    """Do what is not done yet, and give how many programs failed."""
    folder = options.results.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    done = {record["command"] for record in read_records(folder) if record["code"] == 0}
    failed = 0
    for name, job in JOBS.items():
        command = command_of(job, options)
        is_asked = not options.only or name in options.only
        if command is None or not is_asked or " ".join(["python", *command]) in done:
            continue
        sys.stderr.write(f"{name} ...\n")
        record = measure(name, command)
        failed += record["code"] != 0
        with (folder / RECORDS).open("a") as kept:
            kept.write(json.dumps(record) + "\n")
    return failed


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def parsed(words: list[str] | None = None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=ROOT / "bench-results")
    parser.add_argument("--only", nargs="*", choices=list(JOBS), help="these alone")
    parser.add_argument("--quick", action="store_true", help="tiny budgets: does every program still run?")
    for peer in ("sbi", "bayesflow", "sbijax"):
        parser.add_argument(f"--{peer}", metavar="PYTHON", help=f"of an environment with {peer}")
    parser.add_argument("--cells", metavar="PYTHON", help="of an environment with Brian2 and NEURON")
    return parser.parse_args(words)


def main() -> None:
    """Measure and print all tables."""
    options = parsed()
    failed = perform(options)
    sys.stdout.write(report(options.results) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
