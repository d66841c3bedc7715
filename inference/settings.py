"""Settings of a method from text or JSON: found by name, read as their field's type, errors explained."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any

from simulators.registry import unknown_name


def find_method(name: str) -> Any:
    """The `Method` of that name.

    Raises:
        ValueError: no such name; the nearest known one is suggested.
    """
    methods = _methods()
    if name not in methods:
        raise ValueError(unknown_name("method", name, list(methods)))
    return methods[name]


def make_config(method: str, settings: Mapping[str, Any]) -> Any:
    """The method's config with `settings` in place of its defaults; strings are read as the field's type.

    Raises:
        ValueError: an unknown setting (the nearest known one is suggested), or a value it cannot take.
    """
    return make_settings(find_method(method).config, settings, of=method)


def make_settings(kind: type, settings: Mapping[str, Any], *, of: str) -> Any:
    """An instance of a dataclass of settings, as `make_config` makes one.

    Args:
        kind: the dataclass.
        settings: in place of its defaults.
        of: what they are settings of, for messages.

    Raises:
        ValueError: as `make_config`.
    """
    types_by_name = typing.get_type_hints(kind)
    names = [item.name for item in dataclasses.fields(kind)]
    for name in settings:
        if name not in names:
            raise ValueError(unknown_name(f"setting of {of} called", name, names))
    values = {name: _converted(name, value, types_by_name[name]) for name, value in settings.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"The settings of {of} are not usable: {error}.") from error


def changes(settings: Any) -> dict[str, Any]:
    """What of a dataclass of settings differs from its defaults, as JSON values."""
    defaults = type(settings)()
    values = {item.name: getattr(settings, item.name) for item in dataclasses.fields(settings)}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value != getattr(defaults, name)
    }


def read_settings(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    """`["num_rounds=2", ...]` as a dictionary of strings.

    Raises:
        ValueError: an entry without "=", or a name given twice.
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        name = name.strip()
        if not sign or not name:
            raise ValueError(f"A setting is written name=value; got '{pair}'.")
        if name in settings:
            raise ValueError(f"The setting '{name}' is given twice.")
        settings[name] = value.strip()
    return settings


def _methods() -> Mapping[str, Any]:
    from inference.methods import METHODS  # here: it imports every estimator

    return METHODS


def _converted(name: str, value: Any, expected: Any) -> Any:
    """A value from the command line or JSON as the field's type; what is no string stays as it is."""
    options = _options(expected)
    if isinstance(value, list) and tuple in {typing.get_origin(option) or option for option in options}:
        return tuple(value)
    if not isinstance(value, str):
        return value
    if type(None) in options and value.lower() in ("none", "null", ""):
        return None
    for option in options:
        converted = _read(value, option)
        if converted is not None:
            return converted
    described = " or ".join(_READABLE.get(option, str(option)) for option in options)
    raise ValueError(f"The setting '{name}' must be {described}; got '{value}'.")


def _options(expected: Any) -> tuple[Any, ...]:
    """The types a field may have; those of a union one by one, with plain text tried last."""
    origin = typing.get_origin(expected)
    if origin is typing.Annotated:
        return _options(typing.get_args(expected)[0])
    if origin is typing.Literal:
        return (str,)
    if origin in (typing.Union, types.UnionType):
        options = [part for option in typing.get_args(expected) for part in _options(option)]
        return tuple(sorted(options, key=lambda option: option is str))
    return (expected,)


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_READABLE = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}


def _read(text: str, option: Any) -> Any:
    """The text as one type, or None when it is not of that type."""
    if option is str:
        return text
    if option is bool:
        return _TRUTH.get(text.lower())
    if option in (int, float):
        return _number(text, option)
    if (typing.get_origin(option) or option) is tuple:
        inner = (typing.get_args(option) or (str,))[0]
        parts = tuple(_read(part.strip(), inner) for part in text.strip("()[] ").split(",") if part.strip())
        return None if None in parts else parts
    return None


def _number(text: str, kind: type) -> int | float | None:
    try:
        number = float(text.replace("_", ""))
    except ValueError:
        return None
    if kind is float:
        return number
    return int(number) if number.is_integer() else None
