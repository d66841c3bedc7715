"""The draws of a posterior with everything needed to label and scale them; read from a result's tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Num

from dashboard.views.groups import group
from dashboard.words import label_html, with_unit
from inference.analysis import bounded_density, contraction, correlations
from inference.tree import NAMES, parameter_rows

ZOOM_MASS = 0.996  # of the draws that the zoomed range holds, before some air is added
AIR = 0.06  # added on either side of the zoomed range, as a share of it
FEW = 50  # draws, as C2ST needs at least


@dataclass(frozen=True, eq=False)
class PosteriorDraws:
    """Draws of the posterior, with names, units and what else is known about the parameters.

    Attributes:
        names: flat parameter names.
        values: shape (n, dim), in the parameters' units.
        labels: for plots, LaTeX between dollar signs or plain; the names when empty.
        units: one per parameter; none when empty.
        low, high: bounds of the prior, shape (dim,); infinite where there is none, as everywhere by default.
        prior: draws of the prior, shape (m, dim), or None.
        truth: the parameters that made the observation, shape (dim,), or None.
    """

    names: tuple[str, ...]
    values: Num[np.ndarray, "n dim"]
    labels: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    low: Float[np.ndarray, " dim"] = field(default_factory=lambda: np.array(-np.inf))
    high: Float[np.ndarray, " dim"] = field(default_factory=lambda: np.array(np.inf))
    prior: Num[np.ndarray, "m dim"] | None = None
    truth: Num[np.ndarray, " dim"] | None = None

    def __post_init__(self) -> None:
        dim = len(self.names)
        if self.values.ndim != 2 or self.values.shape[1] != dim:
            raise ValueError(f"Draws of {dim} parameters have {dim} columns; got shape {self.values.shape}.")
        if not len(self.values):
            raise ValueError("There are no draws to show.")
        object.__setattr__(self, "labels", tuple(self.labels) or self.names)
        object.__setattr__(self, "units", tuple(self.units) or ("",) * dim)
        object.__setattr__(self, "low", np.broadcast_to(self.low, (dim,)))
        object.__setattr__(self, "high", np.broadcast_to(self.high, (dim,)))

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return len(self.names)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_few(self) -> bool:
        """Whether they are too few for regions and densities: as a reference they are shown as points."""
        return len(self) < FEW

    def only(self, names: Sequence[str]) -> PosteriorDraws:
        """The same draws with some of the parameters, in the order given."""
        keep = [self.names.index(name) for name in names]

        def some(columns: np.ndarray | None) -> np.ndarray | None:
            return None if columns is None else columns[..., keep]

        return replace(
            self, names=tuple(names), values=self.values[:, keep], low=self.low[keep], high=self.high[keep],
            labels=tuple(self.labels[k] for k in keep), units=tuple(self.units[k] for k in keep),
            prior=some(self.prior), truth=some(self.truth),
        )  # fmt: skip

    def with_values(
        self, values: Num[np.ndarray, "n dim"], *, prior: Num[np.ndarray, "m dim"] | None
    ) -> PosteriorDraws:
        """Other draws of the same parameters."""
        return replace(self, values=values, prior=prior)

    def density(self, k: int, values: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The density of a parameter within its bounds as a curve x, y; of `values` instead of all draws.

        Its ends are upright, so that a density that a bound cuts is seen to be cut.
        """
        values = self.values[:, k] if values is None else values
        # A draw that rounding has put beyond a bound moves the bound.
        low, high = min(self.low[k], float(values.min())), max(self.high[k], float(values.max()))
        grid, density = bounded_density(values, low, high)
        return {
            "x": np.concatenate([grid[:1], grid, grid[-1:]]),
            "y": np.concatenate([[0.0], density, [0.0]]),
        }

    def axis_label(self, k: int) -> str:
        """``"g_Na (mS/cm²)"``, for the axis of a figure."""
        return with_unit(self.names[k], self.units[k])

    def label_html(self, k: int) -> str:
        """The label as markup, with subscripts."""
        return label_html(self.labels[k])

    @cached_property
    def whole_range(self) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, " dim"]]:
        """The prior's box; where it has no bound, what the draws of prior and posterior span."""
        spans = [self.values] if self.prior is None else [self.values, self.prior]
        low = np.min([span.min(axis=0) for span in spans], axis=0)
        high = np.max([span.max(axis=0) for span in spans], axis=0)
        has_low, has_high = np.isfinite(self.low), np.isfinite(self.high)
        return _wide(np.where(has_low, self.low, low), np.where(has_high, self.high, high))

    @cached_property
    def zoomed_range(self) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, " dim"]]:
        """Where nearly all draws are (and the truth), with some air; never beyond the whole range."""
        outside = (1 - ZOOM_MASS) / 2
        low, high = np.quantile(self.values.astype(float), [outside, 1 - outside], axis=0)
        if self.truth is not None:
            low, high = np.fmin(low, self.truth), np.fmax(high, self.truth)
        air = AIR * (high - low)
        first, last = self.whole_range
        return _wide(np.maximum(low - air, first), np.minimum(high + air, last))

    @cached_property
    def correlations(self) -> Float[np.ndarray, "dim dim"]:
        """Of all pairs."""
        return correlations(self.values)

    @cached_property
    def middle(self) -> tuple[Float[np.ndarray, " dim"], Float[np.ndarray, " dim"]]:
        """Medians and standard deviations."""
        return np.median(self.values, axis=0), self.values.std(axis=0)

    @cached_property
    def most_informed(self) -> tuple[str, ...]:
        """All names, those first about which most was learned; as given when there are no prior draws."""
        if self.prior is None:
            return self.names
        return tuple(self.names[k] for k in np.argsort(-contraction(self.values, self.prior), kind="stable"))

    def within(self, ranges: dict[str, tuple[float, float]]) -> Bool[np.ndarray, " n"]:
        """Which draws lie in all ranges; names that these draws do not have are ignored."""
        inside = np.ones(len(self), bool)
        for name, (low, high) in ranges.items():
            if name in self.names:
                column = self.values[:, self.names.index(name)]
                inside &= (column >= low) & (column <= high)
        return inside


def posterior_draws(tree: xr.DataTree) -> PosteriorDraws:
    """The draws in a result's tree.

    Raises:
        ValueError: the tree has no posterior (an amortised run that was given no observation).
    """
    posterior = group(tree, "posterior")
    if not posterior.data_vars:
        raise ValueError("This result has no posterior draws: the run was given no observation.")
    names = _names(tree, posterior)
    return replace(draws_like(tree, _rows(posterior, names)), truth=_truth(tree, names))


def draws_like(tree: xr.DataTree, values: Num[np.ndarray, "n dim"]) -> PosteriorDraws:
    """Other draws of the parameters of a result, in the order of the prior; nothing is known to be true."""
    prior = group(tree, "prior")
    described = prior if prior.data_vars else group(tree, "posterior")
    names = _names(tree, described)
    attrs = [described[name].attrs for name in names]
    return PosteriorDraws(
        names,
        values,
        labels=labels_of(tree, names),
        units=tuple(a.get("units", "") for a in attrs),
        low=np.array([a.get("low", -np.inf) for a in attrs], float),
        high=np.array([a.get("high", np.inf) for a in attrs], float),
        prior=_rows(prior, names) if prior.data_vars else None,
    )


def labels_of(tree: xr.DataTree, names: Sequence[str]) -> tuple[str, ...]:
    """Labels of parameters for plots; the names where the tree has none."""
    prior = group(tree, "prior")
    described = prior if prior.data_vars else group(tree, "posterior")
    return tuple(
        described[name].attrs.get("long_name", name) if name in described else name for name in names
    )


def _names(tree: xr.DataTree, posterior: xr.Dataset) -> tuple[str, ...]:
    """In the order of the prior, which a Zarr store opened by hand does not keep."""
    given = tuple(map(str, posterior.data_vars))
    ordered = tuple(json.loads(tree.attrs.get(NAMES, "[]")))
    return ordered if sorted(ordered) == sorted(given) else given


def _rows(draws: xr.Dataset, names: tuple[str, ...]) -> np.ndarray:
    return parameter_rows(draws[list(names)])


def _truth(tree: xr.DataTree, names: tuple[str, ...]) -> np.ndarray | None:
    constant = group(tree, "constant_data")
    if "true_theta" not in constant:
        return None
    known = constant["true_theta"]
    by_name = dict(zip(map(str, known["parameter"].values), np.asarray(known.values, float), strict=True))
    return np.array([by_name.get(name, np.nan) for name in names])


def _wide(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranges that are never empty, also when all draws are equal."""
    least = 1e-6 * np.maximum(np.abs(low) + np.abs(high), 1e-9)
    return np.where(high > low, low, low - least), np.where(high > low, high, high + least)
