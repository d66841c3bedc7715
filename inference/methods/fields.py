"""Settings of a method: dataclass fields that explain and check themselves."""

import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields
from numbers import Real
from typing import Any, TypeVar

import numpy as np

Config = TypeVar("Config", bound=type)


def setting(
    default: Any,
    label: str,
    explanation: str,
    *,
    bounds: tuple[int | float, int | float] | None = None,
    choices: tuple[Any, ...] | None = None,
    advanced: bool = False,
    applies: Callable[[Mapping[str, Any]], bool] | None = None,
    group: str | None = None,
) -> Any:
    """A field of a config.

    Args:
        default: its value if nothing is said.
        label: for people.
        explanation: for people, in a sentence or two.
        bounds: lowest and highest value of a number.
        choices: all values that it may have.
        advanced: whether a form folds it away.
        applies: of the values of all fields by name, whether this one has any effect.
        group: heading under which a form shows it.
    """
    described = {"bounds": bounds, "choices": choices, "applies": applies, "group": group}
    described["advanced"] = advanced or None
    known = {name: value for name, value in described.items() if value is not None}
    return field(default=default, metadata={"label": label, "help": explanation, **known})


def explained(config: Config) -> Config:
    """The config class itself, whose docstring, which ``help`` shows, then ends with all of its settings."""
    items = sorted(fields(config), key=lambda item: "advanced" in item.metadata)  # as in a form
    entries = "\n".join(map(_entry, items))
    config.__doc__ = f"{inspect.cleandoc(config.__doc__ or '')}\n\nSettings:\n{entries}"
    return config


def _entry(item: Field[Any]) -> str:
    """``name: Label. Explanation. (default; what it may be)`` as lines of help."""
    about, default = item.metadata, "empty, None" if item.default is None else repr(item.default)
    may_be = ""
    if "choices" in about:
        may_be = "; " + ", ".join(map(repr, about["choices"]))
    elif "bounds" in about:
        may_be = "; {:_} to {:_}".format(*about["bounds"])
    words = f"{item.name}: {about.get('label', '')}. {about.get('help', '')} (default {default}{may_be})"
    return textwrap.fill(
        words, 100, initial_indent=4 * " ", subsequent_indent=8 * " ", break_on_hyphens=False
    )


def check_settings(config: Any) -> None:
    """Compare every field with its bounds and choices; NumPy's numbers become Python's, for JSON.

    Raises:
        ValueError: what was got, and what it may be.
    """
    for item in fields(config):
        value = getattr(config, item.name)
        if isinstance(value, np.generic):
            value = value.item()
            object.__setattr__(config, item.name, value)  # the config is frozen once it is made
        _check(item.name, value, item.metadata)


def _check(name: str, value: Any, metadata: Mapping[str, Any]) -> None:
    is_free = name == "embedding" and callable(value)  # a network of the user's own
    if "choices" in metadata and value not in metadata["choices"] and not is_free:
        known = ", ".join(str(choice) for choice in metadata["choices"])
        raise ValueError(f"{name} must be one of {known}; got {value!r}.")
    if "bounds" in metadata and value is not None:
        low, high = metadata["bounds"]
        if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high:
            raise ValueError(f"{name} must be a number from {low:,} to {high:,}; got {value!r}.")
