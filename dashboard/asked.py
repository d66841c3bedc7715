"""The observation that a command line asks for, as a request says it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dashboard import settings


@dataclass(frozen=True)
class Asked:
    """What was typed.

    Attributes:
        observation: a file, the name of a recording in the data folders, "default" or "none".
        sweep: which sweep, epoch or row of it.
        extra: further files or names; or, beside the built-in observation, how many to simulate.
        extra_epochs: further ones of the file: numbers, conditions or "all", with commas.
        is_alike: simulate them at all the parameters of the built-in observation.
        options: of how to read, as text.
        property_file: JSON with the targets of an emergent property.
        targets: the same as words, "name=mean:sd".
    """

    observation: str = "default"
    sweep: int | None = None
    extra: tuple[str, ...] = ()
    extra_epochs: str = ""
    is_alike: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
    property_file: Path | None = None
    targets: tuple[str, ...] = ()


def observation_of(model: str, asked: Asked) -> dict[str, Any]:
    """The observation of a request.

    Raises:
        ValueError: there is no such recording, epoch or condition, or things do not go together.
    """
    if asked.property_file is not None or asked.targets:
        return _property(asked)
    if asked.observation in ("default", "none"):
        return _built_in(asked)
    if asked.is_alike:
        raise ValueError("--alike is about simulations beside the built-in observation; leave it out.")
    from inference.settings import changes  # what is slow to import is imported where it is needed
    from simulators import get_simulator
    from simulators.recordings import kind_of

    kind = kind_of(get_simulator(model))
    given = _options(kind, asked.options)
    file = _file(kind, asked.observation)
    found: dict[str, Any] = {"kind": "recording", "file": str(file)}
    if asked.sweep is not None:
        found["sweep"] = asked.sweep
    if asked.options:
        found["options"] = changes(given["options"])
    extra = [*_epochs(kind, file, asked, given), *_recordings(kind, asked.extra, given)]
    return found | ({"extra": extra} if extra else {})


def _built_in(asked: Asked) -> dict[str, Any]:
    """The words default and none."""
    if asked.extra_epochs or asked.options or asked.sweep is not None:
        raise ValueError(
            "--epoch, --extra-epochs and --read are about a recording; give one with --observation."
        )
    if not asked.extra:
        return {"kind": asked.observation}
    number, *more = asked.extra
    if more or not number.isdecimal():
        raise ValueError(
            "Beside the built-in observation --extra is how many to simulate; got "
            f"{', '.join(map(repr, asked.extra))}. Recordings go beside one given with --observation."
        )
    return {
        "kind": asked.observation,
        "extra": {"num": int(number), "is_diverse": not asked.is_alike},
    }


def _property(asked: Asked) -> dict[str, Any]:
    """The targets of an emergent property, of a file and of words; the words win."""
    if asked != Asked(property_file=asked.property_file, targets=asked.targets):
        raise ValueError(
            "An emergent property stands in place of an observation; leave out what is about one."
        )
    found: dict[str, dict[str, Any]] = {"mean": {}, "sd": {}}
    if asked.property_file is not None:
        try:
            value = json.loads(asked.property_file.read_text())
            found = {part: dict(value[part]) for part in found}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{asked.property_file.name} must hold {{"mean": {{name: number}}, "sd": {{name: number}}}}.'
            ) from error
    for word in asked.targets:
        name, _, numbers = word.rpartition("=")
        mean, _, sd = numbers.partition(":")
        try:
            found["mean"][name], found["sd"][name] = float(mean), float(sd)
        except ValueError as error:
            raise ValueError(f"A target is written name=mean:sd; got '{word}'.") from error
    return {"kind": "property", **found}


def _file(kind: Any, given: str) -> Path:
    """A recording by its file, or by the name of one in the data folders."""
    file = Path(given)
    if file.is_file():
        return file
    from simulators.recordings import find_recordings
    from simulators.registry import unknown_name

    offered = {path.name: path for path in find_recordings(settings.data_folders(), look=kind.describe)}
    if given not in offered:
        raise ValueError(unknown_name("recording", given, [*offered, "default", "none"]))
    return offered[given]


def _options(kind: Any, given: Mapping[str, str]) -> dict[str, Any]:
    """What a kind's functions take beside a file."""
    from inference.settings import make_settings

    if kind.options is None:
        if given:
            raise ValueError(
                "There are no options of how to read the recordings of this model; leave out --read."
            )
        return {}
    return {"options": make_settings(kind.options, given, of="reading")}


def _epochs(kind: Any, file: Path, asked: Asked, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The further epochs of the observation's own file."""
    words = [word.strip() for word in asked.extra_epochs.split(",") if word.strip()]
    if not words:
        return
    labels, names = _contents(kind, file, given)
    chosen: dict[int, None] = {}
    for word in words:
        numbers = (
            [int(word)]
            if word.isdecimal()
            else [k for k, label in enumerate(labels) if word in ("all", label)]
        )
        if not numbers or max(numbers) >= len(labels):
            known = ", ".join(dict.fromkeys(label for label in labels if label))
            raise ValueError(
                f"{file.name} has no epoch or condition '{word}'; it has 0 to {len(labels) - 1}"
                + (f" and {known}." if known else ".")
            )
        chosen |= dict.fromkeys(numbers)
    for number in chosen:
        if number != (asked.sweep or 0):
            yield {"file": str(file), "sweep": number, "name": names[number], "label": labels[number]}


def _recordings(kind: Any, extra: tuple[str, ...], given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All that is in further files."""
    for name in extra:
        file = _file(kind, name)
        if kind.contents is None:
            yield {"file": str(file), "name": file.name, "label": ""}
            continue
        labels, names = _contents(kind, file, given)
        for number, (called, label) in enumerate(zip(names, labels, strict=True)):
            yield {"file": str(file), "sweep": number, "name": f"{file.stem}, {called}", "label": label}


def _contents(kind: Any, file: Path, given: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and names of what is in a file."""
    if kind.contents is None:
        raise ValueError(f"{file.name} holds one recording, not several epochs; leave out --extra-epochs.")
    contents = kind.contents(file, **given)
    return contents.labels, contents.names
