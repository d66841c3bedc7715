"""Training speed beside BayesFlow and sbijax, each as it comes, all in one run on one core.

    python -m tests.benchmarks.speed_jax_peers --bayesflow PYTHON --sbijax PYTHON --results FOLDER

The two need environments of their own. Each trains on the fixed data of `speed_data.py` until it stops
itself; our side then trains until its held-out log-probability passes what the peer ended with. CPU seconds
with all compiling, of both. What is in the folder already is not done again.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.speed import HERE, perform

TOOLS = ("bayesflow", "sbijax")
NUM = 10_000


def measure(tool: str, python: Path, folder: Path, options: dict[str, Any], core: int) -> str:
    """A line of the table: a peer's training and ours to the same held-out log-probability."""
    theirs, ours = folder / f"{tool}.json", folder / f"ours_to_{tool}.json"
    if not theirs.exists():
        perform([python, HERE / f"speed_{tool}.py"], options, theirs, core=core)
    peer = json.loads(theirs.read_text())
    job = {"job": "train", "num": options["num"], "target": peer["test_log_prob"], "with_use": False}
    perform([sys.executable, HERE / "speed_ours.py"], job, ours, core=core)
    mine = json.loads(ours.read_text())
    reached, versions = mine["total_to_target"], " ".join(peer["versions"].values())
    ratio = "-" if reached is None else f"{peer['train'] / reached:.0f}x"
    numbers = (
        f"{peer['train']:.0f}",
        peer["epochs"],
        f"{peer['test_log_prob']:.3f}",
        reached and f"{reached:.1f}",
    )
    stop = f"{mine['total']:.0f} s, {mine['test_log_prob']:.3f}"
    return "| " + " | ".join(map(str, (f"{tool} {versions}", *numbers, ratio, stop))) + " |"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Training speed beside BayesFlow and sbijax.")
    for tool in TOOLS:
        parser.add_argument(f"--{tool}", type=Path, help=f"Python of an environment with {tool}")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--num", type=int, default=NUM, help="simulations")
    parser.add_argument("--max-epochs", type=int, help="of sbijax, which allows itself a thousand")
    parser.add_argument("--core", type=int, default=0, help="the core that all are pinned to")
    asked = parser.parse_args()
    asked.results.mkdir(parents=True, exist_ok=True)
    limit = {} if asked.max_epochs is None else {"max_epochs": asked.max_epochs}
    lines = [
        "| peer and versions | s | epochs | its log-probability | ours to that, s | ratio | our own stop |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool in TOOLS:
        python = getattr(asked, tool)
        if python is not None:
            options = {"job": "train", "num": asked.num} | limit
            lines.append(measure(tool, python.absolute(), asked.results.resolve(), options, asked.core))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
