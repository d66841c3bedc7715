"""Attributes of files as plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """A number, a string or a list of them (an array of one element is that element), else None."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.item()) if value.size == 1 else plain(value.tolist())
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None


def plain_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that are numbers, strings or lists of them."""
    values = {str(name): plain(value) for name, value in attributes.items()}
    return {name: value for name, value in values.items() if value is not None}
