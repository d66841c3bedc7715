"""The fields of a config dataclass as text: what each is called, what may be typed, what is meant by it."""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard import words
from inference.settings import find_method


@dataclass(frozen=True)
class Field:
    """One field that can be edited.

    Attributes:
        name: of the dataclass field.
        label: for people, with the unit.
        help: one or two sentences; may be empty.
        kinds: the plain types it may have: bool, int, float, str, tuple, NoneType.
        item: type of the items of a tuple.
        choices: the allowed values, or ().
        bounds: smallest and largest number; None where there is no limit.
        advanced: whether to fold it away.
        group: what it is about, as a heading among those that are folded away; may be empty.
        applies: of the values of all fields by name, whether this one has any effect.
    """

    name: str
    label: str
    help: str
    kinds: tuple[type, ...]
    item: type = str
    choices: tuple[Any, ...] = ()
    bounds: tuple[float | None, float | None] = (None, None)
    advanced: bool = False
    group: str = ""
    applies: Callable[[Mapping[str, Any]], bool] = lambda values: True

    @property
    def is_flag(self) -> bool:
        """Whether it is on or off."""
        return self.kinds == (bool,) and not self.choices

    def write(self, value: Any) -> str | bool:
        """The value as it is shown: a flag as it is, all else as text, None as an empty one."""
        if self.is_flag:
            return bool(value)
        if value is None and not self.choices:
            return ""
        if isinstance(value, tuple | list):
            return ", ".join(_written(item) for item in value)
        return _written(value)

    def read(self, shown: str | bool) -> Any:  # noqa: FBT001  what a checkbox holds
        """The value that a text stands for.

        Raises:
            ValueError: it stands for none; one sentence that names the field.
        """
        if isinstance(shown, bool):
            return shown
        text = "".join(char for char in shown if char.isprintable()).strip()
        if self.choices:
            return self._chosen(text)
        if type(None) in self.kinds and text.lower() in ("", "none"):
            return None
        value = self._parsed(text)
        if value is None:
            raise ValueError(f"{self.label} must be {self._expected()}; got '{text}'.")
        for number in value if isinstance(value, tuple) else (value,):
            self._check_bounds(number)
        return value

    def _chosen(self, text: str) -> Any:
        for choice in self.choices:
            if _written(choice) == text:
                return choice
        offered = ", ".join(map(_written, self.choices))
        raise ValueError(f"{self.label} must be one of {offered}; got '{text}'.")

    def _parsed(self, text: str) -> Any:
        for kind in (int, float):
            if kind in self.kinds and (number := read_number(text, kind)) is not None:
                return number
        if tuple in self.kinds:
            parts = [part.strip() for part in text.strip("()[] ").split(",") if part.strip()]
            items = tuple(read_number(part, self.item) if self.item is not str else part for part in parts)
            return None if None in items else items
        return text if str in self.kinds and text else None

    def _expected(self) -> str:
        many = {int: "whole numbers", float: "numbers", str: "words"}.get(self.item, "values")
        described = {int: "a whole number", float: "a number", tuple: f"{many} with commas", str: "a word"}
        ends = " or empty" if type(None) in self.kinds else ""
        return " or ".join(described[kind] for kind in described if kind in self.kinds) + ends

    def _check_bounds(self, number: Any) -> None:
        low, high = self.bounds
        if not isinstance(number, int | float):
            return
        if (low is None or number >= low) and (high is None or number <= high):
            return
        if low is None:
            allowed = f"at most {_written(high)}"
        else:
            allowed = (
                f"at least {_written(low)}" if high is None else f"from {_written(low)} to {_written(high)}"
            )
        raise ValueError(f"{self.label} must be {allowed}; got {_written(number)}.")


def fields_of(config_class: type) -> tuple[Field, ...]:
    """The fields of a config dataclass that a form can edit, those that it folds away last.

    Others (such as a network) keep their value. Reads the metadata "help", "label", "bounds", "choices",
    "unit", "advanced", "group" and "applies".
    """
    hints = typing.get_type_hints(config_class)
    fields = []
    for field in dataclasses.fields(config_class):
        kinds, item, literals = _types(hints[field.name])
        choices = tuple(field.metadata.get("choices") or literals)
        if not choices and not set(kinds) - {type(None)}:
            continue
        low, high = field.metadata.get("bounds") or (None, None)
        label = words.with_unit(
            field.metadata.get("label") or readable(field.name), field.metadata.get("unit", "")
        )
        fields.append(
            Field(
                name=field.name,
                label=label,
                help=field.metadata.get("help", ""),
                kinds=kinds,
                item=item,
                choices=choices,
                bounds=(low, high),
                advanced=bool(field.metadata.get("advanced", False)),
                group=field.metadata.get("group", ""),
                applies=field.metadata.get("applies") or (lambda values: True),
            )
        )
    return tuple(sorted(fields, key=lambda field: field.advanced))


def readable(name: str) -> str:
    """``"num_simulations"`` as ``"Number of simulations"``."""
    text = re.sub(r"^num_", "number_of_", name).replace("_", " ")
    return text[:1].upper() + text[1:]


def setting_label(method: str, name: str) -> str:
    """What the form calls a setting, as within a sentence; ``"num rounds"`` of a method that is not known."""
    try:
        known = {field.name: field.label for field in fields_of(find_method(method).config)}
    except ValueError:
        known = {}
    label = known.get(name) or name.replace("_", " ")
    return label[:1].lower() + label[1:]


def read_number(text: str, kind: type) -> Any:
    """A number as people type it (``100 000``, ``100,000``, ``1e5``, ``5e-4``), or None."""
    text = re.sub(r"(?<=\d)[\s_](?=\d)", "", text)
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", text):
        text = text.replace(",", "")
    try:
        number = float(text)
    except ValueError:
        return None
    if math.isnan(number):
        return None
    if kind is float:
        return number
    return int(number) if number.is_integer() else None


def _types(hint: Any) -> tuple[tuple[type, ...], type, tuple[Any, ...]]:
    """The plain types in a type hint, the items of its tuple, and the values of its Literal."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return (), str, typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        parts = [_types(part) for part in typing.get_args(hint)]
        kinds = tuple(kind for part in parts for kind in part[0])
        item = next((part[1] for part in parts if tuple in part[0]), str)
        return kinds, item, tuple(value for part in parts for value in part[2])
    if origin is tuple:
        return (tuple,), (typing.get_args(hint) or (str,))[0], ()
    return ((hint,) if hint in (bool, int, float, str, type(None)) else ()), str, ()


def _written(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, int) and abs(value) >= 10_000:
        return f"{value:,}".replace(",", " ")
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
