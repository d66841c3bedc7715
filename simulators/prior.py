"""Prior: named marginal distributions, their units, and the map to the real line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from numpyro.distributions import Distribution, biject_to

Rows = Float[
    Array | np.ndarray, "*batch dim"
]  # parameter rows; NumPy's are computed in float32 like all others


@dataclass(frozen=True, eq=False)
class Prior:
    """Independent named marginals of the parameters.

    Vector marginals (event shape ``(k,)``) are flattened to ``name[0] ... name[k-1]``. Rows of parameters,
    everywhere in this project, follow the flat order of ``names``.

    Args:
        marginals: name -> NumPyro distribution; batch dimensions must be events (``.to_event(1)``).
        units: name -> unit, for instance ``{"g_Na": "mS/cm2"}``; missing means dimensionless.
        labels: name -> label for plots (LaTeX between dollar signs); missing means the name itself.
        shared: names of the parameters that all observations share (used by hierarchical inference).

    Raises:
        ValueError: no marginals; a marginal with batch dimensions, or discrete, or whose support has no
            smooth map to the real line of equal dimension; a unit, label or shared name that is no marginal.
    """

    marginals: Mapping[str, Distribution]
    units: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    labels: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    shared: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if not self.marginals:
            raise ValueError("A prior needs at least one parameter; got none.")
        for name, marginal in self.marginals.items():
            _check_marginal(name, marginal)
        for what, given in (("units", self.units), ("labels", self.labels), ("shared", self.shared)):
            unknown = [name for name in given if name not in self.marginals and name not in self.names]
            if unknown:
                raise ValueError(
                    f"Prior {what} name {unknown}, but the parameters are {list(self.marginals)}."
                )
        flat_units = {flat: self.units.get(flat, self.units.get(name, "")) for flat, name in self._owners}
        flat_labels = {
            flat: self.labels.get(flat, _flat_label(self.labels, flat, name)) for flat, name in self._owners
        }
        object.__setattr__(self, "marginals", MappingProxyType(dict(self.marginals)))
        object.__setattr__(self, "units", MappingProxyType(flat_units))
        object.__setattr__(self, "labels", MappingProxyType(flat_labels))
        object.__setattr__(self, "shared", tuple(self.shared))

    def __reduce__(self):
        """Rebuild from plain dicts: a mapping proxy cannot travel to another process."""
        return _rebuild, (dict(self.marginals), dict(self.units), dict(self.labels), self.shared)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Flat names in order, ``("g_na", "w[0]", ..., "w[8]")``."""
        return tuple(flat for flat, _ in self._owners)

    @cached_property
    def dim(self) -> int:
        """Number of flat parameters."""
        return len(self.names)

    @cached_property
    def shared_positions(self) -> tuple[int, ...]:
        """Where the shared parameters are in flat order."""
        return tuple(
            i for i, (flat, name) in enumerate(self._owners) if flat in self.shared or name in self.shared
        )

    @cached_property
    def low(self) -> np.ndarray:
        """Lower bounds, shape (dim,), float64; -inf where there is none."""
        return self._bounds[0]

    @cached_property
    def high(self) -> np.ndarray:
        """Upper bounds, shape (dim,), float64; +inf where there is none."""
        return self._bounds[1]

    def sample(self, key: Key[Array, ""], num: int) -> Float[Array, "num dim"]:
        """``num`` independent draws, float32, always inside the support."""
        keys = jax.random.split(key, len(self.marginals))
        draws = [
            jnp.reshape(m.sample(k, (num,)), (num, -1))
            for k, m in zip(keys, self.marginals.values(), strict=True)
        ]
        return self._clip(jnp.concatenate(draws, axis=1).astype(jnp.float32))

    def log_prob(self, theta: Rows) -> Float[Array, "*batch"]:
        """Log density of parameter rows; -inf outside the support (and for NaN)."""
        theta = jnp.asarray(theta)
        return sum(
            (
                _log_prob_inside(m, part)
                for m, part in zip(self.marginals.values(), self._split(theta), strict=True)
            ),
            start=jnp.zeros(theta.shape[:-1], theta.dtype),
        )

    def to_unconstrained(self, theta: Rows) -> Float[Array, "*batch dim"]:
        """Parameter rows mapped to the real line, one bijection per marginal (NumPyro's ``biject_to``).

        A row on a bound is moved inside by one rounding error, so that the result is finite.
        """
        low, high = self._open_bounds
        parts = self._split(jnp.clip(theta, low, high))
        return self._join([t._inverse(part) for t, part in zip(self._transforms, parts, strict=True)])

    def from_unconstrained(self, u: Rows) -> Float[Array, "*batch dim"]:
        """Inverse of ``to_unconstrained``; rounding never leaves the support."""
        return self._clip(
            self._join([t(part) for t, part in zip(self._transforms, self._split(u), strict=True)])
        )

    def log_abs_det_jacobian(self, u: Rows) -> Float[Array, "*batch"]:
        """Log of |d theta / d u| at unconstrained rows ``u``."""
        total = jnp.zeros(u.shape[:-1], u.dtype)
        for transform, part in zip(self._transforms, self._split(u), strict=True):
            log_det = transform.log_abs_det_jacobian(part, transform(part))
            total = total + log_det.reshape(*u.shape[:-1], -1).sum(-1)
        return total

    def unconstrained_log_prob(self, u: Rows) -> Float[Array, "*batch"]:
        """Log density of unconstrained rows: that of theta, and the Jacobian."""
        return self.log_prob(self.from_unconstrained(u)) + self.log_abs_det_jacobian(u)

    def as_dict(self, theta: Rows) -> dict[str, Array]:
        """Named parameters, scalars ``(...)`` and vectors ``(..., k)``: what ``simulate`` receives."""
        return dict(zip(self.marginals, self._split(theta), strict=True))

    @cached_property
    def _owners(self) -> tuple[tuple[str, str], ...]:
        """(flat name, marginal name) in flat order."""
        return tuple(
            (name if not marginal.event_shape else f"{name}[{i}]", name)
            for name, marginal in self.marginals.items()
            for i in range(_size(marginal))
        )

    @cached_property
    def _transforms(self) -> tuple:
        return tuple(biject_to(marginal.support) for marginal in self.marginals.values())

    @cached_property
    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        ends = [
            (_end(m, "lower_bound", -np.inf), _end(m, "upper_bound", np.inf)) for m in self.marginals.values()
        ]
        return np.concatenate([low for low, _ in ends]), np.concatenate([high for _, high in ends])

    @cached_property
    def _float32_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds rounded inwards, so that a float32 draw is inside also when compared in float64."""
        low, high = self.low.astype(np.float32), self.high.astype(np.float32)
        low = np.where(low < self.low, np.nextafter(low, np.float32(np.inf)), low)
        return low, np.where(high > self.high, np.nextafter(high, np.float32(-np.inf)), high)

    @cached_property
    def _open_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds moved inside by the rounding error of a float32 on that interval."""
        low, high = self._float32_bounds
        width = np.where(np.isfinite(self.high - self.low), self.high - self.low, 0.0)
        step = np.maximum(width * 2.0**-24, np.finfo(np.float32).tiny).astype(np.float32)
        inner_low = np.maximum(low + step, np.nextafter(low, np.float32(np.inf)))
        return inner_low, np.minimum(high - step, np.nextafter(high, np.float32(-np.inf)))

    def _clip(self, theta: Array) -> Array:
        low, high = self._float32_bounds
        return jnp.clip(theta, low, high)

    def _split(self, rows: Rows) -> list[Array]:
        theta = jnp.asarray(rows)
        if theta.shape[-1:] != (self.dim,):
            raise ValueError(
                f"Parameters must have {self.dim} columns ({', '.join(self.names)}); got shape {theta.shape}."
            )
        parts, start = [], 0
        for marginal in self.marginals.values():
            stop = start + _size(marginal)
            part = theta[..., start:stop]
            parts.append(part.reshape(*theta.shape[:-1], *marginal.event_shape))
            start = stop
        return parts

    def _join(self, parts: list[Array]) -> Array:
        batch = [
            part.shape[: part.ndim - len(m.event_shape)]
            for part, m in zip(parts, self.marginals.values(), strict=True)
        ]
        return jnp.concatenate(
            [part.reshape(*shape, -1) for part, shape in zip(parts, batch, strict=True)], axis=-1
        )


def _rebuild(marginals, units, labels, shared) -> Prior:
    return Prior(marginals, units=units, labels=labels, shared=shared)


def _size(marginal: Distribution) -> int:
    return int(np.prod(marginal.event_shape, dtype=int))


def _check_marginal(name: str, marginal: Distribution) -> None:
    if not isinstance(marginal, Distribution):
        raise TypeError(f"Prior of '{name}' must be a numpyro distribution; got {type(marginal).__name__}.")
    if not name or "/" in name:
        raise ValueError(f"Results keep parameters by name: it cannot be empty or hold '/'; got '{name}'.")
    if marginal.batch_shape:
        raise ValueError(
            f"Prior of '{name}' has batch shape {marginal.batch_shape}; make it one vector with .to_event(1)."
        )
    if marginal.is_discrete:
        raise ValueError(f"Prior of '{name}' is discrete; only continuous parameters can be inferred.")
    if biject_to(marginal.support).inverse_shape(marginal.event_shape) != marginal.event_shape:
        raise ValueError(
            f"The support of '{name}' ({marginal.support}) has no map to the real line of equal dimension."
        )


def _flat_label(labels: Mapping[str, str], flat: str, name: str) -> str:
    return labels[name] + flat.removeprefix(name) if name in labels else flat


def _end(marginal: Distribution, attribute: str, default: float) -> np.ndarray:
    """One bound of a marginal's support, one number per flat parameter."""
    support: Any = marginal.support
    support = getattr(support, "base_constraint", support)
    return np.broadcast_to(np.asarray(getattr(support, attribute, default), float), (_size(marginal),))


def _log_prob_inside(marginal: Distribution, value: Array) -> Array:
    support: Any = marginal.support
    inside = support(value)
    batch_inside = inside.reshape(*inside.shape, *([1] * len(marginal.event_shape)))
    safe = jnp.where(batch_inside, value, support.feasible_like(value))
    return jnp.where(inside, marginal.log_prob(safe), -jnp.inf)
