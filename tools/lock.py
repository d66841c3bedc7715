"""Write requirements.lock: the newest versions that satisfy pyproject.toml on the oldest Python it allows.

Run by `make lock`. The names and versions alone are written, no index, so that the lock installs from
whichever index pip is set up with. What the oldest Python can install, the newer ones can too (checked by
hand with `pip install --dry-run -r requirements.lock` under each); the reverse does not hold.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = ("gpu", "baselines")  # for machines that have what they need
HEADER = """\
# Exact versions of everything that `make setup` installs: the project with its extras {extras}.
# Written by `make lock`; do not edit. It names no index: pip uses the one it is set up with.
"""


def resolve(requirements: list[str]) -> dict[str, str]:
    """Name and version of each distribution that pip would install in an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    report = subprocess.run(
        [*command, "--report", "-", *requirements], check=True, stdout=subprocess.PIPE, text=True
    )
    found = [item["metadata"] for item in json.loads(report.stdout)["install"]]
    return {item["name"].lower().replace("_", "-").replace(".", "-"): item["version"] for item in found}


def main() -> None:
    """Resolve the dependencies with the extras and write the lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = project["requires-python"].removeprefix(">=")
    running = "{}.{}".format(*sys.version_info)
    if running != oldest:
        sys.exit(f"The lock is made with Python {oldest}, not {running}: make lock PYTHON=python{oldest}")
    extras = {k: v for k, v in project["optional-dependencies"].items() if k not in LEFT_OUT}
    locked = resolve(project["dependencies"] + [name for names in extras.values() for name in names])
    lines = [f"{name}=={version}\n" for name, version in sorted(locked.items())]
    (ROOT / "requirements.lock").write_text(HEADER.format(extras=", ".join(extras)) + "".join(lines))


if __name__ == "__main__":
    main()
