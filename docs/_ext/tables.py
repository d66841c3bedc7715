"""Tables made from the registries when the pages are built, so that they cannot go stale.

```{model} autapse          what it can do, its parameters, its features
```{models}                 all models in a table
```{settings} snpe          the settings of a method
```{commands}               every command of posterior-lab with its options
"""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from numpyro import distributions as dist
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from inference.methods import METHODS
from simulators import SIMULATORS, Simulator
from tests.benchmarks.report import report


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def number(value: Any) -> str:
    """A number as people write it."""
    value = float(value)
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.4g}"
    if "e" in text:
        digits, power = text.split("e")
        return f"{digits} × 10<sup>{int(power)}</sup>" if digits != "1" else f"10<sup>{int(power)}</sup>"
    return text


def spread(marginal: Any) -> str:
    """The marginal of a prior in words."""
    while isinstance(marginal, dist.Independent | dist.ExpandedDistribution):
        marginal = marginal.base_dist
    one = lambda value: number(np.ravel(value)[0])  # noqa: E731
    if isinstance(marginal, dist.Uniform):
        return f"uniform from {one(marginal.low)} to {one(marginal.high)}"
    if isinstance(marginal, dist.LogUniform):
        return f"uniform in its logarithm from {one(marginal.low)} to {one(marginal.high)}"
    if isinstance(marginal, dist.Normal):
        return f"normal, mean {one(marginal.loc)}, sd {one(marginal.scale)}"
    if isinstance(marginal, dist.LogNormal):
        return f"log-normal: its logarithm has mean {one(marginal.loc)}, sd {one(marginal.scale)}"
    low, high = (getattr(marginal.support, name, None) for name in ("lower_bound", "upper_bound"))
    words = (
        "jointly normal" if isinstance(marginal, dist.TransformedDistribution) else type(marginal).__name__
    )
    words = {"LogitNormal": "normal after a logit"}.get(words, words)
    return words if low is None else f"{words}, from {one(low)} to {one(high)}"


def parameters(simulator: Simulator) -> str:
    """The parameters of a model: name, symbol, unit, prior."""
    prior, rows, at = simulator.prior, [], 0
    for name, marginal in prior.marginals.items():
        size = int(np.prod(marginal.event_shape)) or 1
        flat = prior.names[at]
        at += size
        label = prior.labels[flat].removesuffix("[0]") if size > 1 else prior.labels[flat]
        shared = " (shared)" if flat in prior.shared or name in prior.shared else ""
        count = f"`{name}`" if size == 1 else f"`{name}[0]` to `{name}[{size - 1}]`"
        rows.append([count + shared, label, prior.units[flat] or "", spread(marginal)])
    return table(["parameter", "symbol", "unit", "prior"], rows)


def features(simulator: Simulator) -> str:
    """The features of a model: name, unit, label."""
    rows, at, names = [], 0, simulator.feature_names
    for name, shape in simulator.feature_shapes:
        size = int(np.prod(shape))
        flat = names[at]
        at += size
        count = f"`{name}`" if shape == () else f"`{name}`, {size} values"
        label = simulator.feature_labels.get(flat, "")
        label = label if shape == () or not label else f"the first: {label}"
        rows.append([count, simulator.feature_units.get(flat, ""), label])
    return table(["feature", "unit", "in plots"], rows)


def suits(name: str, simulator: Simulator) -> bool:
    """Whether a method works with a model, by its own check."""
    method = METHODS[name]
    try:
        method.check(method.config(), simulator)
    except ValueError:
        return False
    return True


def facts(simulator: Simulator) -> str:
    """What a model can do, in a table of two columns."""
    # A search suits any model, where its optional extra is installed.
    hidden = {"genetic"} if simulator.prior.shared else {"genetic", "hnpe"}
    can = [name for name in METHODS if name not in hidden and suits(name, simulator)]
    yes_no = {True: "yes", False: "no"}
    rows = [
        ["parameters, features", f"{simulator.prior.dim}, {simulator.num_features}"],
        ["methods", ", ".join(f"[`{m}`](/methods/{m}.md)" for m in can)],
        ["gradients", yes_no[simulator.differentiable]],
        [
            "likelihood; exact posterior",
            f"{yes_no[simulator.log_likelihood is not None]}; "
            f"{yes_no[simulator.exact_posterior is not None]}",
        ],
        ["takes a recording of yours", yes_no[simulator.drive is not None]],
        ["source", simulator.source],
    ]
    return table([f"`{simulator.name}`", simulator.title], rows)


def settings(name: str) -> str:
    """The settings of a method: default, what each may be, what it does."""
    rows = []
    # Those that a form shows at once come first.
    items = sorted(dataclasses.fields(METHODS[name].config), key=lambda item: "advanced" in item.metadata)
    for item in items:
        about = item.metadata
        may_be = ""
        if "choices" in about:
            may_be = ", ".join(f"`{choice}`" for choice in about["choices"])
        elif "bounds" in about:
            may_be = " to ".join(number(value) for value in about["bounds"])
        default = "empty" if item.default is None else f"`{item.default}`"
        rows.append([f"`{item.name}`", default, may_be, about["help"]])
    return table(["setting", "default", "may be", "what it does"], rows)


def commands() -> str:
    """Every command with its options."""
    import typer

    from dashboard.cli import app

    return "\n\n".join(_commands(typer.main.get_command(app), "posterior-lab"))


def _commands(group: Any, path: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        if getattr(command, "commands", None):
            found += _commands(command, f"{path} {name}")
            continue
        takes = [p for p in command.params if p.param_type_name == "argument"]
        usage = " ".join([path, name, *(_metavar(p) for p in takes)])
        found.append(f"## `{path} {name}`\n\n    {usage}\n\n{command.help}")
        rows = [
            [" ".join(f"`{o}`" for o in (*p.opts, *p.secondary_opts)), p.help or ""]
            for p in command.params
            if p.param_type_name == "option" and p.name != "help"
        ]
        if rows:
            found.append(table(["option", ""], rows))
    return found


def _metavar(argument: Any) -> str:
    return argument.metavar or str(argument.name).upper()


def models() -> str:
    """All models, a line each, with a link to its page."""
    rows = [
        [f"[`{name}`]({name}.md)", model.title, str(model.prior.dim), str(model.num_features)]
        for name, model in SIMULATORS.items()
    ]
    return table(["model", "", "parameters", "features"], rows)


class Model(SphinxDirective):
    """What a model can do, its picture, its parameters and its features."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in place of the directive."""
        name = self.arguments[0]
        simulator = SIMULATORS[name]
        texts = [simulator.summary, facts(simulator), f"![{simulator.title}](/_generated/{name}.svg)"]
        texts += ["**Parameters**", parameters(simulator), "**Features**", features(simulator)]
        return self.parse_text_to_nodes("\n\n".join(texts))


class Settings(SphinxDirective):
    """The settings of a method."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in place of the directive."""
        return self.parse_text_to_nodes(settings(self.arguments[0]))


class Commands(SphinxDirective):
    """Every command of posterior-lab."""

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in place of the directive."""
        return self.parse_text_to_nodes(commands(), allow_section_headings=True)


class Bench(SphinxDirective):
    """What `make bench` has measured beside these pages, if anything."""

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in place of the directive."""
        text = report(Path(self.env.srcdir).parent / "bench-results")
        return self.parse_text_to_nodes(text, allow_section_headings=True)


class Models(SphinxDirective):
    """All models in a table."""

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in place of the directive."""
        return self.parse_text_to_nodes(models())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    for name, directive in {
        "model": Model,
        "models": Models,
        "settings": Settings,
        "commands": Commands,
        "bench": Bench,
    }.items():
        app.add_directive(name, directive)
    return {"parallel_read_safe": True}
