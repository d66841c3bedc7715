"""A form made from a config dataclass: a widget per field, its help below, one sentence when it is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell
from dashboard.fields import Field, fields_of

Check = Callable[[Any], None]


Choices = Mapping[str, tuple[Any, ...]]


def config_form(
    config: Any, check: Check = lambda config: None, choices: Choices | None = None
) -> ConfigForm:
    """The form of a config dataclass, showing its defaults, or of an instance, showing its values."""
    return ConfigForm(config() if isinstance(config, type) else config, check, choices)


class ConfigForm(pn.viewable.Viewer):
    """Widgets that show a config and make a new one from what is typed.

    Numbers are typed as text, so that a wrong one gets a sentence instead of being clipped or ignored.
    Fields that are no plain values (a network, a function) are not shown and keep their value; so do fields
    that have no effect with the present values, until these change.

    Args:
        config: to begin with.
        check: raises a ValueError, in one sentence, for a config that cannot be used here.
        choices: field -> values to choose from, where these are only known now.
    """

    config = param.Parameter(constant=True, doc="The config that is typed; None while it is not usable.")
    error = param.String(constant=True, doc="What is wrong, in one sentence; empty while all is well.")

    def __init__(
        self, config: Any, check: Check = lambda config: None, choices: Choices | None = None
    ) -> None:
        super().__init__()
        self._shown, self._check, self._is_filling = config, check, False
        known = choices or {}
        self._fields = {
            field.name: dataclasses.replace(field, choices=known.get(field.name, field.choices))
            for field in fields_of(type(config))
        }
        self.widgets = {name: _widget(field, config) for name, field in self._fields.items()}
        self._cells = {name: self._cell(field) for name, field in self._fields.items()}
        self._message = shell.Line(kind="error", testid="config-error")
        self._groups = self._grouped()
        folded = pmui.Column(*self._groups.values(), sizing_mode="stretch_width", margin=0)
        self.advanced = pmui.Accordion(("Advanced settings", folded), active=[], **_FOLD)
        for widget in self.widgets.values():
            widget.param.watch(self._read, "value")
        self._read()

    def __panel__(self) -> pmui.Column:
        plain = [self._cells[name] for name, field in self._fields.items() if not field.advanced]
        folded = [self.advanced] if len(plain) < len(self._fields) else []
        return pmui.Column(_grid(plain), *folded, self._message, sizing_mode="stretch_width", margin=0)

    def value(self) -> Any:
        """The config as typed.

        Raises:
            ValueError: it is not usable; the sentence that the form shows.
        """
        if self.config is None:
            raise ValueError(self.error)
        return self.config

    def settings(self) -> dict[str, Any]:
        """The typed values that differ from the defaults, as JSON values: for a request, a link or a preset.

        Raises:
            ValueError: the form is not usable.
        """
        config, defaults = self.value(), type(self._shown)()
        changed = {name: getattr(config, name) for name in self._fields}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in changed.items()
            if value != getattr(defaults, name)
        }

    def hidden(self) -> list[str]:
        """Names of the fields that have no effect with the present values."""
        return [name for name, cell in self._cells.items() if not cell.visible]

    def recheck(self) -> None:
        """Ask again whether the config can be used: what it is used for has changed."""
        self._read()

    def show(self, config: Any) -> None:
        """Show the values of another config of the same class.

        Raises:
            TypeError: it is of another class.
        """
        if type(config) is not type(self._shown):
            raise TypeError(f"This form shows a {type(self._shown).__name__}; got a {type(config).__name__}.")
        self._shown = config
        self._is_filling = True  # read once, when all are filled, not after each
        with pn.io.hold():
            for name, field in self._fields.items():
                self.widgets[name].value = field.write(getattr(config, name))
            self._is_filling = False
            self._read()

    def _read(self, *_: object) -> None:
        """Make the config from the widgets; mark the fields that are wrong."""
        if self._is_filling:
            return
        values, wrong = self._values()
        values, hidden = self._effective(values)
        wrong = {name: sentence for name, sentence in wrong.items() if name not in hidden}
        config = None
        if not wrong:
            try:
                config = dataclasses.replace(self._shown, **values)
                self._check(config)
            except ValueError as error:
                config = None
                wrong = {"": str(error)}
        sentence = next(iter(wrong.values()), "")
        for name, widget in self.widgets.items():
            if not self._fields[name].is_flag:
                widget.error_state = name in wrong
        if any(name and self._fields[name].advanced for name in wrong):
            self.advanced.active = [0]
        self._message.text = sentence
        self._hide(hidden)
        with param.edit_constant(self):
            self.param.update(config=config, error=sentence)

    def _values(self) -> tuple[dict[str, Any], dict[str, str]]:
        """What the widgets say: values by name, and sentences by the name of the field that is wrong."""
        values, wrong = {}, {}
        for name, field in self._fields.items():
            try:
                values[name] = field.read(self.widgets[name].value)
            except ValueError as error:
                wrong[name] = str(error)
        return values, wrong

    def _effective(self, values: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """The values with those that have no effect left as they were; and the names of these."""
        shown = {name: getattr(self._shown, name) for name in self._fields}
        effective, hidden = {**shown, **values}, set()
        for _ in self._fields:  # whether a field applies may depend on one that does not
            hidden = {name for name, field in self._fields.items() if not field.applies(effective)}
            settled = {**shown, **values, **{name: shown[name] for name in hidden}}
            if settled == effective:
                break
            effective = settled
        return {name: effective[name] for name in {*values, *hidden}}, hidden

    def _hide(self, hidden: set[str]) -> None:
        with pn.io.hold():
            for name, cell in self._cells.items():
                cell.visible = name not in hidden
            for group, column in self._groups.items():
                inside = [name for name, field in self._fields.items() if field.group == group]
                column.visible = not hidden.issuperset(inside)

    def _grouped(self) -> dict[str, Any]:
        """Of the advanced fields: by group, a heading and its fields."""
        made, fields = {}, [field for field in self._fields.values() if field.advanced]
        for group in dict.fromkeys(field.group for field in fields):
            cells = _grid([self._cells[field.name] for field in fields if field.group == group])
            head = [shell.html(f"<h4>{escape(group)}</h4>", margin=(0, 0, 10, 0))] if group else []
            made[group] = pmui.Column(*head, cells, sizing_mode="stretch_width", margin=(0, 0, 10, 0))
        return made

    def _cell(self, field: Field) -> Any:
        widget = self.widgets[field.name]
        if not field.is_flag or not field.help:
            return widget
        # A checkbox has no help text of its own.
        below = shell.html(f'<p class="quiet small">{escape(field.help)}</p>', margin=(0, 0, 0, 32))
        return pmui.Column(widget, below, **_CELL)


def _widget(field: Field, config: Any) -> Any:
    shown = field.write(getattr(config, field.name))
    if field.is_flag:
        return pmui.Checkbox(label=field.label, value=shown, margin=0)
    if field.choices:
        options = [field.write(choice) for choice in field.choices]
        return pmui.Select(label=field.label, options=options, value=shown, helper_text=field.help, **_INPUT)
    return pmui.TextInput(label=field.label, value=shown, helper_text=field.help, **_INPUT)


def _grid(cells: list) -> pmui.Column:
    return pmui.Column(*cells, sizing_mode="stretch_width", margin=(0, 0, 12, 0), sx=_GRID_SX)


# Text fields and lists come in two heights; here they stand side by side.
_INPUT_SX = {"& .MuiInputBase-root, &.MuiInputBase-root": {"height": 40}}
_INPUT: Mapping[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": 0, "sx": _INPUT_SX}
_CELL: Mapping[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}
_FOLD: Mapping[str, Any] = {
    "sizing_mode": "stretch_width",
    "margin": (0, 0, 12, 0),
    "elevation": 0,
    "title_variant": "body1",
    "sx": {
        "& .MuiAccordionSummary-root": {"padding": 0},
        "& .MuiAccordionDetails-root": {"padding": "12px 0"},
    },
}
_GRID_SX = {
    "display": "grid",
    "gap": "18px 24px",
    "gridTemplateColumns": "repeat(auto-fill, minmax(min(100%, 260px), 1fr))",
    "alignItems": "start",
}
