"""Install the packages of a lock with pip and tell in short what it is at, because that takes minutes.

Run by `make setup` with the Python of the environment: `python tools/install.py requirements.lock`. A
terminal shows one line, which changes; a file or a log gets one of every 40 such lines.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

EVERY = 40  # packages between two lines where lines stay
STEPS = {
    "look up": re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)"),
    "fetch": re.compile(
        r" *(?:Downloading|Using cached|Processing) (?:\S*/)?(\S+\.(?:whl|tar\.gz)(?: \(\S+ .?B\))?)"
    ),
}
LAST = "Installing collected packages:"


def in_short(lines: Iterable[str], total: int, *, is_terminal: bool) -> Iterator[str]:
    """What to tell of what pip says, as it says it.

    Args:
        lines: of pip's output.
        total: how many packages there are.
        is_terminal: whether each line replaces the one before.
    """
    done = dict.fromkeys(STEPS, 0)
    for line in lines:
        for step, pattern in STEPS.items():
            if (found := pattern.match(line)) and ".metadata" not in line:
                done[step] += 1
                if is_terminal or done[step] % EVERY == 1:
                    yield f"{step} {done[step]} of {total}: {found[1]}"
        if line.startswith(LAST):
            yield f"unpack {line.count(',') + 1} packages, which takes a minute or two ..."


def main() -> int:
    """Install, and return pip's status."""
    lock, is_terminal = sys.argv[1], sys.stdout.isatty()
    total = sum("==" in line for line in Path(lock).read_text().splitlines())
    begin, end = ("\r\x1b[K", "") if is_terminal else ("", "\n")
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "-r", lock]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as pip:
        for words in in_short(pip.stdout or (), total, is_terminal=is_terminal):
            sys.stdout.write(f"{begin}  {words}"[: shutil.get_terminal_size().columns + 3] + end)
            sys.stdout.flush()
    sys.stdout.write(begin)
    return pip.returncode


if __name__ == "__main__":
    try:
        status = main()
    except KeyboardInterrupt:  # pip has said so
        status = 130
    sys.exit(status)
