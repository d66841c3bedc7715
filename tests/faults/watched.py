"""A file for `--simulators`: two moons, and a note in the run folder of who performs a run from when to when.

Loaded by whoever performs a run, before it does. It is how the campaign of kills sees, without relying on the
lock that shall prevent it, whether two processes ever perform the same run at a time.
"""

import dataclasses
import functools
import json
import os
import time

import psutil

from inference import execute
from simulators.models.two_moons import two_moons

NOTES = "performers.jsonl"
VARIABLE = "POSTERIOR_LAB_TEST_NOTES"  # whether to note; set for the services only
watched = dataclasses.replace(two_moons, name="watched")


def note(folder, what, **more):
    line = {"what": what, "pid": os.getpid(), "began": psutil.Process().create_time(), "time": time.time()}
    with open(folder / NOTES, "a") as stream:
        stream.write(json.dumps(line | more) + "\n")


def others_at(folder):
    """Living processes that began to perform the run and have not ended, but this one."""
    if not (folder / NOTES).exists():
        return []
    lines = [json.loads(line) for line in (folder / NOTES).read_text().splitlines()]
    at_work = {}
    for line in lines:
        at_work[line["pid"], line["began"]] = line["what"] == "begin"
    return [
        pid for (pid, began), is_at in at_work.items() if is_at and pid != os.getpid() and _lives(pid, began)
    ]


def _lives(pid, began):
    try:
        process = psutil.Process(pid)
        return process.create_time() == began and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def noting(run):
    @functools.wraps(run)
    def noted(*arguments, folder=None, **named):
        if folder is None:
            return run(*arguments, folder=folder, **named)
        note(folder, "begin", others=others_at(folder))
        try:
            return run(*arguments, folder=folder, **named)
        finally:
            note(folder, "end")

    return noted


if os.environ.get(VARIABLE) and not hasattr(execute.run, "__wrapped__"):
    execute.run = noting(execute.run)
