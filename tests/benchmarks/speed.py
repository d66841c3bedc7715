"""The speed benchmark: sbi and this package in one run, each job in a process of its own on one core.

    python tests/benchmarks/speed.py --peer PYTHON_WITH_SBI --results FOLDER --long

Without `--peer` only our side is measured, against what `--results` holds of sbi. The peer's 100 000-row
training takes about 20 minutes: it is done only with `--long`, and kept in `--results` with its versions and
machine. Prints a Markdown table. CPU seconds throughout, which on a shared machine are still inflated by
neighbours: compare what was measured in one run. Start it with `nice` where others work too.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
X_O = [-0.06762707, 0.06649021]  # the built-in observation of two moons

TWO_MOONS: dict[str, Any] = {"job": "two_rounds", "num": 5_000, "variant": "truncated", "x_o": X_O}
PEER_JOBS: dict[str, dict[str, Any]] = {
    "maf_10k": {"job": "train", "num": 10_000},
    "nsf_10k": {"job": "train", "num": 10_000, "model": "nsf", "learning_rate": 5e-3},
    "moons_C": TWO_MOONS | {"variant": "C"},
    "moons_truncated": TWO_MOONS,
    "maf_100k": {"job": "train", "num": 100_000},
}
LONG = ("maf_100k",)
OUR_JOBS: dict[str, dict[str, Any]] = {
    "nsf_10k_cold": {"job": "train", "num": 10_000, "target_of": "maf_10k"},
    "nsf_10k": {"job": "train", "num": 10_000, "target_of": "maf_10k"},
    "nsf_10k_tuned": {"job": "train", "num": 10_000, "target_of": "nsf_10k", "with_use": False},
    "nsf_100k": {"job": "train", "num": 100_000, "target_of": "maf_100k", "with_use": False},
    "maf_10k": {
        "job": "train",
        "num": 10_000,
        "model": "maf",
        "width": 50,
        "batch_size": 200,
        "max_epochs": 20,
    },
    "coupling_10k": {"job": "train", "num": 10_000, "model": "coupling", "max_epochs": 10},
    "moons_truncated": TWO_MOONS,
    "moons_one_cold": TWO_MOONS | {"num_members": 1},
    "moons_one": TWO_MOONS | {"num_members": 1},
}


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds of both sides, and the ratio that is wanted."""

    what: str
    peer: float | None
    ours: float | None
    wanted: float
    note: str = ""

    def cells(self) -> list[str]:
        """As text; a dash where something was not measured."""
        known = self.peer is not None and self.ours is not None
        ratio = f"{self.peer / self.ours:.0f}x" if known else "-"
        return [self.what, _seconds(self.peer), _seconds(self.ours), ratio, f"{self.wanted:.0f}x", self.note]


def table(peer: dict[str, Any], ours: dict[str, Any]) -> list[Row]:
    """What was asked for, from the results of both sides by name."""
    p, o = (lambda name, field: peer.get(name, {}).get(field)), (lambda n, f: ours.get(n, {}).get(f))
    rows = []
    for size, wanted in (("10k", (60, 12, 40)), ("100k", (100, 75, None))):
        cold = o("nsf_10k_cold" if size == "10k" else "nsf_100k", "total_to_target")
        name, seconds = f"nsf_{size}", p(f"maf_{size}", "train")
        reached = f"to sbi's final {_number(p(f'maf_{size}', 'test_log_prob'))}"
        full = f"to our own stop, {_number(o(name, 'test_log_prob'))}"
        rows += [
            Row(f"training, {size}", seconds, o(name, "train_to_target"), wanted[0], reached),
            Row(f"training, {size}", seconds, o(name, "train"), wanted[0], full),
            Row(f"training, {size}, with cold compile", seconds, cold, wanted[1], reached),
        ]
        if wanted[2]:
            warm = o(name, "total_to_target")
            rows.append(Row(f"training, {size}, with warm cache", seconds, warm, wanted[2], reached))
    nsf = p("nsf_10k", "train"), o("nsf_10k_tuned", "train_to_target")
    rows.append(Row("training, 10k, both NSF at rate 5e-3", *nsf, 10, "to sbi's final"))
    epoch = None if p("maf_10k", "train") is None else p("maf_10k", "train") / p("maf_10k", "epochs")
    rows.append(Row("one epoch, MAF of 5 x [50, 50], batch 200", epoch, o("maf_10k", "per_epoch"), 8))
    for kind, theirs, mine, wanted in (
        ("MAF", "maf_10k", "maf_10k", 8),
        ("NSF", "nsf_10k", "nsf_10k", 8),
        ("affine coupling against MAF", "maf_10k", "coupling_10k", 30),
    ):
        rows.append(Row(f"10 000 draws, {kind}", p(theirs, "sample"), o(mine, "sample"), wanted))
    for kind, name in (("MAF", "maf_10k"), ("NSF", "nsf_10k")):
        rows.append(Row(f"10 000 normalised densities, {kind}", p(name, "log_prob"), o(name, "log_prob"), 10))
    field = "calibration_per_observation"
    for kind, name in (("MAF against our MAF", "maf_10k"), ("MAF against our NSF", "nsf_10k")):
        times = (None if s is None else 200 * s for s in (p("maf_10k", field), o(name, field)))
        rows.append(Row(f"1000 draws for each of 200 observations, {kind}", *times, 30))
    for variant in ("C", "truncated"):
        name = f"moons_{variant}"
        for mine, how in (
            ("moons_truncated", "in all, cold"),
            ("moons_one_cold", "one network, in all, cold"),
            ("moons_one", "one network, in all, warm cache"),
        ):
            note = f"C2ST {_number(p(name, 'c2st'))} and ours {_number(o(mine, 'c2st'))}"
            times = p(name, "two_rounds"), o(mine, "two_rounds")
            rows.append(Row(f"two moons, 2 x 5 000, sbi's {variant}, ours {how}", *times, 5, note))
    return rows


def markdown(rows: list[Row], versions: dict[str, str]) -> str:
    """The table, and what it was measured with."""
    lines = ["| | sbi, s | ours, s | ratio | wanted | |", "|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    return "\n".join([*lines, "", ", ".join(f"{name} {number}" for name, number in versions.items()) + "."])


def measure(arguments: argparse.Namespace, say: Callable[[str], None]) -> tuple[dict, dict]:
    """Results of both sides by name: from files where they are, else by running the job."""
    folder = arguments.results.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    peer: dict[str, Any] = {}
    for name, job in PEER_JOBS.items():
        path = folder / f"{name}.json"
        if not path.exists() and arguments.peer and (arguments.long or name not in LONG):
            say(f"sbi: {name}")
            perform([arguments.peer, HERE / "speed_sbi.py"], job, path, core=arguments.core)
        if path.exists():
            peer[name] = json.loads(path.read_text())
    ours = {}
    with tempfile.TemporaryDirectory() as cache:
        for name, job in OUR_JOBS.items():
            if arguments.only and name not in arguments.only:
                continue
            cold = name == "moons_truncated" or name == "nsf_100k"
            options = {key: value for key, value in job.items() if key != "target_of"}
            target = peer.get(job.get("target_of", ""), {}).get("test_log_prob")
            options |= {} if target is None else {"target": target}
            path = folder / f"ours_{name}.json"
            say(f"ours: {name}")
            program = [sys.executable, HERE / "speed_ours.py"]
            perform(program, options, path, core=arguments.core, cache=None if cold else Path(cache))
            ours[name] = json.loads(path.read_text())
    _compare(folder, peer, ours)
    return peer, ours


def perform(
    program: list[Any], job: dict[str, Any], path: Path, *, core: int | None, cache: Path | None = None
) -> None:
    """Run one job in its own process, on one core, with a compilation cache or with none."""
    if job["job"] == "two_rounds":
        job = job | {"draws": str(path.with_suffix(".npy"))}
    pinned = [] if core is None or not shutil.which("taskset") else ["taskset", "-c", str(core)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JAX_")}
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "JAX_PLATFORMS": "cpu"}
    if cache is not None:
        environment |= {
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    command = [*pinned, *map(str, program), json.dumps(job), str(path)]
    subprocess.run(command, env=environment, cwd=path.parent, check=True)  # sbi leaves logs where it runs


def _compare(folder: Path, peer: dict[str, Any], ours: dict[str, Any]) -> None:
    """Add the C2ST of what two rounds drew, ours and the peer's, by the same test."""
    sides = {f"sbi {name}": (folder / f"{name}.npy", entry) for name, entry in peer.items()}
    sides |= {f"ours {name}": (folder / f"ours_{name}.npy", entry) for name, entry in ours.items()}
    files = {name: str(path) for name, (path, _) in sides.items() if path.exists()}
    if not files:
        return
    path = folder / "c2st.json"
    job = {"job": "compare", "files": files, "x_o": X_O}
    perform([sys.executable, HERE / "speed_ours.py"], job, path, core=None)
    values = json.loads(path.read_text())
    for name in files:
        sides[name][1]["c2st"] = values[name]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Speed beside sbi.")
    parser.add_argument("--peer", help="Python of an environment with sbi.")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "posterior-lab-speed")
    parser.add_argument("--long", action="store_true", help="Also sbi with 100 000 rows: 20 minutes.")
    parser.add_argument("--core", type=int, default=0, help="The core that all jobs are pinned to.")
    parser.add_argument("--only", nargs="*", help="Only these of our jobs.")
    arguments = parser.parse_args()
    peer, ours = measure(arguments, lambda words: sys.stderr.write(words + "\n") and None)
    versions = next((e["versions"] for e in peer.values()), {}) | next(
        (e["versions"] for e in ours.values()), {}
    )
    sys.stdout.write(markdown(table(peer, ours), versions) + "\n")


if __name__ == "__main__":
    main()
