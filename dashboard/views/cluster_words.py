"""Clusters in words and as a table: how many, how large, where, and what tells them apart."""

from __future__ import annotations

from html import escape

import numpy as np
from jaxtyping import Float

from dashboard.views.cluster_mosaic import SIGNS
from dashboard.views.draws import PosteriorDraws
from dashboard.views.tables import table
from dashboard.words import count, number, unit
from inference.analysis import Clusters

TELLS = 0.2  # of a parameter's variance between the clusters, from which on it is named
MOST_NAMED = 2
MOST_IN_TABLE = 4
MISSED = 0.05  # probability with which a mode is missed that the sentence speaks of
ROUGH = 0.25  # modes for each draw that climbed, from which on they are no modes of their own
LEAST = 0.05  # share of a cluster, below which it is one of the small ones


def are_apart(found: Clusters) -> bool:
    """Whether there are clusters to colour: several, and not nearly one for each draw."""
    return 1 < len(found.modes) <= max(2, ROUGH * len(found.owner))


def clusters_sentence(
    draws: PosteriorDraws, found: Clusters, apart: Float[np.ndarray, " dim"], wanted: int | None
) -> str:
    """How many modes, their shares, what tells them apart, and whether more were wanted than there are."""
    num, starts = len(found.modes), len(found.owner)
    short = f" There are no {wanted}: the draws climb to {num} only." if wanted and wanted > num else ""
    if num == 1:
        if wanted == 1:
            return f"Taken as one: {count(starts, 'draw')}."
        least = 100 * (1 - MISSED ** (1 / starts))
        return (
            f"One mode: all {count(starts, 'draw')} climb to the same top, or to tops without a valley "
            f"between. A mode that holds less than {number(least, 2)} % would probably be missed.{short}"
        )
    if not are_apart(found):
        return (
            f"{count(starts, 'draw')} climb to {num} tops: so many are rather one bent or rough ridge than "
            "modes of their own. Join them to fewer clusters."
        )
    how = f"As {num} clusters" if wanted else f"{num} modes"
    return f"{how}, from {count(starts, 'draw')}: {_shares(found)}. {_told(draws, apart)}{short}"


def shares_words(found: Clusters, k: int) -> str:
    """``"86 % ± 2 %"``: of the draws that climbed, with its standard error."""
    return f"{_percent(found.shares[k])} ± {_percent(found.errors[k], digits=1)}"


def centres_table(
    draws: PosteriorDraws,
    found: Clusters,
    medians: Float[np.ndarray, "num_modes dim"],
    apart: Float[np.ndarray, " dim"],
) -> str:
    """Markup: the medians of the largest clusters, the parameter first that tells them apart most."""
    are_many = are_apart(found)
    num = min(len(found.modes), MOST_IN_TABLE) if are_many else 1
    heads = [*(f"{SIGNS[k]} {k + 1}" for k in range(num)), "told apart"] if are_many else ["median"]
    head = "<th>parameter</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
    shares = [_percent(share) for share in found.shares[:num]]
    rows = [_line("share", [*shares, ""])] if are_many else []
    for k in map(int, np.argsort(-apart, kind="stable") if are_many else range(draws.dim)):
        name = f"{draws.label_html(k)} <small>{escape(unit(draws.units[k]))}</small>"
        cells = [number(float(value)) for value in medians[:num, k]]
        rows.append(_line(name, [*cells, *([f"{100 * apart[k]:.0f} %"] if are_many else [])]))
    note = (
        '<p class="summary">Medians of the draws of each cluster. Told apart: the share of a parameter’s '
        "variance that lies between the clusters. The file holds all clusters.</p>"
    )
    return table(head, rows, "centres-table") + (note if are_many else "")


def _line(name: str, cells: list[str]) -> str:
    return f"<td>{name}</td>" + "".join(f'<td class="number">{text}</td>' for text in cells)


def _shares(found: Clusters) -> str:
    """The large ones one by one, the small ones together."""
    large = [k for k in range(len(found.modes)) if found.shares[k] >= LEAST] or [0]
    words = ", ".join(shares_words(found, k) for k in large)
    small = len(found.modes) - len(large)
    if not small:
        return words
    others = "another holds" if small == 1 else f"{small} others hold at most"
    return f"{words}; {others} {_percent(found.shares[len(large)])}{'' if small == 1 else ' each'}"


def _told(draws: PosteriorDraws, apart: Float[np.ndarray, " dim"]) -> str:
    order = [int(k) for k in np.argsort(-apart)[:MOST_NAMED] if apart[k] >= TELLS]
    if not order:
        return "No parameter alone tells them apart."
    names = " and ".join(draws.names[k] for k in order)
    return f"{names} {'tells' if len(order) == 1 else 'tell'} them apart most."


def _percent(share: float, *, digits: int = 2) -> str:
    value = 100 * float(share)
    return f"{number(value, digits if value >= 1 else 1)} %"
