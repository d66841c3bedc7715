"""`posterior-lab bench`: the benchmarks of a checkout, each as a program of its own."""

import os
import subprocess
import sys
from pathlib import Path

from dashboard.compilation import cache_variables

# name -> the module, from the root of a checkout
BENCHMARKS = {
    "speed": "tests.benchmarks.speed",
    "jax-peers": "tests.benchmarks.speed_jax_peers",
    "accuracy": "tests.benchmarks.accuracy",
}
DEFAULT_ROOT = Path(__file__).resolve().parent.parent


def run_benchmark(name: str, arguments: list[str], *, root: Path = DEFAULT_ROOT) -> int:
    """Run one benchmark with arguments of its own, and give its exit code.

    Args:
        name: a key of `BENCHMARKS`.
        arguments: handed on as they are; `--help` lists them.
        root: the checkout.

    Raises:
        ValueError: there is no such benchmark, or this is an installed package without the tests' folder.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"There is no benchmark '{name}'; choose one of {', '.join(BENCHMARKS)}.")
    module = BENCHMARKS[name]
    if not (root / module.replace(".", "/")).with_suffix(".py").is_file():
        raise ValueError(
            "Benchmarks are part of the source code and not of an installed package: run this in a checkout."
        )
    search = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | cache_variables() | {"PYTHONPATH": search}
    return subprocess.run([sys.executable, "-m", module, *arguments], cwd=root, env=environment).returncode
