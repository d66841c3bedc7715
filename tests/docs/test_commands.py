"""The commands of `posterior-lab` in the documentation: their names, options and settings exist."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from dashboard.cli import app
from inference.methods import METHODS
from simulators import SIMULATORS

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OWN = {"my_neuron", "MODEL"}  # models that a page makes, or stands for


def commands(text):
    """The words of each command line that begins with posterior-lab, in blocks of shell."""
    found = []
    for block in re.findall(r"(?ms)^```(?:sh|bash|console)\n(.*?)^```", text):
        for line in block.replace("\\\n", " ").splitlines():
            line = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line.removeprefix("$ "))
            if line.startswith("posterior-lab "):
                found.append(shlex.split(line, comments=True)[1:])
    return found


def problem(words):
    """What is wrong with a command line, or nothing."""
    command, words = typer.main.get_command(app), list(words)
    while getattr(command, "commands", None):
        if words[0] not in command.commands:
            return f"there is no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if command.name == "bench":  # hands its options on
        return ""
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    if unknown:
        return f"{command.name} has no option {unknown}"
    return problem_of_run(words) if command.name == "run" else ""


def problem_of_run(words):
    if words[0] not in {*SIMULATORS} | OWN:
        return f"there is no model {words[0]}"
    method = METHODS[words[words.index("--method") + 1] if "--method" in words else "snpe"]
    names = {item.name for item in fields(method.config)}
    given = [b.partition("=")[0] for a, b in zip(words, words[1:], strict=False) if a == "--set"]
    wrong = [name for name in given if name not in names]
    return f"{method.name} has no setting {wrong}" if wrong else ""


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_and_their_options_exist(page):
    wrong = {" ".join(words): problem(words) for words in commands(page.read_text())}
    assert {line: told for line, told in wrong.items() if told} == {}


@pytest.mark.parametrize(
    "line",
    [
        "posterior-lab fly",
        "posterior-lab run nobody",
        "posterior-lab run autapse --set speed=9",
        "posterior-lab serve --wings",
    ],
)
def test_what_is_wrong_is_found(line):
    assert problem(*commands(f"```sh\n{line}\n```\n"))
