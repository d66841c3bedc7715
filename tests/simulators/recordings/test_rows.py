"""Rows of a table as observations."""

import numpy as np
import pytest

from simulators.recordings import RecordingError, rows_kind

KIND = rows_kind("x", "y")


@pytest.fixture
def write(tmp_path):
    """write(text) -> path."""

    def write(text):
        (tmp_path / "a.csv").write_text(text)
        return tmp_path / "a.csv"

    return write


def test_rows_are_read_in_the_order_of_the_model(write):
    path = write("# made up\ny; x; label\n1,5;2;day 1\n3;4;\n")
    assert KIND.sweeps(path) == [0, 1]
    row = KIND.read(path, sweep=0)
    assert np.array_equal(row.x, [[2.0, 1.5]])
    assert row.names == ("row 0",)
    contents = KIND.contents(path)
    assert contents.labels == ("day 1", "")
    assert contents.told == "2 rows of a.csv, 1 labels."
    assert KIND.describe(path).kind == "csv"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x\n1\n", "has no column y, but one for each feature is needed"),
        ("x,y\n", "there are 0 rows"),
        ("x,y\n1,2\n3\n", "line 3 has an empty or infinite cell"),
        ("x,y\n1,two\n", "the y in line 2 is 'two', but a number is needed"),
        ("x,y\n1,2\n3,4\n", "there are 2 rows; choose one of them"),
    ],
)
def test_one_sentence_for_what_is_wrong(write, text, words):
    path = write(text)
    with pytest.raises(RecordingError) as raised:
        KIND.read(path)
    assert str(raised.value).startswith("a.csv: ")
    assert words in str(raised.value)


def test_there_is_no_such_row(write):
    with pytest.raises(RecordingError, match="there is no row 5; the file has 0 to 1"):
        KIND.read(write("x,y\n1,2\n3,4\n"), sweep=5)
