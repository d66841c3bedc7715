"""Names, units and numbers as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import words


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (5.0, "5"), (0.0, "0"), (-70.2766, "−70.3"), (0.07029, "0.0703"), (375.09, "375"),
        (0.00001234, "1.23e−05"), (1234567.8, "1.23e+06"), (float("nan"), "undefined"), (float("-inf"), "−∞"),
    ],
)  # fmt: skip
def test_numbers(value, written):
    assert words.number(value) == written


def test_units_are_typeset():
    assert words.with_unit("g_Na", "mS/cm2") == "g_Na (mS/cm²)"
    assert words.unit("uA/cm2 ms^0.5") == "µA/cm² √ms"
    assert words.with_unit("spikes", "") == "spikes"


@pytest.mark.parametrize(
    ("label", "markup"),
    [
        (r"$g_\mathrm{Na}$", "g<sub>Na</sub>"),
        ("$-V_T$", "−V<sub>T</sub>"),
        (r"$\tau_\mathrm{max}$", "τ<sub>max</sub>"),
        (r"$\theta$[3]", "θ<sub>3</sub>"),
        ("resting mean", "resting mean"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_labels_become_markup(label, markup):
    assert words.label_html(label) == markup


def test_durations_and_moments():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert [words.duration(s) for s in (0.2, 40, 125, 9000)] == [
        "under 1 s",
        "40 s",
        "about 2 min",
        "about 2 h",
    ]
    assert words.ago(now - timedelta(minutes=5), now=now) == "5 min ago"
