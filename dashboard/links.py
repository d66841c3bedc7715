"""Every view is a link: building addresses, and reading them back without trusting them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import panel as pn

from dashboard.background import repeat
from simulators.registry import unknown_name

ADDRESS_MILLISECONDS = 400  # an address is changed when two looks this far apart agree
COMPARE = "compare"  # the page that compares runs, without its query
LONGEST_VALUE = 1000  # characters of one query value; a longer one is cut before anything looks at it


def home_url() -> str:
    """Address of the home page, relative so that it also works behind a prefix."""
    return "home"


def runs_url(find: str = "", **choices: object) -> str:
    """Address of the home page with the runs that are looked for; empty choices are left out."""
    return _url(home_url(), {**choices, "find": find})


def model_url(name: str, theta: Mapping[str, float] | None = None) -> str:
    """Address of the model page, optionally at given parameters."""
    return _url("model", {"name": name, **{key: f"{value:.6g}" for key, value in (theta or {}).items()}})


def infer_url(model: str = "", **choices: object) -> str:
    """Address of the page that starts a run; empty choices are left out."""
    return _url("infer", {"model": model, **choices})


def duplicate_url(run_id: str) -> str:
    """Address of the page that starts a run, with everything of another run filled in."""
    return _url("infer", {"from": run_id})


def run_url(run_id: str, **view: object) -> str:
    """Address of a run, with what is shown of it (``tab="traces"``, ...); empty values are left out."""
    return _url("run", {"id": run_id, **view})


def first_url() -> str:
    """Address of the guide through a first run."""
    return "first"


def compare_url(run_ids: Iterable[str]) -> str:
    """Address of the page that compares these runs."""
    return _url(COMPARE, {"runs": ",".join(run_ids)})


@dataclass
class Query:
    """The parameters of an address, as a person may have typed them.

    Reading a bad value returns the default and adds one sentence to ``problems``.
    """

    values: Mapping[str, str]
    problems: list[str] = field(default_factory=list)

    def text(self, key: str, default: str = "") -> str:
        """The value as it stands, or the default where it is missing."""
        return self.values.get(key, default)

    def choice(self, key: str, options: Iterable[str], default: str, *, kind: str = "") -> str:
        """One of ``options``; ``kind`` says in a message what they are, for instance "model"."""
        value, options = self.values.get(key, ""), list(options)
        if not value or value in options:
            return value or default
        self.problems.append(unknown_name(kind or key, value, options))
        return default

    def number(self, key: str, default: float, *, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number between ``low`` and ``high``."""
        if key not in self.values:
            return default
        try:
            value = float(self.values[key])
        except ValueError:
            self.problems.append(
                f"{key} = '{self.values[key]}' is not a number; {default:.4g} is shown instead."
            )
            return default
        if not low <= value <= high:
            self.problems.append(
                f"{key} = {value:g} is outside {low:.4g} to {high:.4g}; {default:.4g} is shown instead."
            )
            return default
        return value

    def integer(self, key: str, default: int, *, low: int, high: int) -> int:
        """A whole number between ``low`` and ``high``."""
        value = self.number(key, default, low=low, high=high)
        if value != int(value):
            self.problems.append(f"{key} = {value:g} is not a whole number; {default} is shown instead.")
            return default
        return int(value)

    def check_known(self, known: Iterable[str]) -> None:
        """Add a problem for every key that no view of this page reads."""
        known = list(known)
        for key in self.values:
            if key not in known:
                self.problems.append(unknown_name("setting", key, known))


def read_query(arguments: Mapping[str, Sequence[bytes | str]] | None = None) -> Query:
    """The parameters of the page's address; the last value counts where a key repeats.

    Args:
        arguments: as Panel gives them (lists of bytes); None: those of the current session.
    """
    given = pn.state.session_args if arguments is None else arguments
    return Query(
        {_text(key): _text(values[-1]) for key, values in given.items() if len(values) and key != "theme"}
    )


def read_list(key: str, arguments: Mapping[str, Sequence[bytes | str]] | None = None) -> list[str]:
    """The values of a key that may hold several, parted by commas or repeated; each once."""
    given = pn.state.session_args if arguments is None else arguments
    raw = [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for value in given.get(key, [])
    ]
    return list(dict.fromkeys(filter(None, (_text(part) for value in raw for part in value.split(",")))))


def read_number(text: str) -> float:
    """The finite number that part of an address says; NaN where it says none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def show_in_address(choices: Mapping[str, object]) -> None:
    """Make the address bar say ``choices``, without reloading; does nothing outside a served page."""
    location = pn.state.location
    if location is not None and not location.reload:  # else `go_to` is on its way to another page
        search = _url("", choices)
        if location.search != search:
            location.search = search


def go_to(url: str) -> None:
    """Leave for another page of this server; does nothing outside a served page."""
    location = pn.state.location
    if location is not None:
        page, _, search = url.partition("?")
        folder = (location.pathname or "/").rpartition("/")[0]
        location.param.update(pathname=f"{folder}/{page}", search=f"?{search}" if search else "", reload=True)


def keep_address(choices: Callable[[], Mapping[str, object]]) -> None:
    """Let the address follow what the page shows, once it has stood still for a moment.

    Args:
        choices: what the address should say now.
    """
    last: list[Mapping[str, object]] = [choices()]

    def follow() -> None:
        now = choices()
        if now == last[0]:
            show_in_address(now)
        last[0] = now

    if pn.state.location is not None:
        show_in_address(last[0])
        repeat(follow, milliseconds=ADDRESS_MILLISECONDS)


def _url(page: str, choices: Mapping[str, object]) -> str:
    query = urlencode({key: value for key, value in choices.items() if value not in (None, "")}, safe="[],:")
    return f"{page}?{query}" if query else page


def _text(value: bytes | str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return "".join(char for char in text if char.isprintable()).strip()[:LONGEST_VALUE]
