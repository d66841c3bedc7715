"""A notebook that does a run again from nothing, and says how near it comes: nbformat 4, as plain JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from dashboard.methods_paragraph import methods_paragraph
from inference.requests import Request
from simulators import get_simulator

FORMAT, MINOR = 4, 5
IMPORTS = """import jax
import pandas as pd

from inference import run
from inference.observations import observe
from inference.settings import make_config
from simulators import get_simulator"""
OWN_MODEL = """
from pathlib import Path

from simulators.catalogue import load_simulators

# The file with the model, beside this notebook.
load_simulators(Path({file!r}))"""
COMPARE = """draws = result.tree["posterior"].to_dataset()[list(then.index)]
now = pd.DataFrame({"mean": draws.mean().to_pandas(), "sd": draws.std().to_pandas()})
compared = then.join(now, lsuffix=" then", rsuffix=" now")
compared["off by (sd)"] = (now["mean"] - then["mean"]) / then["sd"]
compared"""


def notebook(request: Request, tree: xr.DataTree, run_id: str) -> bytes:
    """The file of a notebook.

    Args:
        request: what the run was asked.
        tree: of its result.
        run_id: to be named by.
    """
    cells = [
        _text(_head(request, run_id)),
        _code(IMPORTS + "".join(OWN_MODEL.format(file=Path(one).name) for one in request.simulator_files)),
        _code(_asked(request)),
        _code(f"result = run(config, simulator, goal, key=jax.random.key({request.seed}))"),
        *_compared(tree),
        _text("## What was done\n\n" + _plain(methods_paragraph(tree))),
    ]
    told = {
        "nbformat": FORMAT,
        "nbformat_minor": MINOR,
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "cells": [cell | {"id": f"cell-{k}"} for k, cell in enumerate(cells)],
    }
    return json.dumps(told, indent=1).encode()


def _head(request: Request, run_id: str) -> str:
    try:
        title = get_simulator(request.simulator).title or request.simulator
    except ValueError:
        title = request.simulator
    words = (
        f"# {_plain(title)}: run {run_id} again\n\nThe same seed gives the same numbers on the same platform"
    )
    words += " with the same versions."
    if request.observation["kind"] == "recording":
        words += " The recording is in the folder of the run: unpack its .zip, and open this notebook there."
    return words


def _asked(request: Request) -> str:
    return (
        f"observation = {_value(request.observation)}\n"
        f"simulator, goal = observe(get_simulator({request.simulator!r}), observation)\n"
        f"config = make_config({request.method!r}, {_value(request.config)})"
    )


def _compared(tree: xr.DataTree) -> list[dict[str, Any]]:
    """What was found then, beside what is found now; nothing where there were no draws."""
    if "posterior" not in tree.children:
        return []
    draws = tree["posterior"].to_dataset()
    mean, sd = draws.mean(), draws.std()
    rows = "".join(
        f"    {str(name)!r}: ({float(mean[name])!r}, {float(sd[name])!r}),\n" for name in draws.data_vars
    )
    then = f'then = pd.DataFrame.from_dict({{\n{rows}}}, orient="index", columns=["mean", "sd"])'
    return [_code(then), _code(COMPARE)]


def _value(value: Any) -> str:
    """A JSON value as Python source: its literal, in which nothing can be but data."""
    return repr(json.loads(json.dumps(dict(value) if isinstance(value, Mapping) else value)))


def _plain(text: str) -> str:
    """Text in which Markdown sees no markup."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|$!&" else char for char in text)


def _text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
