import numpy as np
import pytest

from dashboard.views.draws import PosteriorDraws
from dashboard.views.selection import Selection, read_ranges, write_ranges

DRAWS = PosteriorDraws(("g_Na", "w[0]"), np.stack([np.arange(10.0), np.arange(10.0)[::-1]], axis=1))


def test_nothing_is_selected_at_first():
    selection = Selection()
    assert selection.rows(DRAWS) is None
    assert selection.sentence(DRAWS).startswith("10 draws; none selected.")


def test_draws_must_lie_in_all_ranges():
    selection = Selection(ranges={"g_Na": (2.0, 6.0), "w[0]": (5.0, 9.0)})
    assert selection.rows(DRAWS).tolist() == [2, 3, 4]
    assert selection.sentence(DRAWS) == "3 of 10 draws selected: g_Na 2 to 6, w[0] 5 to 9."


def test_clear_forgets_ranges_and_the_picked_draw():
    selection = Selection(ranges={"g_Na": (2.0, 6.0)}, picked=3)
    selection.clear()
    assert (selection.ranges, selection.picked) == ({}, None)


def test_two_selections_share_nothing():
    Selection().ranges["g_Na"] = (0.0, 1.0)
    assert Selection().ranges == {}


def test_a_link_gives_the_ranges_back():
    ranges = {"g_Na": (40.25, 52.0), "-V_T": (-1e-3, 3.0)}
    assert read_ranges(write_ranges(ranges), ["g_Na", "-V_T"]) == (ranges, [])
    assert read_ranges("", ["g_Na"]) == ({}, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("g_na:1:2", "There is no parameter 'g_na'. Did you mean 'g_Na'?"),
        ("g_Na:2:1", "'g_Na:2:1' is no selection; one is written name:low:high, for instance g_Na:1:2."),
        ("g_Na:one:2", "is no selection"),
        ("g_Na:nan:2", "is no selection"),
        ("g_Na:-inf:2", "is no selection"),
        ("g_Na", "is no selection"),
        (":::", "There is no parameter"),
        ("<script>:1:2", "There is no parameter"),
    ],
)
def test_a_bad_link_selects_nothing_and_says_why(text, words):
    ranges, problems = read_ranges(text, ["g_Na"])
    assert ranges == {}
    assert len(problems) == 1
    assert words in problems[0]


def test_the_good_part_of_a_link_is_kept():
    ranges, problems = read_ranges("g_Na:1:2,foo:3:4", ["g_Na"])
    assert ranges == {"g_Na": (1.0, 2.0)}
    assert len(problems) == 1


def test_the_sentence_gives_shares_beside_a_reference():
    selection = Selection(ranges={"g_Na": (2.0, 6.0)})
    half = PosteriorDraws(DRAWS.names, DRAWS.values[:4])
    assert selection.sentence(DRAWS, half) == (
        "5 of 10 draws (50 %) and 2 of 4 of the reference (50 %) selected: g_Na 2 to 6."
    )
    assert "none selected" in Selection().sentence(DRAWS, half)
