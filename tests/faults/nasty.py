"""What breaks readers of what people type, and how tests try it: the same examples in every run."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# What breaks readers of numbers, lists, paths and markup.
NASTY = [
    "",
    " ",
    "nan",
    "-inf",
    "1e400",
    "9" * 400,
    "-1",
    "0",
    "1e-320",
    "٣",
    "1_0",
    "0x1",
    "1,0",
    "1;2",
    "(",
    "[]",
]
NASTY += [
    "None",
    "true",
    "\x00",
    "\ud800",
    "\u202e",
    "\n",
    "%00",
    "%",
    "../" * 9,
    "/etc/passwd",
    "C:\\",
    "a=b",
    ":",
]
NASTY += [
    "<script>alert(1)</script>",
    "' OR 1=1",
    "{0.__class__}",
    "$(id)",
    "é" * 300,
    ",,,",
    "g_Na:",
    ":1",
    "=",
    "===",
]
WORDS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.floats().map(str), st.integers().map(str))


def explore(num, strategy, act):
    """act(example) for so many examples."""
    quietly = settings(
        max_examples=num,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    quietly(given(strategy)(act))()


def is_one_sentence(text):
    return bool(text.strip()) and "\n" not in text and "Traceback" not in text and len(text) < 1200
