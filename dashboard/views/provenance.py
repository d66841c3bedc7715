"""Where a result comes from: what was asked for, with which versions, on what."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from dashboard.fields import setting_label
from inference.tree import NAMES

TITLES = {
    "simulator": "Model",
    "method": "Method",
    "config": "Settings",
    "seed": "Seed",
    "created": "Finished",
    "platform": "Computed on",
    "device": "Device",
    "seconds": "Seconds per stage",
    "versions": "Versions",
    "data_sha256": "Checksum of the observation",
    "simulator_sha256": "Checksum of the model",
}


def provenance_html(attrs: Mapping[str, Any]) -> str:
    """The attributes of a result's tree as a table; those that hold JSON as name = value."""
    known = [name for name in TITLES if attrs.get(name) not in (None, "")]
    rows = [(TITLES[name], _plain(attrs[name])) for name in known]
    rows += [(name, _plain(value)) for name, value in attrs.items() if name not in (*TITLES, NAMES)]
    body = "".join(
        f'<tr><td>{escape(title)}</td><td class="code">{escape(text)}</td></tr>' for title, text in rows
    )
    return f'<div class="wide"><table data-testid="provenance">{body}</table></div>'


def settings_words(method: str, config: Mapping[str, Any]) -> str:
    """``"simulations 1 000, density estimator maf"``, as the form calls them."""
    return ", ".join(f"{setting_label(method, name)} {value_words(value)}" for name, value in config.items())


def _plain(value: Any) -> str:
    try:
        read = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    if not isinstance(read, dict):
        return str(value)
    return ", ".join(f"{name} = {value_words(item)}" for name, item in read.items())


def value_words(value: Any) -> str:
    """The value of a setting: ``"100 000"``, ``"maf"``."""
    if isinstance(value, bool) or not isinstance(value, int):
        return str(value)
    return f"{value:,}".replace(",", " ")
