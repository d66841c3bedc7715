"""Notes and tags: what may be typed, and what is made of what anybody may have written into a folder."""

from dataclasses import replace

import pytest

from dashboard.notes import LONGEST_NOTE, MOST_TAGS, Notes, make_notes, read_notes
from dashboard.run_search import matches
from dashboard.views import run_rows
from dashboard.words import method_name
from inference.requests import Request


def test_tags_are_parted_by_spaces_or_commas_and_each_is_once():
    assert make_notes(" for figure 3\n", "paper, fig-3 paper,,grün") == Notes(
        "for figure 3", ("paper", "fig-3", "grün")
    )
    assert make_notes("", "") == Notes()


@pytest.mark.parametrize(
    ("note", "tags", "sentence"),
    [
        ("x" * (LONGEST_NOTE + 1), "", "at most 2000 characters; got 2001"),
        ("", "a" * 33, "up to 32 letters"),
        ("", "<b>", "got '<b>'"),
        ("", "tag:x", "got 'tag:x'"),
        ("", " ".join(map(str, range(MOST_TAGS + 1))), "at most 12 tags; got 13"),
    ],
)
def test_what_cannot_be_is_one_sentence(note, tags, sentence):
    with pytest.raises(ValueError, match=sentence):
        make_notes(note, tags)


@pytest.mark.parametrize(
    "record",
    [{}, {"note": 3, "tags": "a"}, {"note": None, "tags": [1, None, "<script>"]}, {"tags": {"a": 1}}],
)
def test_nonsense_in_a_folder_is_no_note(record):
    assert read_notes(record) == Notes()


def test_what_is_kept_is_read_again():
    notes = make_notes("a\nb", "x y")
    assert read_notes(notes.to_json()) == notes


def test_a_note_in_the_list_is_escaped_and_shortened_and_a_tag_finds_its_like(store):
    run = store.create(Request("two_moons"))
    run.update(note="<script>alert(1)</script>" + "long " * 60, tags=["paper", "<i>"])
    cell = run_rows.name_cell(run_rows.overview(run))
    assert "<script>" not in cell
    assert "&lt;script&gt;" in cell
    assert cell.endswith("…</span></span>")
    assert 'href="home?find=tag:paper">paper</a>' in cell
    assert "<i>" not in cell


def test_search(store):
    run = store.create(Request("two_moons"))
    run.set_state("failed", "Out of memory.")
    row = replace(run_rows.overview(run), remark="The Ridge is too narrow: why", tags=("Paper", "fig-3"))
    for wanted in ("", "two moons".split()[0], "RIDGE", "narrow: snpe", "tag:paper state:failed", "model:two",
                   "method:snpe ridge", "tag:fig-3", "fig", run.id, "built-in"):  # fmt: skip
        assert matches(row, wanted), wanted
    exact = replace(row, method=method_name("polya_gamma"), model="gaussian_mixture_mean")
    for wanted in ("method:polya", "Pólya", "model:mixture", "common"):  # "Gaussian mixture, common mean"
        assert matches(exact, wanted), wanted
    assert matches(replace(row, method=method_name("rejection_abc")), "method:rejection-abc")
    for wanted in ("pyloric", "ridge wide", "tag:pap", "state:done", "model:snpe", "tag:", "color:red"):
        assert not matches(row, wanted), wanted
