"""Which parameters compensate each other, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from dashboard.views.draws import PosteriorDraws
from dashboard.words import number, unit
from inference.analysis import correlations

LEAST = 0.1  # a correlation that is worth a sentence
LEAST_SHIFT = 0.25  # of a standard deviation, that a parameter has followed

Matrix = Float[np.ndarray, "dim dim"]


def pair_sentence(names: tuple[str, str], conditional: float, marginal: float) -> str:
    """As "g_A and g_H rise together: conditional correlation 0.62, marginal 0.10."."""
    one, other = names
    words = f"{one} and {other} rise together" if conditional > 0 else f"{one} rises as {other} falls"
    return f"{words}: conditional correlation {_two(conditional)}, marginal {_two(marginal)}."


def strongest_pairs(conditional: Matrix, *, num: int) -> list[tuple[int, int]]:
    """Pairs in the order of the strength of their correlation, the strongest first; none that is weak."""
    rows, columns = np.triu_indices(len(conditional), 1)
    strength = np.nan_to_num(np.abs(conditional[rows, columns]))
    order = [k for k in np.argsort(-strength, kind="stable")[:num] if strength[k] >= LEAST]
    return [(int(rows[k]), int(columns[k])) for k in order]


def compensations(names: Sequence[str], conditional: Matrix, marginal: Matrix, *, num: int) -> list[str]:
    """A sentence for each of the strongest pairs."""
    return [
        pair_sentence((names[i], names[j]), float(conditional[i, j]), float(marginal[i, j]))
        for i, j in strongest_pairs(conditional, num=num)
    ]


def pinned_sentence(whole: PosteriorDraws, given: PosteriorDraws, pinned: dict[str, float]) -> str:
    """What follows if some parameters are pinned.

    Args:
        whole: draws of the posterior, of all parameters.
        given: draws of those that are not pinned, given those that are.
        pinned: name -> value.
    """
    at = [whole.names.index(name) for name in given.names]
    marginal = whole.correlations[np.ix_(at, at)]
    where = ", ".join(f"{name} {_with_unit(whole, name, value)}" for name, value in pinned.items())
    begin = f"With {where}: " if pinned else "Nothing is pinned: "
    parts = [_followed(whole, given, at)] if pinned else []
    found = compensations(given.names, correlations(given.values), marginal, num=1)
    if found and pinned:
        parts.append(found[0].removesuffix("."))
    elif not found and given.dim > 1:
        parts.append("no two of the others hang together")
    return begin + "; ".join(filter(None, parts or ["this is the posterior"])) + "."


def _followed(whole: PosteriorDraws, given: PosteriorDraws, at: list[int]) -> str:
    """The parameter that has moved farthest, in standard deviations of the posterior."""
    before, sd = (part[at] for part in whole.middle)
    after = given.middle[0]
    shift = (after - before) / np.maximum(sd, 1e-12)
    k = int(np.argmax(np.abs(shift)))
    if abs(shift[k]) < LEAST_SHIFT:
        return "the others stay where they were"
    verb = "rises" if shift[k] > 0 else "falls"
    name = given.names[k]
    return f"{name} {verb} from {number(float(before[k]))} to {_with_unit(given, name, float(after[k]))}"


def _with_unit(draws: PosteriorDraws, name: str, value: float) -> str:
    return f"{number(value)} {unit(draws.units[draws.names.index(name)])}".rstrip()


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
