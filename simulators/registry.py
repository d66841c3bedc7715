"""Registries: names to values that are loaded when first asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any


class Registry(Mapping[str, Any]):
    """A read-only mapping from names to values given as ``"module:attribute"``, loaded on first use.

    Packages outside this repository add to it through the entry-point group.

    Args:
        kind: what the values are, for error messages ("simulator", "method").
        builtin: name -> "module:attribute".
        group: entry-point group, for instance "posterior_lab.simulators".
    """

    def __init__(self, kind: str, builtin: Mapping[str, str], group: str) -> None:
        self._kind, self._builtin, self._group = kind, dict(builtin), group

    def __getitem__(self, name: str) -> Any:
        targets = self._targets()
        if name not in targets:
            raise KeyError(unknown_name(self._kind, name, targets))
        return _load(targets[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets())

    def __len__(self) -> int:
        return len(self._targets())

    def _targets(self) -> dict[str, str]:
        return {**_installed(self._group), **self._builtin}


def unknown_name(kind: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    """One sentence for a name that is not known, with the nearest known one."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known: {', '.join(sorted(known))}."
    return f"There is no {kind} '{name}'. {hint}"


@lru_cache
def _installed(group: str) -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=group)}


@lru_cache
def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
