"""Runs of one model side by side: how far apart their answers are, in what, and what each of them cost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.chains import chain_diagnostics
from inference.diagnostics.moments import compare_moments
from inference.diagnostics.two_sample import C2ST, MIN_SAMPLES, c2st_interval
from inference.tree import NAMES, chains

ONE_IN_TWENTY = 1.358  # quantile of the Kolmogorov distribution
NOT_SETTINGS = "config"  # the name of the method's class among its settings


@dataclass(frozen=True)
class ParameterDifference:
    """One parameter of a run relative to another.

    Attributes:
        name: of the parameter.
        mean_shift: in standard deviations of the second run. sd_ratio: first by second.
        kolmogorov: largest distance of the two distribution functions, 0 to 1.
    """

    name: str
    mean_shift: float
    sd_ratio: float
    kolmogorov: float


@dataclass(frozen=True)
class Pair:
    """Two runs.

    Attributes:
        first, second: their names; the second is the reference.
        c2st: of all parameters together, with its uncertainty.
        parameters: those that differ most by Kolmogorov distance come first.
        chance: a Kolmogorov distance that 5 % of pairs of independent draws exceed; as many as these are
            worth.
    """

    first: str
    second: str
    c2st: C2ST
    parameters: tuple[ParameterDifference, ...]
    chance: float


@dataclass(frozen=True)
class RunFacts:
    """What the tree of a run tells beside its draws; None and empty where it does not, or there is no tree.

    Attributes:
        name: of the run. simulations: in all rounds. seconds: wall time, all stages.
        settings: of its method. predictive_distance: by feature, see `predictive_distance`.
        data: checksum of the observation, or of the emergent property.
        entropy: in nats, of a distribution with an emergent property.
        violation: of its constraints, by name, in units of the targets.
    """

    name: str
    simulations: int | None = None
    seconds: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    predictive_distance: Mapping[str, float] = field(default_factory=dict)
    data: str | None = None
    entropy: float | None = None
    violation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Of k runs.

    Attributes:
        runs: in the order in which they were given.
        pairs: each two of them, in the same order.
        c2st: (k, k), accuracies, symmetric, 0.5 on the diagonal.
    """

    runs: tuple[RunFacts, ...]
    pairs: tuple[Pair, ...]
    c2st: Float[np.ndarray, "k k"]

    @property
    def is_one_observation(self) -> bool:
        """See `is_one_observation`."""
        return is_one_observation(self.runs)

    @property
    def differing_settings(self) -> dict[str, tuple[Any, ...]]:
        """See `differing_settings`."""
        return differing_settings(self.runs)


def is_one_observation(runs: Sequence[RunFacts]) -> bool:
    """Whether all runs that tell were given the same observation."""
    return len({run.data for run in runs if run.data is not None}) < 2


def differing_settings(runs: Sequence[RunFacts]) -> dict[str, tuple[Any, ...]]:
    """Settings that are not the same in all runs, with the value in each; None where there is none."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    values = {name: tuple(run.settings.get(name) for run in runs) for name in names}
    return {name: each for name, each in values.items() if any(value != each[0] for value in each)}


def compare_runs(
    key: Key[Array, ""],
    runs: Mapping[str, ArrayLike | xr.DataTree],
    *,
    parameter_names: tuple[str, ...] | None = None,
    num: int = 2_000,
) -> Comparison:
    """Compare the posterior draws of two or more runs of one model; a reference comes last.

    Args:
        key: of the classifiers.
        runs: by name: draws (n, dim), or the tree of a result.
        parameter_names: for draws; None: those of a tree, or numbers.
        num: draws of each run that C2ST sees at most, evenly spread over its chains; as many of both runs,
            and no more than either is worth, but at least 50. Moments and distances are of all draws.
            Importance weights are not used.

    Raises:
        ValueError: there are fewer than two runs, they are of different models or parameters, or one has no
            posterior draws or fewer than 50.
    """
    if len(runs) < 2:
        raise ValueError(f"Two or more runs are compared; got {len(runs)}.")
    names = _parameter_names(runs, parameter_names)
    draws = [_Draws.of(name, run, names) for name, run in runs.items()]
    pairs = [
        _compared(jax.random.fold_in(key, index), names, *two, num=num)
        for index, two in enumerate(itertools.combinations(draws, 2))
    ]
    matrix = np.full((len(runs), len(runs)), 0.5)
    for (i, j), pair in zip(itertools.combinations(range(len(runs)), 2), pairs, strict=True):
        matrix[i, j] = matrix[j, i] = pair.c2st.accuracy
    return Comparison(tuple(run_facts(name, run) for name, run in runs.items()), tuple(pairs), matrix)


def run_facts(name: str, run: ArrayLike | xr.DataTree) -> RunFacts:
    """What a run tells beside its draws, without comparing it."""
    if not isinstance(run, xr.DataTree):
        return RunFacts(name)
    spent = json.loads(run.attrs.get("seconds", "{}"))
    settings = json.loads(run.attrs.get("config", "{}"))
    found = run["diagnostics"].to_dataset() if "diagnostics" in run.children else xr.Dataset()
    simulations = found.get("num_simulations", found.get("num_training_simulations"))
    return RunFacts(
        name,
        None if simulations is None else int(simulations),
        float(sum(spent.values())) if spent else None,
        {"method": settings.get(NOT_SETTINGS)} | {k: v for k, v in settings.items() if k != NOT_SETTINGS},
        _by_label(found, "predictive_distance", "feature"),
        run.attrs.get("data_sha256"),
        float(found["entropy"]) if "entropy" in found else None,
        _by_label(found, "violation", "constraint"),
    )


def _by_label(found: xr.Dataset, variable: str, dim: str) -> dict[str, float]:
    if variable not in found:
        return {}
    return dict(zip(found[dim].values.tolist(), found[variable].values.tolist(), strict=True))


def _parameter_names(
    runs: Mapping[str, ArrayLike | xr.DataTree], given: tuple[str, ...] | None
) -> tuple[str, ...]:
    trees = {name: run for name, run in runs.items() if isinstance(run, xr.DataTree)}
    models = {name: tree.attrs.get("simulator", "") for name, tree in trees.items()}
    if len(set(models.values())) > 1:
        raise ValueError(f"Only runs of one model can be compared; got {models}.")
    stated = {tuple(json.loads(tree.attrs[NAMES])) for tree in trees.values()} | ({given} if given else set())
    if len(stated) > 1:
        raise ValueError(f"Only runs with the same parameters can be compared; got {sorted(stated)}.")
    if stated:
        return stated.pop()
    rows = np.asarray(next(iter(runs.values())))
    return tuple(f"parameter {i + 1}" for i in range(rows.shape[-1]))


class _Draws(NamedTuple):
    """Of one run, chain by chain.

    Attributes:
        name: of the run. rows: (n, dim).
        worth: independent draws: fewer than n of Markov chains, or where weights have repeated draws.
    """

    name: str
    rows: Float[np.ndarray, "n dim"]
    worth: float

    @classmethod
    def of(cls, name: str, run: ArrayLike | xr.DataTree, names: tuple[str, ...]) -> _Draws:
        if not isinstance(run, xr.DataTree):
            rows = np.asarray(run)
            if rows.ndim != 2 or rows.shape[1] != len(names):
                raise ValueError(f"Draws of '{name}' must have shape (n, {len(names)}); got {rows.shape}.")
            return cls(name, rows.astype(float), float(len(rows)))
        if "posterior" not in run.children:
            raise ValueError(f"The run '{name}' has no posterior draws; choose an observation for it first.")
        by_chain = chains(run["posterior"].to_dataset()[list(names)])
        return cls(name, by_chain.reshape(-1, len(names)).astype(float), _worth(run, by_chain))


def _worth(run: xr.DataTree, by_chain: Float[np.ndarray, "chain draw dim"]) -> float:
    num_chains, num_draws, _ = by_chain.shape
    found = run["diagnostics"].to_dataset() if "diagnostics" in run.children else xr.Dataset()
    worth = [float(num_chains * num_draws), float(found.get("effective_draws", np.inf))]
    if num_chains > 1:
        numbers = chain_diagnostics(by_chain)
        worth += [float(np.nanmin(numbers[kind][1], initial=np.inf)) for kind in ("ess_bulk", "ess_tail")]
    return max(1.0, min(worth))


def _compared(key: Key[Array, ""], names: tuple[str, ...], one: _Draws, other: _Draws, *, num: int) -> Pair:
    for each in (one, other):
        if len(each.rows) < MIN_SAMPLES:
            raise ValueError(
                f"'{each.name}' has {len(each.rows)} draws; a comparison needs {MIN_SAMPLES} or more."
            )
    worth = min(one.worth, other.worth)
    in_fifties = max(MIN_SAMPLES, int(worth) // MIN_SAMPLES * MIN_SAMPLES)  # so that few sizes are compiled
    size = min(num, len(one.rows), len(other.rows), in_fifties)
    score = c2st_interval(key, _spread(other.rows, size), _spread(one.rows, size), num_effective=worth)
    chance = ONE_IN_TWENTY * np.sqrt(1 / one.worth + 1 / other.worth)
    return Pair(one.name, other.name, score, _differences(names, one.rows, other.rows), float(chance))


def _spread(rows: np.ndarray, num: int) -> np.ndarray:
    return rows[np.linspace(0, len(rows) - 1, num).round().astype(int)]


def _differences(
    names: tuple[str, ...], one: np.ndarray, other: np.ndarray
) -> tuple[ParameterDifference, ...]:
    moments = compare_moments(one, other)
    columns = zip(names, moments.mean_shift, moments.sd_ratio, one.T, other.T, strict=True)
    found = [
        ParameterDifference(name, float(shift), float(ratio), _kolmogorov(a, b))
        for name, shift, ratio, a, b in columns
    ]
    return tuple(sorted(found, key=lambda difference: -difference.kolmogorov))


def _kolmogorov(a: np.ndarray, b: np.ndarray) -> float:
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    below = [np.searchsorted(part, both, side="right") / len(part) for part in (a, b)]
    return float(np.abs(below[0] - below[1]).max())
