"""What was done, in words for the methods section of a paper: made of a result alone."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from dashboard.citations import OF_METHOD
from dashboard.emergent import property_words
from dashboard.views.groups import group
from dashboard.views.provenance import settings_words
from dashboard.words import count
from inference.diagnostics import verdict
from inference.goals import EmergentProperty
from inference.settings import find_method
from inference.tree import PROPERTY
from simulators import Simulator, get_simulator

SOFTWARE = ("posterior-lab", "jax", "numpyro", "flowjax", "optax", "numpy")


def methods_paragraph(tree: xr.DataTree) -> str:
    """Plain text: a paragraph, and the papers that it cites by number."""
    attrs = tree.attrs
    config = _json(attrs.get("config"))
    papers = _papers(attrs)
    sentences = (
        _what(tree, len(papers)),
        _budget(tree, config),
        _settings(str(attrs.get("method", "")), config),
        _answer(tree),
        f"The random seed was {attrs['seed']}." if "seed" in attrs else "",
        _machine(attrs),
        _checksums(attrs),
    )
    listed = "\n".join(f"[{k}] {paper}" for k, paper in enumerate(papers, 1))
    return " ".join(filter(None, sentences)) + (f"\n\n{listed}" if listed else "") + "\n"


def _papers(attrs: Mapping[Any, Any]) -> list[str]:
    model = _model(attrs)
    of_model = [f"{model.source.rstrip('.')}."] if model is not None and model.source else []
    return of_model + list(OF_METHOD.get(str(attrs.get("method")), ()))


def _model(attrs: Mapping[Any, Any]) -> Simulator | None:
    try:
        return get_simulator(str(attrs.get("simulator")))
    except ValueError:
        return None  # one that this server does not have


def _what(tree: xr.DataTree, num_papers: int) -> str:
    model, name = _model(tree.attrs), str(tree.attrs.get("simulator", "a model"))
    title = f"{model.title} ({name})" if model is not None and model.title else name
    has_source = model is not None and bool(model.source)
    cited = list(range(1 + has_source, num_papers + 1))
    num = len(group(tree, "prior").data_vars)
    return (
        f"The {count(num, 'parameter')} of the model {title}{' [1]' if has_source else ''} "
        f"{'was' if num == 1 else 'were'} inferred from {_goal(tree, model)} by "
        f"{_method_title(str(tree.attrs.get('method', '')))}{f' {cited}' if cited else ''}."
    )


def _method_title(name: str) -> str:
    try:
        return find_method(name).title or name
    except ValueError:
        return name


def _goal(tree: xr.DataTree, model: Simulator | None) -> str:
    wanted = _json(tree.attrs.get(PROPERTY))
    if wanted:
        units = {} if model is None else model.feature_units
        goal = EmergentProperty(wanted.get("mean", {}), wanted.get("sd", {}))
        return f"an emergent property ({property_words(goal, units)})"
    observed = group(tree, "observed_data")
    if not observed.data_vars:
        return "simulations alone, for any observation"
    others = observed.sizes.get("observation", 1) - 1
    beside = f" and {count(others, 'observation')} that share parameters with it" if others else ""
    label = observed.attrs.get("label") or "an observation"
    return f"{count(observed.sizes.get('feature', 0), 'feature')} of one observation ({label}){beside}"


def _budget(tree: xr.DataTree, config: Mapping[str, Any]) -> str:
    found = group(tree, "diagnostics")
    if "round_num_simulations" not in found:
        num = config.get("num_simulations")
        return f"The model was simulated up to {count(num, 'time')}." if isinstance(num, int) else ""
    simulated = np.asarray(found["round_num_simulations"].values, int)
    rounds = "" if len(simulated) == 1 else f" in {len(simulated)} rounds"
    usable = ""
    if "round_num_usable" in found:
        num_usable = int(np.asarray(found["round_num_usable"].values, int).sum())
        usable = f", of which {count(num_usable, 'simulation')} could be used"
    return f"The model was simulated {count(int(simulated.sum()), 'time')}{rounds}{usable}."


def _settings(method: str, config: Mapping[str, Any]) -> str:
    """What differs from the defaults; what is None, or unknown to the method, is not told."""
    try:
        kind = find_method(method).config
    except ValueError:
        return ""
    usual = {item.name: item.default for item in dataclasses.fields(kind)}
    usual = {name: list(value) if isinstance(value, tuple) else value for name, value in usual.items()}
    changed = {name: value for name, value in config.items() if name in usual and value != usual[name]}
    if not changed:
        return "All settings were those that posterior-lab comes with."
    return f"Settings other than the defaults were: {settings_words(method, changed)}."


def _answer(tree: xr.DataTree) -> str:
    posterior = group(tree, "posterior")
    if not posterior.data_vars:
        return "The result is an estimator that answers for any observation."
    chains, draws = posterior.sizes.get("chain", 1), posterior.sizes.get("draw", 0)
    by = f" in {chains} chains" if chains > 1 else ""
    found = verdict(tree)
    said = " ".join([found.headline, *(one.sentence for one in found.findings if one.level != "good")])
    return f"The posterior is given by {count(chains * draws, 'draw')}{by}. Checks of it said: {said}"


def _machine(attrs: Mapping[Any, Any]) -> str:
    versions = _json(attrs.get("versions"))
    used = ", ".join(f"{name} {versions[name]}" for name in SOFTWARE if name in versions)
    where = f" on {attrs['platform']} ({attrs.get('device', 'cpu')})" if "platform" in attrs else ""
    when = f", finished at {attrs['created']}" if "created" in attrs else ""
    return f"It was computed with {used}{where}{when}." if used else ""


def _checksums(attrs: Mapping[Any, Any]) -> str:
    named = {"data_sha256": "of the observation", "simulator_sha256": "of the model"}
    told = [f"{attrs[name]} {words}" for name, words in named.items() if attrs.get(name)]
    return f"SHA-256 checksums: {', '.join(told)}." if told else ""


def _json(value: Any) -> dict[str, Any]:
    try:
        read = json.loads(str(value))
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
