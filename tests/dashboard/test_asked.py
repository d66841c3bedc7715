"""The observation, and what stands beside it, as the command line says it."""

import pytest

from dashboard.asked import Asked, observation_of
from tests.simulators.recordings import eeg_writers as writers


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("x,label\n0.2,a\n0.3,b\n0.1,b\n0.25,a\n")
    return file


def made(model="hnpe_toy", **typed):
    return observation_of(model, Asked(**typed))


def test_simulations_beside_the_built_in_observation():
    assert made(extra=("9",))["extra"] == {"num": 9, "is_diverse": True}
    assert made(extra=("9",), is_alike=True)["extra"] == {"num": 9, "is_diverse": False}
    assert made() == {"kind": "default"}


@pytest.mark.parametrize(
    ("typed", "sweeps"),
    [("1, 3", [1, 3]), ("b", [1, 2]), ("all", [1, 2, 3]), ("b,3,1", [1, 2, 3]), ("0", [])],
)
def test_rows_of_one_file(rows, typed, sweeps):
    found = made(observation=str(rows), sweep=0, extra_epochs=typed)
    assert (found["file"], found["sweep"]) == (str(rows), 0)
    extra = found.get("extra", [])
    assert sorted(one["sweep"] for one in extra) == sweeps
    assert all(one["label"] in "ab" and one["name"].startswith("row ") for one in extra)


def test_all_of_a_further_file(rows, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("x\n0.4\n0.5\n")
    extra = made(observation=str(rows), sweep=2, extra=(str(other),))["extra"]
    assert [(one["file"], one["sweep"], one["name"]) for one in extra] == [
        (str(other), 0, "other, row 0"),
        (str(other), 1, "other, row 1"),
    ]


def test_how_an_eeg_is_read(tmp_path):
    file = writers.write_table(tmp_path / "eeg.csv", writers.alpha_waves())
    found = made("jansen_rit", observation=str(file), sweep=1, extra_epochs="closed",
                      options={"channel": "Fp1", "low": "none", "high": "40"})  # fmt: skip
    assert found["options"] == {"channel": "Fp1", "low": None}
    assert [one["sweep"] for one in found["extra"]] == [0, 2]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"extra_epochs": "7"}, "rows.csv has no epoch or condition '7'; it has 0 to 3 and a, b"),
        ({"extra_epochs": "open"}, "has no epoch or condition 'open'"),
        ({"extra": ("nothing.csv",)}, "There is no recording 'nothing.csv'"),
        ({"options": {"channel": "Oz"}}, "leave out --read"),
        ({"is_alike": True}, "--alike is about simulations"),
    ],
)
def test_one_sentence_for_what_is_wrong(rows, typed, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the words are compared below
        made(observation=str(rows), **typed)
    assert words in str(caught.value)


class TestEmergentProperty:
    """Targets as words, and from a file."""

    def test_words(self):
        asked = Asked(targets=("real_part=0:0.25", "frequency=1:.1"))
        assert observation_of("linear_dynamics", asked) == {
            "kind": "property",
            "mean": {"real_part": 0.0, "frequency": 1.0},
            "sd": {"real_part": 0.25, "frequency": 0.1},
        }

    def test_a_file_whose_values_words_replace(self, tmp_path):
        file = tmp_path / "property.json"
        file.write_text('{"mean": {"frequency": 1}, "sd": {"frequency": 0.1}}')
        found = observation_of("linear_dynamics", Asked(property_file=file, targets=("frequency=2:0.2",)))
        assert found == {"kind": "property", "mean": {"frequency": 2.0}, "sd": {"frequency": 0.2}}

    @pytest.mark.parametrize(
        ("content", "change", "words"),
        [
            ("[]", {}, "property.json must hold"),
            ("{", {}, "property.json must hold"),
            ('{"mean": {}, "sd": {}}', {"targets": ("frequency=1",)}, "A target is written name=mean:sd"),
            ('{"mean": {}, "sd": {}}', {"sweep": 1}, "leave out what is about one"),
        ],
    )
    def test_what_is_wrong_is_told(self, tmp_path, content, change, words):
        file = tmp_path / "property.json"
        file.write_text(content)
        with pytest.raises(ValueError, match=words):
            observation_of("linear_dynamics", Asked(property_file=file, **change))
