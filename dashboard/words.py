"""Names, units and numbers as people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

LEAST_GROUP = 3  # names that begin alike
_UNITS = (
    ("cm2", "cm²"),
    ("cm3", "cm³"),
    ("mV2", "mV²"),
    ("ms^0.5", "√ms"),
    ("Hz^0.5", "√Hz"),
    ("^2", "²"),
    ("^-1.5", "⁻¹·⁵"),
    ("log10", "log₁₀"),
    ("uA", "µA"),
    ("uS", "µS"),
    ("uV2", "µV²"),
    ("uV", "µV"),
    ("us", "µs"),
    ("MOhm", "MΩ"),
)
_METHODS = {"genetic": "Genetic search", "polya_gamma": "Pólya-Gamma", "rejection_abc": "Rejection ABC"}
_LATEX = {  # longer names before those that they begin with
    r"\varepsilon": "ε", r"\varphi": "φ", r"\alpha": "α", r"\beta": "β", r"\gamma": "γ", r"\delta": "δ",
    r"\epsilon": "ε", r"\zeta": "ζ", r"\eta": "η", r"\theta": "θ", r"\kappa": "κ", r"\lambda": "λ",
    r"\mu": "µ", r"\nu": "ν", r"\xi": "ξ", r"\pi": "π", r"\rho": "ρ", r"\sigma": "σ", r"\tau": "τ",
    r"\phi": "φ", r"\chi": "χ", r"\psi": "ψ", r"\omega": "ω", r"\Delta": "Δ", r"\Omega": "Ω",
}  # fmt: skip


def unit(plain: str) -> str:
    """``"mS/cm2"`` as ``"mS/cm²"``."""
    for typed, written in _UNITS:
        plain = plain.replace(typed, written)
    return plain


def with_unit(name: str, plain_unit: str) -> str:
    """``"voltage (mV)"``; the name alone where there is no unit."""
    return f"{name} ({unit(plain_unit)})" if plain_unit else name


def label_html(label: str) -> str:
    r"""A label of a prior, ``"$g_\mathrm{Na}$"``, as markup with subscripts; plain names are escaped."""
    text = escape(label.strip("$") if label.startswith("$") else label.replace("_", " "))
    if not label.startswith("$") and "$" not in label:
        return text
    text = re.sub(r"\[(\d+)\]$", r"_{\1}", text)
    for command, sign in _LATEX.items():
        text = text.replace(command, sign)
    text = re.sub(r"\\(ln|log|exp)\b", r"\1", text)
    text = re.sub(r"\\mathrm\{([^{}]*)\}", r"{\1}", text.replace("$", ""))
    text = re.sub(r"\^\{+([^{}]+?)\}+|\^(\w)", lambda found: f"<sup>{found[1] or found[2]}</sup>", text)
    text = re.sub(r"_\{*([^{}_]+?)\}+|_(\w)", lambda found: f"<sub>{found[1] or found[2]}</sub>", text)
    return text.replace("-", "−").replace("{", "").replace("}", "")


def number(value: float, digits: int = 3) -> str:
    """A number to ``digits`` significant figures, with an exponent only if need be; "undefined" for NaN."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "−∞" if value < 0 else "∞"
    if value == int(value) and abs(value) < 1e5:
        text = f"{value:.0f}"
    elif 1e-3 <= abs(value) < 1e5:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
    else:
        text = f"{value:.{digits - 1}e}"
    return text.replace("-", "−")


def method_name(name: str) -> str:
    """``"smc_abc"`` as ``"SMC-ABC"``, ``"polya_gamma"`` as ``"Pólya-Gamma"``: as the documentation has it."""
    return _METHODS.get(name) or name.upper().replace("_", "-")


def count(value: int, thing: str) -> str:
    """``"1 spike"``, ``"2 spikes"``."""
    return f"{value:,} {thing}{'' if value == 1 else 's'}".replace(",", " ")


def about(value: float) -> str:
    """A rough count, to two figures: ``"9 400"``, ``"12"``, ``"1"`` for less."""
    if value < 1:
        return "1"
    digits = max(0, math.floor(math.log10(value)) - 1)
    return f"{round(value, -digits):,.0f}".replace(",", " ")


def duration(seconds: float) -> str:
    """``"40 s"``, ``"about 2 min"``, ``"about 3 h"``."""
    if seconds < 1:
        return "under 1 s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h"


def ago(moment: datetime, *, now: datetime | None = None) -> str:
    """``"just now"``, ``"5 min ago"``, ``"3 h ago"``, then the date."""
    passed = ((now or datetime.now(UTC)) - moment).total_seconds()
    if passed < 60:
        return "just now"
    if passed < 3600:
        return f"{passed // 60:.0f} min ago"
    if passed < 24 * 3600:
        return f"{passed // 3600:.0f} h ago"
    return moment.astimezone().strftime("%-d %b %Y, %H:%M")


def parameter_groups(names: Sequence[str]) -> dict[str, list[str]]:
    """Names by what stands before their first underscore or space, those that share it with few last.

    ``{"LP": ["LP_Na", ...], "PY": [...], "others": ["AB-LP", ...]}``; one group "all" if that says nothing.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        first, *rest = re.split(r"[_ ]", name, maxsplit=1)
        found.setdefault(first if rest else "", []).append(name)
    groups = {first: members for first, members in found.items() if first and len(members) >= LEAST_GROUP}
    if len(groups) < 2:
        return {"all": list(names)}
    grouped = {name for members in groups.values() for name in members}
    others = [name for name in names if name not in grouped]
    return {**groups, **({"others": others} if others else {})}
