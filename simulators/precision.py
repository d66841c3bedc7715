"""Double precision on request, within a program that otherwise computes in single precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

from simulators.base import Theta

Simulate = Callable[[Key[Array, ""], Theta], Any]


def in_precision(simulate: Simulate, precision: str) -> Simulate:
    """``simulate`` computed in "single" or "double" precision; what comes out is float32 either way.

    Raises:
        ValueError: another precision.
    """
    if precision not in ("single", "double"):
        raise ValueError(f"Precision is 'single' or 'double'; got {precision!r}.")
    return simulate if precision == "single" else partial(_in_double, simulate)


def _in_double(simulate: Simulate, key: Key[Array, ""], theta: Theta) -> Any:
    with jax.enable_x64(True):  # noqa: FBT003 - the argument has no name
        wide = {name: jax.lax.convert_element_type(value, jnp.float64) for name, value in theta.items()}
        found = simulate(key, wide)
        if isinstance(found, Mapping):  # by hand: a tree would come back sorted by name
            return {name: jax.lax.convert_element_type(value, jnp.float32) for name, value in found.items()}
        return jax.lax.convert_element_type(found, jnp.float32)
